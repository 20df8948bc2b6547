# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
