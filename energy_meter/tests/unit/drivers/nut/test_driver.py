# SPDX-License-Identifier: Apache-2.0

"""Channels of the driver nut, and their scopes."""

import types

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.nut import driver


def scope(*channels: str) -> str:
    return driver.NUT.scope_of(types.SimpleNamespace(channels=channels))


class ChannelTest(base.BaseTestCase):
    def test_channel_is_a_ups_or_an_outlet(self):
        for text, channel in (
            ('rack', ('rack', None)),
            ('rack-7:12', ('rack-7', '12')),
        ):
            self.assertEqual(channel, driver.Channel.parse(text))

    def test_other_channels_are_errors(self):
        for text in (
            '',
            ':1',
            'rack:',
            'rack:0',
            'rack:x',
            'a b',
            'a\nb',
            'a"',
        ):
            self.assertRaises(
                exception.DriverError, driver.Channel.parse, text
            )

    def test_scope_is_ups_or_outlet(self):
        self.assertEqual('ups', scope())
        self.assertEqual('ups', scope('rack', 'lab'))
        self.assertEqual('outlet', scope('rack:1', 'lab:1'))

    def test_ups_and_its_outlet_in_one_wattmeter_are_an_error(self):
        self.assertRaises(exception.DriverError, scope, 'rack', 'rack:1')
