# SPDX-License-Identifier: Apache-2.0

"""Tests of each phase of the DevStack plugin against a stand-in.

What the plugin asks of DevStack is compared with the files of
tests/devstack/golden. After an intended change, read what the failed test
shows, and write it there.
"""

import pathlib
import typing

import fixtures
from oslotest import base
import testscenarios
import yaml

from energy_meter.tests.devstack import stand_in

TELEMETRY = (
    'key,mysql,rabbit,ceilometer-acentral,ceilometer-anotification,gnocchi-api'
)

SECRET = 'x' * 32

METER = """\
[wattmeter:rack1]
driver = dummy
probes = node-1, node-2
"""


def functions() -> dict[str, bool]:
    """Return the functions of DevStack; false for those not logged."""
    lines = (stand_in.HERE / 'functions.txt').read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith('#')]
    return {row[0]: row[-1] != '?' for row in rows}


def golden(name: str) -> str:
    """Read an expected log."""
    return (stand_in.HERE / 'golden' / f'{name}.log').read_text()


def called(log: str) -> set[str]:
    """Return the functions and commands in a log."""
    return {line.split()[0] for line in log.splitlines()} - {'=='}


class TestCase(base.BaseTestCase):
    def devstack(self, *services: str, **settings: str) -> stand_in.DevStack:
        return self.useFixture(stand_in.DevStack(*services, **settings))

    def wattmeters(self) -> pathlib.Path:
        """Create a directory with the file of one wattmeter."""
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        (directory / 'rack1.conf').write_text(METER)
        return directory


class ScenarioTest(testscenarios.WithScenarios, TestCase):
    """Complete life cycles of a machine, from stack.sh to clean.sh."""

    scenarios: typing.ClassVar = [
        ('mysql', {'services': 'key,mysql,rabbit', 'settings': {}}),
        (
            'postgresql',
            {
                'services': 'key,postgresql,rabbit',
                'settings': {'DISABLED_SERVICES': 'energy-rrd'},
            },
        ),
        (
            'telemetry',
            {
                'services': f'{TELEMETRY},tls-proxy',
                'settings': {'ENERGY_METER_DATABASE': 'mariadb'},
            },
        ),
        (
            'agent',
            {
                'services': 'n-cpu',
                'settings': {
                    'DISABLED_SERVICES': (
                        'energy-collector,energy-api,energy-rrd'
                    ),
                    'ENERGY_METER_BUS_SECRETS': 'the-secret-of-the-controller',
                    'ENERGY_METER_DUMMY_PROBES': '',
                },
            },
        ),
        (
            'disabled',
            {
                'services': 'key,mysql,rabbit',
                'settings': {
                    'DISABLED_SERVICES': 'energy-agent,'
                    'energy-collector,energy-api,energy-rrd'
                },
            },
        ),
    ]

    def setUp(self) -> None:
        super().setUp()
        self.name = self.id().rpartition('(')[2].rstrip(')')
        self.machine = self.devstack(self.services, **self.settings)

    def test_calls_match_the_expected_log(self):
        self.machine.stack()
        self.machine.run('unstack')
        self.machine.run('clean')

        self.assertEqual(golden(self.name), self.machine.log)

    def test_only_existing_functions_are_called(self):
        known = {*functions(), *stand_in.COMMANDS, 'python3', 'sudo'}

        self.assertEqual(set(), called(golden(self.name)) - known)

    def test_second_run_has_the_same_calls_and_result(self):
        self.machine.stack()
        log, files = self.machine.log, self.machine.contents()

        self.machine.stack()

        self.assertEqual(log + log, self.machine.log)
        self.assertEqual(files, self.machine.contents())

    def test_clean_removes_everything(self):
        before = self.machine.contents()
        self.machine.stack()

        self.machine.run('unstack')
        self.machine.run('clean')

        self.assertEqual(before, self.machine.contents())

    def test_clean_can_be_repeated(self):
        self.machine.run('clean')
        self.machine.run('clean')


class LogTest(TestCase):
    def test_each_listed_function_is_called(self):
        logs = ''.join(golden(name) for name, _ in ScenarioTest.scenarios)
        loud = {name for name, is_logged in functions().items() if is_logged}

        self.assertEqual({'die'}, loud - called(logs))

    def test_secrets_are_not_in_the_log_of_the_plugin(self):
        machine = self.devstack(
            'key,postgresql',
            TRACE='True',
            BASE_SQL_CONN='postgresql://root:hidden@127.0.0.1',
        )

        printed = machine.stack()

        self.assertIn(f'secrets = {SECRET}', machine.configuration())
        self.assertNotIn(SECRET, printed)
        self.assertIn('root:hidden@', machine.configuration())
        self.assertNotIn('root:hidden@', printed)
        self.assertIn('+ run_process energy-agent', printed)


