# SPDX-License-Identifier: Apache-2.0

"""Commands of energy-meter-manage."""

import csv
import datetime
import io
import json

import fixtures
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.cmd import manage
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.db import schema
from energy_meter.tests.unit.cmd import base

AGENT = '6a0d3aa8-7f4f-4a93-9f0c-3f3e4f6d7c11'
REGISTER = '0123456789abcdef'
MILLIJOULES_PER_KWH = 3_600_000_000
HOUR_S = 3600.0


class ManageTest(base.CommandTest):
    def manage(self, *arguments: str) -> base.Result:
        return self.run_command(manage.main, *arguments)

    def succeed(self, *arguments: str) -> str:
        result = self.manage(*arguments)
        self.assertEqual((0, ''), (result.code, result.error))
        return result.output

    def expect_error(self, *arguments: str) -> str:
        result = self.manage(*arguments)
        self.assertNotEqual(0, result.code)
        self.assertEqual('', result.output)
        return result.error

    def measure(self, ago: float, probe: str = 'p') -> None:
        """Write a measurement of 1.25 kWh.

        :param ago: seconds since then.
        """
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with db_engine.writing(engine) as connection:
            date = db_engine.now(connection) - int(ago * 1000)
            store.write(
                connection,
                [
                    measurement.Measurement(
                        measurement.Series(
                            measurement.Probe(
                                probe,
                                'node',
                                'node-41',
                                'rack1',
                                'dummy',
                                'north',
                            ),
                            measurement.RegisterKey(AGENT, REGISTER),
                            None,
                            True,
                        ),
                        date,
                        int(HOUR_S * 1000),
                        5 * MILLIJOULES_PER_KWH // 4,
                        int(HOUR_S * 500),
                        173.0,
                    )
                ],
                date,
            )


class DatabaseTest(ManageTest):
    def test_sync_shows_both_revisions(self):
        self.assertEqual(
            f'Revision none -> {migration.head()}\n',
            self.succeed('db', 'sync'),
        )
        self.assertEqual(
            f'Revision {migration.head()}\n', self.succeed('db', 'sync')
        )

    def test_version_shows_current_and_required_revision(self):
        required = f'this release requires {migration.head()}\n'
        self.assertEqual(
            f'Revision none; {required}', self.succeed('db', 'version')
        )
        self.succeed('db', 'sync')
        self.assertEqual(
            f'Revision {migration.head()}; {required}',
            self.succeed('db', 'version'),
        )

    def test_database_without_tables_is_reported_in_one_line(self):
        error = self.expect_error('probe', 'list')
        self.assertIn('run energy-meter-manage db sync', error)
        self.assertNotIn('SELECT', error)

    def test_unavailable_database_is_reported_in_one_line(self):
        self.write(
            f'[database]\nconnection = sqlite:///{self.directory}/missing/db\n'
        )
        error = self.expect_error('db', 'sync')
        self.assertIn('check [database] connection', error)
        self.assertNotIn('db sync', error)

    def test_missing_configuration_file_is_named(self):
        (self.directory / 'test.conf').unlink()
        self.assertIn('test.conf', self.expect_error('db', 'version'))

    def test_incomplete_command_shows_usage(self):
        for arguments in ((), ('db',), ('db', 'drop')):
            self.assertIn('usage:', self.expect_error(*arguments))


