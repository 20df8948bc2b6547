# SPDX-License-Identifier: Apache-2.0

"""Checks of an installation by energy-meter-status."""

import json
import random

import fixtures
import sqlalchemy as sa

from energy_meter.cmd import status
from energy_meter.db import migration
from energy_meter.tests.unit.cmd import base
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases

#: Exit codes of oslo.upgradecheck.
SUCCESS, WARNING, FAILURE, UNEXPECTED = 0, 1, 2, 255


class StatusTest(base.CommandTest):
    """A database without tables."""

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


class UpgradeTest(StatusTest):
    def check(self, *options: str) -> base.Result:
        return self.run_command(status.main, 'upgrade', 'check', *options)

    def test_complete_installation_succeeds(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own')
        self.assertEqual(SUCCESS, self.check().code)

    def test_results_can_be_json(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own')
        results = json.loads(self.check('--json').output)
        self.assertEqual(len(status._CHECKS), len(results['checks']))

    def test_unsynced_database_is_a_failure(self):
        self.configure('a-secret-of-our-own')
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn(migration.head(), result.output)

    def test_unavailable_database_is_a_failure(self):
        self.write(
            '[DEFAULT]\ntransport_url = fake://\n'
            '[bus]\nsecrets = a-secret-of-our-own\n[database]\n'
            f'connection = sqlite:///{self.directory}/missing/db\n'
        )
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('Cannot use the database', result.output)

    def test_missing_configuration_file_is_reported_in_one_line(self):
        (self.directory / 'test.conf').unlink()
        result = self.check()
        self.assertEqual((UNEXPECTED, ''), result[:2])
        self.assertIn('test.conf', result.error)
        self.assertEqual(1, result.error.count('\n'))

    def test_invalid_option_is_reported_in_one_line(self):
        self.write('[api]\nprobe_ttl = long\n')
        result = self.check()
        self.assertEqual((UNEXPECTED, ''), result[:2])
        self.assertIn('[api] probe_ttl', result.error)
        self.assertEqual(1, result.error.count('\n'))

    def test_option_without_effect_is_a_warning(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own\n[api]\nprot = 1')

        result = self.check('--json')

        self.assertEqual(WARNING, result.code)
        self.assertIn(
            f'{self.directory}/test.conf:8: [api] prot: unknown option',
            result.output,
        )

    def test_unexpected_error_does_not_hide_other_results(self):
        def fail(conf):
            raise LookupError('hidden')

        migration.sync(self.engine)
        self.configure('current-secret')
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.cmd.status._CHECKS',
                {'Failure': fail, **status._CHECKS},
            )
        )
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('Unexpected error (LookupError)', result.output)
        self.assertNotIn('hidden', result.output)
        self.assertIn('documentation', result.output)

    def test_machine_of_the_api_alone_requires_no_bus(self):
        migration.sync(self.engine)
        self.write(f'[database]\nconnection = {self.url}\n')
        result = self.check()
        self.assertEqual(SUCCESS, result.code)
        self.assertIn('No bus is configured here', result.output)

    def test_missing_secrets_are_a_failure(self):
        migration.sync(self.engine)
        for secrets in ('', ','):
            self.configure(secrets)
            result = self.check()
            self.assertEqual(FAILURE, result.code)
            self.assertIn('set at least one secret', result.output)

    def test_invalid_secrets_of_an_agent_are_a_failure(self):
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own\n[agent:north]\nsecrets = another')
        result = self.check()
        self.assertEqual(FAILURE, result.code)
        self.assertIn('[agent:north]', result.output)
        self.assertNotIn('another', result.output)

    def test_secret_from_the_documentation_is_a_warning(self):
        migration.sync(self.engine)
        self.configure('current-secret')
        result = self.check()
        self.assertEqual(WARNING, result.code)
        self.assertIn('documentation', result.output)

    def test_nothing_configured_is_a_failure(self):
        self.write('[DEFAULT]\ndebug = true\n')

        result = self.check()

        self.assertEqual(FAILURE, result.code)
        self.assertIn('Nothing was checked', result.output)
        self.assertIn('test.conf', result.output)

    def test_other_words_than_check_are_refused(self):
        result = self.run_command(status.main, 'upgrade', 'chek')

        self.assertIn('chek', result.error)


class HealthTest(StatusTest):
    """A database and a bus within the process."""

    def setUp(self) -> None:
        super().setUp()
        migration.sync(self.engine)
        self.configure('a-secret-of-our-own')

    def health(self, *options: str) -> base.Result:
        return self.run_command(status.main, 'health', *options)

    def test_healthy_installation_is_ok(self):
        result = self.health()

        self.assertEqual((0, ''), (result.code, result.error))
        self.assertRegex(result.output, r'^OK: \d+ checks\n')

    def test_warning_is_named_in_the_first_line(self):
        # Given a probe that is not metered any more,
        measurements = agents.Agent('rack1', 'A', 1000)
        measurements.start(random.Random(1), agents.EPOCH)
        date = agents.EPOCH + 1000
        databases.deliver(self.engine, measurements.measure(date), date)

        result = self.health()

        first, *details = result.output.splitlines()
        self.assertEqual(1, result.code)
        self.assertIn('Stale probes', first)
        self.assertRegex(first, '^WARNING: ')
        self.assertRegex('\n'.join(details), 'WARNING: Stale .* rack1')

    def test_unavailable_database_is_critical(self):
        self.write('[database]\nconnection = sqlite:////missing/db\n')

        result = self.health()

        self.assertEqual(2, result.code)
        self.assertRegex(result.output, '^CRITICAL: Database revision\n')

    def test_nothing_configured_is_unknown(self):
        self.write('')

        result = self.health()

        self.assertEqual(3, result.code)
        self.assertRegex(result.output, '^UNKNOWN: .* transport_url')

    def test_invalid_configuration_is_unknown(self):
        self.write('[api]\nprobe_ttl = long\n')

        result = self.health()

        self.assertEqual(3, result.code)
        self.assertRegex(result.output, r'^UNKNOWN: .*\[api\] probe_ttl')

    def test_health_can_be_json(self):
        document = json.loads(self.health('--json').output)

        self.assertEqual('OK', document['state'])
        self.assertEqual(
            {'OK'}, {each['state'] for each in document['checks']}
        )
