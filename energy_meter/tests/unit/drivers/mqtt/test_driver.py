# SPDX-License-Identifier: Apache-2.0

"""Validation of the options of mqtt, and errors of the broker."""

import socket
from unittest import mock

from oslotest import base
from paho.mqtt import packettypes
from paho.mqtt import reasoncodes
import paho.mqtt.client

from energy_meter import exception
from energy_meter.drivers.mqtt import driver
from energy_meter.tests import drivers


class OptionsTest(base.BaseTestCase):
    def open_error(self, *probes: str, **options: object) -> str:
        meter = drivers.make(
            driver.MQTT, *probes or ('p',), **{'host': '127.0.0.1'} | options
        )
        self.addCleanup(meter.close)
        return str(self.assertRaises(exception.DriverError, meter.open))

    def test_without_preset_and_topics_is_an_error(self):
        self.assertEqual(
            'expected a preset, watts_topic or energy_topic', self.open_error()
        )

    def test_wildcard_is_an_error(self):
        self.assertEqual(
            'rack/+/w: expected a topic without wildcards',
            self.open_error(watts_topic='rack/+/w'),
        )

    def test_invalid_path_is_an_error_with_the_option(self):
        self.assertIn(
            'watts_path = a[ is not a JSONPath',
            self.open_error(watts_topic='rack', watts_path='a['),
        )

    def test_probe_without_channel_is_an_error(self):
        self.assertIn(
            'channels names 1 for 2 probes',
            self.open_error('p', 'q', preset='tasmota', channels=['plug']),
        )

    def test_repeated_channel_is_an_error(self):
        for names in (['plug', 'plug'], ['plug:0', 'plug']):
            self.assertIn(
                'channels: probes p and q have the same channel',
                self.open_error('p', 'q', preset='tasmota', channels=names),
            )


class ReasonCodesTest(base.BaseTestCase):
    def open_error(self, method: str, kind: int, *codes: int) -> Exception:
        """Return the error of a broker that responds with these codes."""
        reasons = [
            reasoncodes.ReasonCode(kind, identifier=code) for code in codes
        ]

        def loop_read(client: paho.mqtt.client.Client) -> int:
            if method == 'on_connect':
                client.on_connect(client, None, None, reasons[0], None)
            client.on_subscribe(client, None, 1, reasons, None)
            return 0

        meter = drivers.make(
            driver.MQTT, 'p', host='127.0.0.1', preset='tasmota'
        )
        ours, brokers = socket.socketpair()
        self.addCleanup(ours.close)
        brokers.close()
        with mock.patch.multiple(
            paho.mqtt.client.Client,
            connect=mock.Mock(),
            socket=lambda _client: ours,
            loop_read=loop_read,
        ):
            return self.assertRaises(exception.DriverError, meter.open)

    def test_rejected_subscription_is_an_error_with_the_topics(self):
        e = self.open_error(
            'on_subscribe', packettypes.PacketTypes.SUBACK, 0, 0x80
        )

        self.assertEqual(
            '127.0.0.1:1883: rejected the subscription to tele/p/SENSOR',
            str(e),
        )

    def test_busy_broker_is_unreachable(self):
        e = self.open_error(
            'on_connect', packettypes.PacketTypes.CONNACK, 0x89
        )

        self.assertIsInstance(e, exception.DeviceUnreachable)
        self.assertIn('Server busy', str(e))
