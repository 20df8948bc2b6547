# SPDX-License-Identifier: Apache-2.0

"""Tests for ``energy-meter-manage gnocchi setup`` with a real Gnocchi."""

import fixtures
from openstack import connection
from oslotest import base

from energy_meter import exception
from energy_meter.clients import gnocchi
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone

RECORDS = [
    'archive policy energy-meter-energy',
    'archive policy energy-meter-power',
    'archive policy energy-meter-interval',
    'resource type energy_probe',
]


class EmptyGnocchi(installation.OwnGnocchi):
    """A Gnocchi of its own, without the measures of other tests."""

    def empty(self):
        """Delete the records of :func:`energy_meter.clients.gnocchi.setup`."""
        client = self.client()
        for path in (
            'archive_policy/energy-meter-energy',
            'archive_policy/energy-meter-power',
            'archive_policy/energy-meter-interval',
            'resource_type/energy_probe',
        ):
            client.delete(f'/v1/{path}', raise_exc=False)


class SetupTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.gnocchi = services.shared(EmptyGnocchi)
        self.addCleanup(self.gnocchi.empty)

    def setup(self, cloud=None):
        lines = []
        as_expected = gnocchi.setup(
            cloud or self.gnocchi.connect(), lines.append
        )
        return as_expected, lines

    def fail(self, cloud):
        """Return the text of the error that is raised."""
        return str(
            self.assertRaises(exception.GnocchiFailed, self.setup, cloud)
        )

    def test_second_run_changes_nothing(self):
        first = self.setup()
        second = self.setup()

        self.assertEqual(
            (True, [f'created {record}' for record in RECORDS]), first
        )
        self.assertEqual(
            (True, [f'found {record}' for record in RECORDS]), second
        )

    def test_different_policy_is_kept_and_reported(self):
        client = self.gnocchi.client()
        client.post(
            '/v1/archive_policy',
            json={
                'name': gnocchi.POWER_POLICY,
                'aggregation_methods': ['min', 'max', 'mean', 'last'],
                'definition': [{'granularity': '0:05:00', 'points': 288}],
            },
        )

        as_expected, lines = self.setup()

        self.assertFalse(as_expected)
        self.assertEqual(
            [
                f'created {RECORDS[0]}',
                f'found {RECORDS[1]}',
                f'created {RECORDS[2]}',
                f'created {RECORDS[3]}',
            ],
            [lines[0], lines[1], *lines[3:]],
        )
        self.assertIn(
            f'{RECORDS[1]}: definition is [{{"granularity": "0:05:00", '
            '"points": 288, "timespan": "1 day, 0:00:00"}], expected [',
            lines[2],
        )
        kept = client.get(f'/v1/archive_policy/{gnocchi.POWER_POLICY}').json()
        self.assertEqual(
            ['0:05:00'],
            [period['granularity'] for period in kept['definition']],
        )

    def test_forbidden_request_is_reported(self):
        reader = services.shared(keystone.Keystone).create_user('reader')

        error = self.fail(self.gnocchi.connect(reader))

        self.assertEqual(
            f'Gnocchi could not be set up: {RECORDS[0]}: Forbidden (HTTP 403)',
            error,
        )

    def test_region_without_gnocchi_is_reported(self):
        identity = services.shared(keystone.Keystone)

        error = self.fail(
            connection.Connection(
                session=identity.session(identity.admin), region_name='moon'
            )
        )

        self.assertEqual(
            f'Gnocchi could not be set up: {RECORDS[0]}: public endpoint '
            'for metric service in moon region not found',
            error,
        )

    def test_unavailable_gnocchi_is_reported(self):
        self.gnocchi.stop()
        self.addCleanup(self.gnocchi.start)

        error = self.fail(self.gnocchi.connect())

        self.gnocchi.start()
        self.assertIn(
            f'Unable to establish connection to {self.gnocchi.url}', error
        )


class CommandTest(base.BaseTestCase):
    def test_command_reports_each_record(self):
        identity = services.shared(keystone.Keystone)
        server = services.shared(EmptyGnocchi)
        self.addCleanup(server.empty)
        self.useFixture(fixtures.TempHomeDir())
        for name, value in identity.environment().items():
            self.useFixture(fixtures.EnvironmentVariable(name, value))
        self.useFixture(
            fixtures.EnvironmentVariable(
                'OS_METRIC_ENDPOINT_OVERRIDE', server.url
            )
        )
        configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir()).path
        )

        first, second = (
            configuration.run(
                'energy-meter-manage', 'gnocchi', 'setup'
            ).splitlines()
            for _ in range(2)
        )

        self.assertEqual([f'created {record}' for record in RECORDS], first)
        self.assertEqual([f'found {record}' for record in RECORDS], second)
