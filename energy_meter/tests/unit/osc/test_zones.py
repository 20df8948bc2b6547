# SPDX-License-Identifier: Apache-2.0

"""Tests for the zone of the user's machine."""

import argparse
import pathlib

import fixtures
from oslotest import base

from energy_meter.osc.v1 import zones

ZONEINFO = '/usr/share/zoneinfo'


class ZonesTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.useFixture(fixtures.EnvironmentVariable('TZ'))
        for name in 'localtime', 'timezone':
            self.useFixture(
                fixtures.MonkeyPatch(
                    f'energy_meter.osc.v1.zones._{name.upper()}',
                    self.directory / name,
                )
            )

    def local(self):
        return zones.local().key

    def test_variable_is_preferred(self):
        self.link('Asia/Tokyo')
        for text in (
            'Europe/Paris',
            ':Europe/Paris',
            f'{ZONEINFO}/Europe/Paris',
        ):
            self.useFixture(fixtures.EnvironmentVariable('TZ', text))

            self.assertEqual('Europe/Paris', self.local())

    def link(self, name):
        (self.directory / 'localtime').symlink_to(f'{ZONEINFO}/{name}')

    def test_link_of_the_system_is_followed(self):
        self.link('America/Argentina/Buenos_Aires')

        self.assertEqual('America/Argentina/Buenos_Aires', self.local())

    def test_copy_of_the_rules_needs_the_name(self):
        (self.directory / 'localtime').write_bytes(b'TZif')
        (self.directory / 'timezone').write_text('Asia/Tokyo\n')

        self.assertEqual('Asia/Tokyo', self.local())

    def test_zone_without_a_known_name_is_utc(self):
        self.assertEqual('UTC', self.local())

        for text in '', 'CET-1CEST,M3.5.0,M10.5.0/3', 'Middle/Earth':
            self.useFixture(fixtures.EnvironmentVariable('TZ', text))

            self.assertEqual('UTC', self.local())

    def test_invalid_names_are_rejected(self):
        for name in '', 'Europe', '../etc/passwd', '/etc/passwd', 'Mars', 'ü':
            error = self.assertRaises(
                argparse.ArgumentTypeError, zones.parse, name
            )

            self.assertIn('expected the name of a time zone', str(error))
