# SPDX-License-Identifier: Apache-2.0

"""Tests of the graphs of energy-meter-standalone."""

import os
import pathlib
import stat

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import standalone


class StandaloneTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.standalone = standalone.Standalone(
            **{'wattmeter:one': {'driver': 'dummy', 'probes': 'node'}}
        )

    def probes(self):
        url = '/v1/probe-ids/'
        return browser.get(self.standalone.api_port, url).json['probe_ids']

    def test_prints_url_of_pages(self):
        self.useFixture(self.standalone)

        self.assertIn(
            f'Graphs:  {self.standalone.url}/\n', self.standalone.output()
        )
        response = browser.get(self.standalone.port, '/')
        self.assertEqual(302, response.status)

    def test_pages_show_energy_without_configuration(self):
        self.useFixture(self.standalone)

        def kwh():
            response = browser.get(
                self.standalone.port, '/energy/hour/node/?format=json'
            )
            return response.status == 200 and response.json['total']['kwh']

        base.wait_for(kwh, 60, 'energy')
        bars = browser.get(self.standalone.port, '/energy/hour/').body
        self.assertIn(b'class="bar ', bars)

    def test_data_in_a_world_readable_directory_is_not_world_readable(self):
        self.addCleanup(os.umask, os.umask(0o022))

        self.useFixture(self.standalone)
        data = self.standalone.data

        base.wait_for(
            lambda: {'.sqlite', '.json', '.rrd'} <= self.suffixes(data),
            60,
            'database, state and graphs are written',
        )
        self.assertEqual(
            [],
            [
                path
                for path in data.rglob('*')
                if path.stat().st_mode & stat.S_IRWXO
            ],
        )

    def suffixes(self, directory):
        return {path.suffix for path in directory.rglob('*')}

    def test_runs_without_rrdtool_and_reports_it(self):
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        pathlib.Path(directory, 'sitecustomize.py').write_text(
            "import sys\nsys.modules['rrdtool'] = None\n"
        )
        self.standalone.env['PYTHONPATH'] = directory

        self.useFixture(self.standalone)

        self.assertIn(
            'rrdtool is not installed (pip install energy-meter[rrd])\n',
            self.standalone.output(),
        )
        base.wait_for(lambda: self.probes() == ['node'], 30, 'a probe')
        self.assertFalse(base.listening(self.standalone.port))