class RegistersTest(ManageTest):
    def setUp(self) -> None:
        super().setUp()
        self.succeed('db', 'sync')

    def test_registers_are_listed_with_their_energy(self):
        self.measure(ago=0)
        for arguments in (('list',), ('show', 'p')):
            output = self.succeed('register', *arguments)
            for value in (
                'p',
                'active',
                '1.250000',
                '0.5000',
                'north',
                AGENT,
                REGISTER,
            ):
                self.assertIn(f' {value} ', output)

    def test_stale_probes_are_listed(self):
        self.measure(ago=400 * 24 * HOUR_S)
        output = self.succeed('probe', 'list')
        for value in ('p', '1.250000', '173.0', 'node', 'node-41', 'rack1'):
            self.assertIn(f' {value} ', output)

    def test_energy_between_two_dates_is_shown(self):
        self.measure(ago=HOUR_S)
        start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(
            hours=1.5
        )
        self.assertEqual(
            '1.250000 kWh\n', self.succeed('probe', 'energy', 'p')
        )
        output = self.succeed(
            'probe', 'energy', 'p', '--start', start.isoformat()
        )
        self.assertAlmostEqual(0.625, float(output.split()[0]), delta=0.01)
        self.assertEqual(
            '0.000000 kWh\n',
            self.succeed(
                'probe', 'energy', 'p', '--end', '2001-01-01T00:00+01:00'
            ),
        )

    def test_invalid_date_is_rejected(self):
        self.assertIn(
            '--start',
            self.expect_error('probe', 'energy', 'p', '--start', 'x'),
        )

    def test_wrong_clock_is_shown(self):
        self.measure(ago=0)
        engine = sa.create_engine(self.url)
        self.addCleanup(engine.dispose)
        with engine.begin() as connection:
            connection.execute(schema.register.update().values(synced=False))
        self.assertIn(' unset ', self.succeed('register', 'list'))

    def test_void_shows_the_removed_energy(self):
        self.measure(ago=0)
        self.assertIn(
            'Removed 1.250000 kWh from probe p',
            self.succeed('register', 'void', 'p', AGENT, REGISTER, '--yes'),
        )
        self.assertIn(' void ', self.succeed('register', 'list'))
        self.assertIn(' 0.000000 ', self.succeed('probe', 'list'))

    def test_delete_shows_the_removed_energy(self):
        self.measure(ago=HOUR_S)
        self.assertEqual(
            'Deleted probe p with 1.250000 kWh\n',
            self.succeed('probe', 'delete', 'p', '--yes'),
        )
        self.assertNotIn('rack1', self.succeed('probe', 'list'))

    def test_deleting_a_metered_probe_fails(self):
        self.measure(ago=0)
        self.assertRegex(
            self.expect_error('probe', 'delete', 'p', '--yes'),
            r'probe p .* \d+ s ago',
        )

    def test_unknown_probe_or_register_is_named(self):
        self.measure(ago=0)
        self.assertIn('probe x', self.expect_error('probe', 'delete', 'x'))
        self.assertIn('probe x', self.expect_error('register', 'show', 'x'))
        self.assertIn(
            'register x of probe p',
            self.expect_error('register', 'void', 'p', AGENT, 'x'),
        )


class FormatTest(ManageTest):
    """A probe without power, and one register of 1.25 kWh."""

    def setUp(self) -> None:
        super().setUp()
        self.succeed('db', 'sync')
        self.measure(ago=0)

    def test_lists_can_be_json(self):
        (register,) = json.loads(
            self.succeed('register', 'list', '--format', 'json')
        )
        (agent,) = json.loads(
            self.succeed('agent', 'list', '--format', 'json')
        )

        self.assertEqual(
            (1.25, 0.0, None, 0.5, 'north', AGENT, REGISTER),
            tuple(
                register[name]
                for name in (
                    'kwh',
                    'overlap_kwh',
                    'clock',
                    'coverage',
                    'agent_name',
                    'agent',
                    'register',
                )
            ),
        )
        self.assertEqual((1, None), (agent['probes'], agent['disabled']))

    def test_lists_can_be_csv(self):
        (row,) = csv.DictReader(
            io.StringIO(self.succeed('probe', 'list', '--format', 'csv'))
        )

        self.assertEqual(
            ('p', '1.25', '173.0', '0.5', 'rack1'),
            tuple(
                row[name]
                for name in ('probe', 'kwh', 'w', 'coverage', 'wattmeter')
            ),
        )

    def test_empty_lists_have_the_names_of_columns_only(self):
        arguments = ('day', 'list', 'p', '--format')

        self.assertEqual('[]\n', self.succeed(*arguments, 'json'))
        self.assertRegex(self.succeed(*arguments, 'csv'), r'^day,.*waiting\n$')


class GnocchiTest(ManageTest):
    def setUp(self) -> None:
        super().setUp()
        self.succeed('db', 'sync')

    def test_difference_in_gnocchi_fails(self):
        self.useFixture(
            fixtures.MockPatch('energy_meter.clients.keystone.connect')
        )
        self.useFixture(
            fixtures.MockPatch(
                'energy_meter.clients.gnocchi.setup', lambda cloud: False
            )
        )

        self.assertIn(
            'differs in Gnocchi from what this release creates',
            self.expect_error('gnocchi', 'setup'),
        )

    def test_probes_with_different_resources_pass(self):
        for probe in 'rack1/a', 'rack1/b':
            self.measure(ago=0, probe=probe)

        self.assertEqual(
            '2 probes, each with its own resource\n',
            self.succeed('gnocchi', 'check'),
        )

    def test_probes_with_the_same_resource_are_named(self):
        for probe in 'rack1/a', 'rack1_a', 'b':
            self.measure(ago=400 * 24 * HOUR_S, probe=probe)

        result = self.manage('gnocchi', 'check')

        self.assertEqual(
            (1, 'rack1/a and rack1_a would share the resource rack1_a\n'),
            (result.code, result.output),
        )
        self.assertIn('rename all but one', result.error)
