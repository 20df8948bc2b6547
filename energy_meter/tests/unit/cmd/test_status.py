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


"""Is an installation ready for this release?"""

import json

import sqlalchemy as sa

from energy_meter.cmd import status
from energy_meter.db import migration
from energy_meter.tests.unit.cmd import base

#: Exit codes of oslo.upgradecheck.
SUCCESS, WARNING, FAILURE, UNEXPECTED = 0, 1, 2, 255


class StatusTest(base.CommandTest):

    def setUp(self) -> None:
        super().setUp()
        self.engine = sa.create_engine(self.url)
        self.addCleanup(self.engine.dispose)

    def configure(self, secrets: str) -> None:
        self.write('[DEFAULT]\ntransport_url = fake://\n'
                   f'[database]\nconnection = {self.url}\n'
                   f'[bus]\nsecrets = {secrets}\n')

    def check(self, *options: str) -> base.Result:
        return self.run_command(status.main, 'upgrade', 'check', *options)

    def test_installation_that_is_ready(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own')
        self.assertEqual(SUCCESS, self.check().code)

    def test_programs_are_told_in_json(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own')
        told = json.loads(self.check('--json').output)
        self.assertEqual(len(status._CHECKS), len(told['checks']))

    def test_database_that_was_not_synced_is_a_failure(self):
        self.configure('a-secret-of-our-own')
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn(migration.head(), result.output)

    def test_database_that_is_away_is_a_failure(self):
        self.write('[DEFAULT]\ntransport_url = fake://\n'
                   '[bus]\nsecrets = a-secret-of-our-own\n[database]\n'
                   f'connection = sqlite:///{self.directory}/missing/db\n')
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('can not be used', result.output)

    def test_configuration_that_can_not_be_read_is_one_line(self):
        (self.directory / 'test.conf').unlink()
        result = self.check()
        self.assertEqual((UNEXPECTED, ''), result[:2])
        self.assertIn('test.conf', result.error)
        self.assertEqual(1, result.error.count('\n'))

    def test_missing_secrets_are_a_failure(self):
        migration.sync(self.engine)
        self.configure('')
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('Set [bus] secrets', result.output)

    def test_secret_that_everybody_knows_is_a_warning(self):
        migration.sync(self.engine)
        self.configure('current-secret')
        result = self.check()
        self.assertEqual(WARNING, result.code)
        self.assertIn('documentation', result.output)
