# SPDX-License-Identifier: Apache-2.0

import fixtures
from openstack import connection
from oslotest import base

from energy_meter import exception
from energy_meter import gnocchi
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import gnocchi as real_gnocchi
from energy_meter.tests.functional.services import keystone

EVERYTHING = [
    'archive policy energy-meter-energy',
    'archive policy energy-meter-power',
    'resource type energy_probe',
]


class EmptyGnocchi(real_gnocchi.Gnocchi):
    """Not the one in which the other tests store measures."""

    in_catalog = False

    def connect(self, credentials=None):
        """Return an openstacksdk connection that finds this Gnocchi."""
        identity = services.shared(keystone.Keystone)
        return connection.Connection(
            session=identity.session(credentials or identity.admin),
            region_name=keystone.REGION,
            metric_endpoint_override=self.url,
        )

    def empty(self):
        """Remove what :func:`energy_meter.gnocchi.setup` makes."""
        client = self.client()
        for path in (
            'archive_policy/energy-meter-energy',
            'archive_policy/energy-meter-power',
            'resource_type/energy_probe',
        ):
            client.delete(f'/v1/{path}', raise_exc=False)


class SetupTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.gnocchi = services.shared(EmptyGnocchi)
        self.addCleanup(self.gnocchi.empty)

    def setup(self, cloud=None):
        said = []
        same = gnocchi.setup(cloud or self.gnocchi.connect(), said.append)
        return same, said

    def refuse(self, cloud):
        return str(
            self.assertRaises(exception.GnocchiFailed, self.setup, cloud)
        )

    def test_second_run_changes_nothing(self):
        first = self.setup()
        second = self.setup()

        self.assertEqual(
            (True, [f'created {what}' for what in EVERYTHING]), first
        )
        self.assertEqual(
            (True, [f'found {what}' for what in EVERYTHING]), second
        )

    def test_policy_of_another_definition_is_left_and_told(self):
        client = self.gnocchi.client()
        client.post(
            '/v1/archive_policy',
            json={
                'name': gnocchi.POWER_POLICY,
                'aggregation_methods': ['min', 'max', 'mean', 'last'],
                'definition': [{'granularity': '0:05:00', 'points': 288}],
            },
        )

        same, said = self.setup()

        self.assertFalse(same)
        self.assertEqual(
            [
                f'created {EVERYTHING[0]}',
                f'found {EVERYTHING[1]}',
                f'created {EVERYTHING[2]}',
            ],
            [said[0], said[1], said[3]],
        )
        self.assertIn(
            f'{EVERYTHING[1]}: definition is [{{"granularity": "0:05:00", '
            '"points": 288, "timespan": "1 day, 0:00:00"}], expected [',
            said[2],
        )
        kept = client.get(f'/v1/archive_policy/{gnocchi.POWER_POLICY}').json()
        self.assertEqual(
            ['0:05:00'], [item['granularity'] for item in kept['definition']]
        )

    def test_user_who_may_not_is_told(self):
        reader = services.shared(keystone.Keystone).create_user('reader')

        error = self.refuse(self.gnocchi.connect(reader))

        self.assertEqual(
            f'Gnocchi could not be set up: {EVERYTHING[0]}: Forbidden (HTTP '
            '403)',
            error,
        )

    def test_region_without_gnocchi_is_told(self):
        identity = services.shared(keystone.Keystone)

        error = self.refuse(
            connection.Connection(
                session=identity.session(identity.admin), region_name='moon'
            )
        )

        self.assertEqual(
            f'Gnocchi could not be set up: {EVERYTHING[0]}: public endpoint '
            'for metric service in moon region not found',
            error,
        )

    def test_gnocchi_that_is_away_is_told(self):
        self.gnocchi.stop()
        self.addCleanup(self.gnocchi.start)

        error = self.refuse(self.gnocchi.connect())

        self.gnocchi.start()
        self.assertIn(
            f'Unable to establish connection to {self.gnocchi.url}', error
        )


class CommandTest(base.BaseTestCase):
    def test_command_tells_what_it_made_and_found(self):
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

        self.assertEqual([f'created {what}' for what in EVERYTHING], first)
        self.assertEqual([f'found {what}' for what in EVERYTHING], second)
