# SPDX-License-Identifier: Apache-2.0


"""The commands of energy-meter-manage."""

import fixtures
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.cmd import manage
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.tests.unit.cmd import base

AGENT = '6a0d3aa8-7f4f-4a93-9f0c-3f3e4f6d7c11'
REGISTER = '0123456789abcdef'
MILLIJOULES_PER_KWH = 3_600_000_000
HOUR = 3600.0


class ManageTest(base.CommandTest):
    def manage(self, *words: str) -> base.Result:
        return self.run_command(manage.main, *words)

    def succeed(self, *words: str) -> str:
        result = self.manage(*words)
        self.assertEqual((0, ''), (result.code, result.error))
        return result.output

    def refuse(self, *words: str) -> str:
        result = self.manage(*words)
        self.assertNotEqual(0, result.code)
        self.assertEqual('', result.output)
        return result.error

    def hear(self, ago: float, probe: str = 'p') -> None:
        """Let a register of 1.25 kWh have been heard of."""
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.begin() as connection:
            now = db_engine.now(connection) - ago
            store.write(
                connection,
                [
                    measurement.Measurement(
                        measurement.Probe(
                            probe, 'node', 'node-41', 'rack1', 'dummy', 'agent'
                        ),
                        measurement.RegisterKey(AGENT, REGISTER, 1),
                        now,
                        HOUR,
                        5 * MILLIJOULES_PER_KWH // 4,
                        HOUR / 2,
                        173.0,
                    )
                ],
                now,
                60,
            )


class DatabaseTest(ManageTest):
    def test_sync_tells_from_which_revision_to_which(self):
        self.assertEqual(
            f'Revision none -> {migration.head()}\n',
            self.succeed('db', 'sync'),
        )
        self.assertEqual(
            f'Revision {migration.head()}\n', self.succeed('db', 'sync')
        )

    def test_version_tells_what_is_there_and_what_is_needed(self):
        needed = f'this release needs {migration.head()}\n'
        self.assertEqual(
            f'Revision none; {needed}', self.succeed('db', 'version')
        )
        self.succeed('db', 'sync')
        self.assertEqual(
            f'Revision {migration.head()}; {needed}',
            self.succeed('db', 'version'),
        )

    def test_database_without_tables_is_told_in_one_line(self):
        error = self.refuse('probe', 'list')
        self.assertIn('run energy-meter-manage db sync', error)
        self.assertNotIn('SELECT', error)

    def test_database_that_is_away_is_told_in_one_line(self):
        self.write(
            f'[database]\nconnection = sqlite:///{self.directory}/missing/db\n'
        )
        error = self.refuse('db', 'sync')
        self.assertIn('see [database] connection', error)
        self.assertNotIn('db sync', error)

    def test_missing_configuration_is_told(self):
        (self.directory / 'test.conf').unlink()
        self.assertIn('test.conf', self.refuse('db', 'version'))

    def test_command_needs_to_be_told_what_to_do(self):
        for words in ((), ('db',), ('db', 'drop')):
            self.assertIn('usage:', self.refuse(*words))


class RegistersTest(ManageTest):
    def setUp(self) -> None:
        super().setUp()
        self.succeed('db', 'sync')
        self.useFixture(
            fixtures.MockPatch('getpass.getuser', lambda: 'operator')
        )

    def test_registers_are_listed_with_their_energy(self):
        self.hear(ago=0)
        for words in (('list',), ('show', 'p')):
            listed = self.succeed('register', *words)
            for item in ('p', 'owner', '1.250000', '0.5000', AGENT, REGISTER):
                self.assertIn(f' {item} ', listed)

    def test_probes_are_listed_however_long_they_are_silent(self):
        self.hear(ago=400 * 24 * HOUR)
        listed = self.succeed('probe', 'list')
        for item in ('p', '1.250000', '173.0', 'node', 'node-41', 'rack1'):
            self.assertIn(f' {item} ', listed)

    def test_void_tells_by_how_much_the_probe_fell(self):
        self.hear(ago=0)
        self.assertIn(
            'probe p fell by 1.250000 kWh',
            self.succeed('register', 'void', 'p', AGENT, REGISTER),
        )
        self.assertIn(' voided ', self.succeed('register', 'list'))
        self.assertIn(' 0.000000 ', self.succeed('probe', 'list'))

    def test_forget_tells_the_energy_that_is_gone(self):
        self.hear(ago=HOUR)
        self.assertEqual(
            'Probe p and its 1.250000 kWh are gone\n',
            self.succeed('probe', 'forget', 'p'),
        )
        self.assertNotIn('rack1', self.succeed('probe', 'list'))

    def test_who_did_it_is_written_down(self):
        self.hear(ago=HOUR)
        self.succeed('probe', 'forget', 'p')
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.connect() as connection:
            self.assertEqual(
                'operator', connection.scalar(sa.text('SELECT who FROM audit'))
            )

    def test_probe_that_is_metered_is_not_forgotten(self):
        self.hear(ago=0)
        self.assertIn(
            'probe p was heard of', self.refuse('probe', 'forget', 'p')
        )

    def test_what_is_not_known_is_told(self):
        self.hear(ago=0)
        self.assertIn('no probe x', self.refuse('probe', 'forget', 'x'))
        self.assertIn('no probe x', self.refuse('register', 'show', 'x'))
        self.assertIn(
            'no register x of probe p',
            self.refuse('register', 'void', 'p', AGENT, 'x'),
        )


class GnocchiTest(ManageTest):
    def setUp(self) -> None:
        super().setUp()
        self.succeed('db', 'sync')

    def test_difference_in_gnocchi_is_a_failure(self):
        self.useFixture(fixtures.MockPatch('energy_meter.keystone.connect'))
        self.useFixture(
            fixtures.MockPatch(
                'energy_meter.gnocchi.setup', lambda cloud: False
            )
        )

        self.assertIn(
            'otherwise than this release makes it',
            self.refuse('gnocchi', 'setup'),
        )

    def test_probes_that_gnocchi_tells_apart_pass(self):
        for probe in 'rack1/a', 'rack1/b':
            self.hear(ago=0, probe=probe)

        self.assertEqual(
            '2 probes, each a resource of its own\n',
            self.succeed('gnocchi', 'check'),
        )

    def test_probes_that_gnocchi_would_mix_are_told(self):
        for probe in 'rack1/a', 'rack1_a', 'b':
            self.hear(ago=400 * 24 * HOUR, probe=probe)

        result = self.manage('gnocchi', 'check')

        self.assertEqual(
            (1, 'rack1/a and rack1_a would share the resource rack1_a\n'),
            (result.code, result.output),
        )
        self.assertIn('rename all but one:', result.error)
