# SPDX-License-Identifier: Apache-2.0

"""The driver without an agent: options and probes in, readings out."""

import os
import pathlib
import tempfile
import types
import unittest

import energy_meter_logfile

from energy_meter import exception


class LogFileTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / 'watts'
        self.path.write_text('left 100.5\nright 42\n')

    def open(self, *probes):
        driver = energy_meter_logfile.LogFile(
            types.SimpleNamespace(path=str(self.path), max_age=60.0), probes
        )
        driver.open()
        return driver

    def read(self, driver):
        return {reading.probe: reading.watts for reading in driver.read()}

    def test_each_line_is_an_outlet(self):
        driver = self.open('node-1', 'node-2')

        self.assertEqual({'node-1': 100.5, 'node-2': 42.0}, self.read(driver))

    def test_an_outlet_can_be_left_out(self):
        self.assertEqual(
            {'node-2': 42.0}, self.read(self.open(None, 'node-2'))
        )

    def test_outlets_are_listed_for_whoever_names_no_probes(self):
        self.assertEqual(
            ['left', 'right'],
            [outlet.name for outlet in self.open().outlets()],
        )

    def test_an_outlet_that_is_not_shown_has_no_reading(self):
        driver = self.open('node-1', 'node-2')
        self.path.write_text('right 42\n')

        self.assertEqual({'node-2': 42.0}, self.read(driver))

    def test_what_makes_no_sense_is_an_error(self):
        driver = self.open('node-1', 'node-2')

        for text in ('left\n', 'left 1 2\n', 'left much\n'):
            self.path.write_text(text)
            self.assertRaises(exception.ProtocolError, driver.read)

    def test_what_was_written_long_ago_is_an_error(self):
        driver = self.open('node-1', 'node-2')
        os.utime(self.path, (0, 0))

        self.assertRaises(exception.DeviceUnreachable, driver.read)

    def test_a_probe_without_an_outlet_is_an_error(self):
        self.assertRaises(exception.DriverError, self.open, 'node-1')


if __name__ == '__main__':
    unittest.main()
