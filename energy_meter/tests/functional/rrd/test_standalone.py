# SPDX-License-Identifier: Apache-2.0


"""Graphs in the standalone, where they can be had."""

import pathlib

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

    def test_prints_where_to_look(self):
        self.useFixture(self.standalone)

        self.assertIn(
            f'open {self.standalone.url}/\n', self.standalone.output()
        )
        answer = browser.get(self.standalone.port, '/')
        self.assertEqual(302, answer.status)

    def test_goes_on_without_rrdtool_and_says_so(self):
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
