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

"""What energy-meter-status says of Keystone and of the endpoint."""

import json
import pathlib
import subprocess
import typing

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone


class StatusTest(test_base.BaseTestCase):

    def setUp(self) -> None:
        super().setUp()
        self.directory = pathlib.Path(
            self.useFixture(fixtures.TempDir()).path)
        self.api = self.useFixture(api.API(
            base.shared(keystone.Keystone), f'sqlite:///{self.directory}/db'))

    def check(self, *files: pathlib.Path) -> dict[str, typing.Any]:
        """Give what is said of Keystone where the API is configured.

        :param files: configure it differently.
        """
        options = [word for file in files for word in ('--config-file', file)]
        done = subprocess.run(
            [commands.script('energy-meter-status'), *self.api.argv[1:],
             *options, 'upgrade', 'check', '--json'],
            stdout=subprocess.PIPE, text=True, timeout=60)
        (found,) = (check for check in json.loads(done.stdout)['checks']
                    if check['check'].startswith('Keystone'))
        return found

    def test_the_endpoint_answers(self):
        self.assertEqual(0, self.check()['result'])

    def test_nobody_answers_at_the_endpoint(self):
        self.api.stop()

        found = self.check()

        self.assertEqual(2, found['result'])
        self.assertIn('Does energy-meter-api run there?', found['details'])

    def test_a_wrong_password(self):
        other = self.directory / 'other.conf'
        other.write_text('[keystone_authtoken]\npassword = mistaken\n')

        found = self.check(other)

        self.assertEqual(2, found['result'])
        self.assertIn('does not let us in (Unauthorized)', found['details'])
        self.assertNotIn('mistaken', found['details'])
