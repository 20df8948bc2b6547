# SPDX-License-Identifier: Apache-2.0

"""Test of the driver without an agent."""

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

    def test_each_line_is_a_channel(self):
        driver = self.open('node-1', 'node-2')

        self.assertEqual({'node-1': 100.5, 'node-2': 42.0}, self.read(driver))

    def test_channel_without_probe_is_skipped(self):
        self.assertEqual(
            {'node-2': 42.0}, self.read(self.open(None, 'node-2'))
        )

    def test_lists_its_channels(self):
        self.assertEqual(
            ['left', 'right'],
            [channel.name for channel in self.open().channels()],
        )

    def test_invalid_line_costs_only_its_probe(self):
        driver = self.open('node-1', 'node-2')

        for text in ('', 'left\n', 'left 1 2\n', 'left much\n', 'left -\n'):
            self.path.write_text(f'{text}right 42\n')
            self.assertEqual({'node-2': 42.0}, self.read(driver))

    def test_file_without_any_value_is_an_error(self):
        driver = self.open('node-1', 'node-2')
        self.path.write_text('left much\n')

        with self.assertRaisesRegex(
            exception.DriverError, 'expected "left WATTS", not \'much\''
        ):
            driver.read()

    def test_outdated_file_is_an_error(self):
        driver = self.open('node-1', 'node-2')
        os.utime(self.path, (0, 0))

        with self.assertRaisesRegex(exception.DriverError, 'max_age = 60'):
            driver.read()

    def test_missing_channel_is_an_error(self):
        self.assertRaises(exception.DriverError, self.open, 'node-1')


if __name__ == '__main__':
    unittest.main()
