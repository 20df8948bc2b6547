# SPDX-License-Identifier: Apache-2.0


"""The options of http_json make sense together, or it says why not."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import http_json
from energy_meter.tests import drivers


class OptionsTest(base.BaseTestCase):
    def refuse(self, *probes: str, **options: object) -> str:
        meter = drivers.make(
            http_json.HTTPJSON,
            *probes or ('p',),
            **{'url': 'http://127.0.0.1/'} | options,
        )
        self.addCleanup(meter.close)
        return str(self.assertRaises(exception.DriverError, meter.open))

    def test_there_must_be_something_to_find(self):
        self.assertEqual(
            'expected a preset, watts_path or energy_path', self.refuse()
        )

    def test_a_url_that_is_none_is_refused(self):
        self.assertIn(
            'expected http://HOST', self.refuse(url='plug', preset='tasmota')
        )

    def test_a_path_that_is_none_is_named(self):
        self.assertIn(
            'watts_path = a[ is no JSONPath', self.refuse(watts_path='a[')
        )

    def test_each_probe_needs_an_outlet(self):
        self.assertIn(
            'outlets names 1 for 2 probes',
            self.refuse('p', 'q', preset='tasmota', outlets=['a']),
        )

    def test_a_missing_file_of_authorities_is_named(self):
        self.assertIn(
            'ca_file = /nowhere',
            self.refuse(preset='tasmota', ca_file='/nowhere'),
        )
