# SPDX-License-Identifier: Apache-2.0


"""Is an installation ready for this release?"""

import json

import fixtures
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
        self.write(
            '[DEFAULT]\ntransport_url = fake://\n'
            f'[database]\nconnection = {self.url}\n'
            f'[bus]\nsecrets = {secrets}\n'
        )

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
        self.write(
            '[DEFAULT]\ntransport_url = fake://\n'
            '[bus]\nsecrets = a-secret-of-our-own\n[database]\n'
            f'connection = sqlite:///{self.directory}/missing/db\n'
        )
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('can not be used', result.output)

    def test_configuration_that_can_not_be_read_is_one_line(self):
        (self.directory / 'test.conf').unlink()
        result = self.check()
        self.assertEqual((UNEXPECTED, ''), result[:2])
        self.assertIn('test.conf', result.error)
        self.assertEqual(1, result.error.count('\n'))

    def test_option_that_is_ill_typed_is_one_line(self):
        self.write('[api]\nprobe_ttl = long\n')
        result = self.check()
        self.assertEqual((UNEXPECTED, ''), result[:2])
        self.assertIn('[api] probe_ttl', result.error)
        self.assertEqual(1, result.error.count('\n'))

    def test_check_that_breaks_does_not_hide_the_others(self):
        def break_down(conf):
            raise LookupError('hush')

        migration.sync(self.engine)
        self.configure('current-secret')
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.cmd.status._CHECKS',
                {'Fate': break_down, **status._CHECKS},
            )
        )
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('It broke (LookupError)', result.output)
        self.assertNotIn('hush', result.output)
        self.assertIn('from the documentation', result.output)

    def test_machine_of_the_api_alone_needs_no_bus(self):
        migration.sync(self.engine)
        self.write(f'[database]\nconnection = {self.url}\n')
        result = self.check()
        self.assertEqual(SUCCESS, result.code)
        self.assertIn('all but the API need', result.output)

    def test_missing_secrets_are_a_failure(self):
        migration.sync(self.engine)
        for secrets in ('', ','):
            self.configure(secrets)
            result = self.check()
            self.assertEqual(FAILURE, result.code)
            self.assertIn('set at least one secret', result.output)

    def test_own_secrets_that_make_no_sense_are_a_failure(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own\n[agent:north]\nsecrets = another')
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('[agent:north]', result.output)
        self.assertNotIn('another', result.output)

    def test_secret_that_everybody_knows_is_a_warning(self):
        migration.sync(self.engine)
        self.configure('current-secret')
        result = self.check()
        self.assertEqual(WARNING, result.code)
        self.assertIn('documentation', result.output)
