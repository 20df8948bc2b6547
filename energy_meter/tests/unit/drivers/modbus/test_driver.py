# SPDX-License-Identifier: Apache-2.0


"""The Modbus driver's options make sense together, or it says why not."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.modbus import driver
from energy_meter.tests import drivers


class OptionsTest(base.BaseTestCase):
    def refuse(self, *probes: str, **options: object) -> str:
        options = {'host': '127.0.0.1', 'map': ['sdm120']} | options
        meter = drivers.make(driver.Modbus, *probes or ('p',), **options)
        self.addCleanup(meter.close)
        return str(self.assertRaises(exception.DriverError, meter.open))

    def test_a_line_is_either_tcp_or_serial(self):
        for options in ({'host': None}, {'device': '/dev/ttyUSB0'}):
            self.assertIn(
                'expected host for Modbus TCP or device',
                self.refuse(**options),
            )

    def test_each_probe_needs_a_unit(self):
        self.assertIn('units names 1 for 2 probes', self.refuse('p', 'q'))

    def test_each_unit_needs_a_map(self):
        self.assertIn(
            'units names 2 for 3 probes',
            self.refuse(
                'p', 'q', 'r', units=[1, 2, 3], map=['sdm120', 'sdm630']
            ),
        )

    def test_an_unknown_map_is_named(self):
        self.assertIn('map = sdm121', self.refuse(map=['sdm121']))

    def test_unit_ids_are_numbers_of_one_byte(self):
        self.assertRaises(ValueError, self.refuse, units=[256])
