# SPDX-License-Identifier: Apache-2.0

"""Tests of the Modbus driver's options."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.modbus import driver
from energy_meter.tests import drivers


class OptionsTest(base.BaseTestCase):
    def open_error(self, *probes: str, **options: object) -> str:
        options = {'host': '127.0.0.1', 'map': ['sdm120']} | options
        meter = drivers.make(driver.Modbus, *probes or ('p',), **options)
        self.addCleanup(meter.close)
        return str(self.assertRaises(exception.DriverError, meter.open))

    def test_host_and_device_are_mutually_exclusive(self):
        for options in ({'host': None}, {'device': '/dev/ttyUSB0'}):
            self.assertIn(
                'expected either host for Modbus TCP or device',
                self.open_error(**options),
            )

    def test_fewer_units_than_probes_are_rejected(self):
        self.assertIn('units names 1 for 2 probes', self.open_error('p', 'q'))

    def test_fewer_maps_than_units_are_rejected(self):
        self.assertIn(
            'units names 2 for 3 probes',
            self.open_error(
                'p', 'q', 'r', units=[1, 2, 3], map=['sdm120', 'sdm630']
            ),
        )

    def test_same_unit_with_same_map_is_rejected(self):
        self.assertIn(
            'units: probes p and r have the same channel',
            self.open_error('p', 'q', 'r', units=[7, 8, 7]),
        )

    def test_unknown_map_is_rejected(self):
        self.assertIn('map = sdm121', self.open_error(map=['sdm121']))

    def test_unit_id_above_255_is_rejected(self):
        self.assertRaises(ValueError, self.open_error, units=[256])
