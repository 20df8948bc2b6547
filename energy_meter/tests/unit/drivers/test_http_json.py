# SPDX-License-Identifier: Apache-2.0

"""Validation of the options of http_json."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import http_json
from energy_meter.tests import drivers


class OptionsTest(base.BaseTestCase):
    def open_error(self, *probes: str, **options: object) -> str:
        meter = drivers.make(
            http_json.HTTPJSON,
            *probes or ('p',),
            **{'url': 'http://127.0.0.1/'} | options,
        )
        self.addCleanup(meter.close)
        return str(self.assertRaises(exception.DriverError, meter.open))

    def test_without_preset_and_paths_is_an_error(self):
        self.assertEqual(
            'expected a preset, watts_path or energy_path', self.open_error()
        )

    def test_invalid_url_is_an_error(self):
        self.assertIn(
            'expected http://HOST',
            self.open_error(url='plug', preset='tasmota'),
        )

    def test_invalid_path_is_an_error_with_the_option(self):
        self.assertIn(
            'watts_path = a[ is not a JSONPath',
            self.open_error(watts_path='a['),
        )

    def test_probe_without_channel_is_an_error(self):
        self.assertIn(
            'channels names 1 for 2 probes',
            self.open_error('p', 'q', preset='tasmota', channels=['a']),
        )

    def test_missing_ca_file_is_an_error_with_its_path(self):
        self.assertIn(
            'ca_file = /nowhere',
            self.open_error(preset='tasmota', ca_file='/nowhere'),
        )

    def test_repeated_channel_is_an_error(self):
        self.assertIn(
            'channels: probes p and q have the same channel',
            self.open_error('p', 'q', preset='tasmota', channels=['0', '0']),
        )

    def test_records_without_time_are_an_error(self):
        self.assertIn(
            'records_path: expected time_path',
            self.open_error(watts_path='w', records_path='$[*]'),
        )

    def test_invalid_selector_is_an_error_with_the_option(self):
        self.assertIn(
            'watts_path = a{b} does not select a sample',
            self.open_error(watts_path='a{b}', format='prometheus'),
        )

    def test_option_of_another_format_is_an_error(self):
        # A time that is not read would let stale values be billed.
        self.assertIn(
            'time_path: expected format = json',
            self.open_error(
                watts_path='w', time_path='t', format='prometheus'
            ),
        )
