# SPDX-License-Identifier: Apache-2.0

"""Tests for --check of the services besides the agent, and --connect."""

import typing

import fixtures

from energy_meter.cmd import agent
from energy_meter.cmd import api
from energy_meter.cmd import collector
from energy_meter.cmd import forwarder
from energy_meter.cmd import rrd
from energy_meter.cmd import service
from energy_meter.cmd import standalone
from energy_meter.tests.unit.cmd import base

#: A port on which no process listens.
CLOSED = 1

VALID = f"""\
[DEFAULT]
transport_url = rabbit://u:p@127.0.0.1:{CLOSED}/
[bus]
secrets = 5f1d7a90c3be4826
[database]
connection = sqlite://
[forwarder]
sources = rabbit://u:p@127.0.0.2:{CLOSED}/
[keystone_authtoken]
auth_type = password
auth_url = http://127.0.0.1:{CLOSED}/v3
username = u
password = p
project_name = service
user_domain_id = default
project_domain_id = default
[wattmeter:desk]
driver = dummy
probes = desk-1
"""

SERVICES: dict[str, typing.Callable[[], None]] = {
    'agent': agent.main,
    'api': api.main,
    'collector': collector.main,
    'forwarder': forwarder.main,
    'rrd': rrd.main,
}


class CheckTestCase(base.CommandTest):
    def check(
        self, main: typing.Callable[[], None], text: str, *options: str
    ) -> base.Result:
        self.write(text)
        return self.run_command(main, '--check', *options)


class CheckTest(CheckTestCase):
    def test_valid_configuration_passes_in_every_service(self):
        for name, main in SERVICES.items():
            result = self.check(main, VALID)

            self.assertEqual((0, ''), (result.code, result.error), name)
            self.assertTrue(result.output.startswith('Valid: '), name)
            self.assertTrue(
                result.output.endswith('0 errors, 0 warnings\n'), name
            )

    def test_option_without_effect_is_an_error_in_every_service(self):
        for name, main in SERVICES.items():
            result = self.check(main, f'{VALID}[api]\nprot = 1\n')

            self.assertEqual(1, result.code, name)
            self.assertTrue(result.output.startswith('Not valid: '), name)
            self.assertIn('[api] prot: unknown option', result.error, name)

    def test_weak_secret_is_a_warning(self):
        result = self.check(
            collector.main, VALID.replace('5f1d7a90c3be4826', 'short')
        )

        self.assertEqual(
            (0, 'Valid: 0 errors, 1 warning\n'), (result.code, result.output)
        )
        self.assertIn('warning: ', result.error)
        self.assertIn('secret 1 has fewer than 16 characters', result.error)

    def test_service_that_cannot_start_is_an_error(self):
        without_secret = VALID.replace('secrets = 5f1d7a90c3be4826', '')
        for main in (collector.main, rrd.main):
            result = self.check(main, without_secret)
            self.assertEqual(1, result.code)
            self.assertIn('[bus] secrets is empty', result.error)
        for main, old, new, expected in (
            (collector.main, 'sqlite://', 'nonsense', '[database] connection'),
            (api.main, 'auth_type', '#', '[keystone_authtoken] auth_type'),
            (forwarder.main, 'sources', '#', '[forwarder] sources'),
        ):
            result = self.check(main, VALID.replace(old, new, 1))
            self.assertEqual(1, result.code)
            self.assertIn(f'{expected}: ', result.error)

    def test_invalid_section_of_a_probe_is_an_error_of_the_collector(self):
        result = self.check(
            collector.main, f'{VALID}[probe:p]\nprojekt_id = a\n'
        )

        self.assertEqual(1, result.code)
        self.assertIn('[probe:p] projekt_id: unknown option', result.error)

    def test_standalone_checks_its_wattmeters(self):
        result = self.run_command(
            standalone.main,
            '--check',
            '--state-path',
            str(self.directory / 'state'),
        )

        self.assertEqual(1, result.code)
        self.assertIn('no wattmeter can be read', result.error)

    def test_log_is_not_opened(self):
        self.check(collector.main, VALID)

        service.log.setup.assert_not_called()


class ConnectTest(CheckTestCase):
    def setUp(self) -> None:
        super().setUp()
        # oslo.messaging logs the error as well.
        self.useFixture(fixtures.FakeLogger())

    def lines(self, main: typing.Callable[[], None]) -> list[str]:
        """Return the lines after the result of the configuration."""
        result = self.check(main, VALID, '--connect')
        self.assertEqual((1, ''), (result.code, result.error))
        return result.output.splitlines()[1:]

    def test_connect_without_check_is_rejected(self):
        result = self.run_command(collector.main, '--connect')

        self.assertEqual(
            (1, '', 'energy-meter-collector: --connect requires --check'),
            result,
        )

    def test_unreachable_broker_is_reported_with_its_url(self):
        (line,) = self.lines(agent.main)

        self.assertTrue(
            line.startswith(
                'Broker: Cannot connect: '
                f'rabbit://127.0.0.1:{CLOSED}/: [Errno 111] '
            ),
            line,
        )
        self.assertIn('Check the URL, the user and the virtual host', line)

    def test_database_without_tables_is_reported_with_the_remedy(self):
        broker, database = self.lines(collector.main)

        self.assertTrue(broker.startswith('Broker: Cannot connect: '))
        self.assertTrue(database.startswith('Database: '), database)
        self.assertIn('run energy-meter-manage db sync', database)

    def test_unreachable_keystone_is_reported_with_the_remedy(self):
        _, keystone = self.lines(api.main)

        self.assertEqual(
            'Keystone: Cannot log in to Keystone (ConnectFailure). Check '
            'auth_url, password and cafile in [keystone_authtoken].',
            keystone,
        )

    def test_forwarder_connects_to_source_and_destination(self):
        sources, destination = self.lines(forwarder.main)

        self.assertIn('rabbit://127.0.0.2:', sources)
        self.assertIn('rabbit://127.0.0.1:', destination)