class WattmetersTest(TestCase):
    def test_dummy_probes_are_metered_by_default(self):
        machine = self.devstack()

        machine.stack()

        self.assertIn('[wattmeter:dummy]', machine.configuration())

    def test_dummy_probes_can_be_omitted(self):
        machine = self.devstack(ENERGY_METER_DUMMY_PROBES='')

        machine.stack()

        self.assertNotIn('wattmeter', machine.configuration())

    def test_copied_wattmeter_file_is_readable_by_its_owner_only(self):
        machine = self.devstack(
            ENERGY_METER_WATTMETERS=str(self.wattmeters() / 'rack1.conf')
        )

        machine.stack()

        copy = machine.root / (
            'etc/energy_meter/energy_meter.conf.d/wattmeters.conf'
        )
        self.assertEqual(METER, copy.read_text())
        self.assertEqual(0o600, copy.stat().st_mode & 0o777)

    def test_wattmeter_directory_is_copied_again_by_each_run(self):
        directory = self.wattmeters()
        machine = self.devstack(ENERGY_METER_WATTMETERS=str(directory))
        machine.stack()
        (directory / 'rack1.conf').rename(directory / 'rack2.conf')

        machine.stack()

        copies = machine.root / 'etc/energy_meter/energy_meter.conf.d'
        self.assertEqual(
            ['rack2.conf'], [path.name for path in copies.iterdir()]
        )


class CeilometerTest(TestCase):
    def test_definitions_are_added_once_and_others_are_kept(self):
        machine = self.devstack(TELEMETRY)

        machine.stack()
        machine.stack()

        polling = yaml.safe_load(machine.read('etc/ceilometer/polling.yaml'))
        pipeline = yaml.safe_load(machine.read('etc/ceilometer/pipeline.yaml'))
        self.assertEqual(
            [
                'all_pollsters',
                'energy_meter_pollsters',
                'energy_meter_instance_pollsters',
            ],
            [source['name'] for source in polling['sources']],
        )
        self.assertEqual(
            ['meter_source', 'energy_meter_source'],
            [source['name'] for source in pipeline['sources']],
        )
        self.assertEqual(
            ['meter_sink', 'energy_meter_sink'],
            [sink['name'] for sink in pipeline['sinks']],
        )

    def test_clean_after_ceilometers_clean_succeeds(self):
        machine = self.devstack(TELEMETRY)
        machine.stack()
        for path in (machine.root / 'etc/ceilometer').iterdir():
            path.unlink()

        machine.run('clean')

        self.assertEqual([], list((machine.root / 'etc/ceilometer').iterdir()))


class InvalidSettingsTest(TestCase):
    def failure(self, *services: str, **settings: str) -> str:
        """Return the output of a failing stack.sh."""
        machine = self.devstack(*services, **settings)
        return str(self.assertRaises(AssertionError, machine.stack))

    def test_mariadb_without_its_service_fails(self):
        self.assertIn(
            'ENERGY_METER_DATABASE is mariadb, but the service mysql is not '
            'enabled',
            self.failure(
                'key,rabbit,postgresql', ENERGY_METER_DATABASE='mariadb'
            ),
        )

    def test_postgresql_without_its_service_fails(self):
        self.assertIn(
            'ENERGY_METER_DATABASE is postgresql, but the service postgresql '
            'is not enabled',
            self.failure(ENERGY_METER_DATABASE='postgresql'),
        )

    def test_unknown_database_fails(self):
        self.assertIn(
            'ENERGY_METER_DATABASE must be mariadb, postgresql or sqlite, not '
            'mysql',
            self.failure(ENERGY_METER_DATABASE='mysql'),
        )

    def test_missing_wattmeter_file_fails(self):
        self.assertIn(
            'ENERGY_METER_WATTMETERS must be a readable file or directory, '
            'not /nowhere',
            self.failure(ENERGY_METER_WATTMETERS='/nowhere'),
        )

    def test_ceilometer_enabled_after_energy_meter_fails(self):
        machine = self.devstack(TELEMETRY)
        (machine.root / 'etc/ceilometer/polling.yaml').unlink()

        error = self.assertRaises(AssertionError, machine.stack)

        self.assertIn('enable_plugin ceilometer must come before', str(error))
