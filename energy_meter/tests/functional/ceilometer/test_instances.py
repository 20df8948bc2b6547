# SPDX-License-Identifier: Apache-2.0

"""Energy of instances in Gnocchi, as their projects see it."""

import time
import uuid

from keystoneauth1 import exceptions as keystone_exceptions
from oslotest import base
import sqlalchemy as sa

from energy_meter.db import attributed_days
from energy_meter.db import engine as db_engine
from energy_meter.tests import attributed
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import keystone

DAY_S = 86_400
#: Days are polled three hours after their end.
CLOSING_S = 10_800


class Installation(installation.Installation):
    """Polls instances only."""

    meters = ('instance.power', 'instance.energy')


class InstancesTest(base.BaseTestCase):
    """Two users, each with an instance of their own on the same host."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.installation = Installation()
        cls.addClassCleanup(cls.installation.cleanUp)
        cls.installation.setUp()
        cls.gnocchi = cls.installation.gnocchi
        cls.last = int(time.time() - CLOSING_S) // DAY_S - 1
        cls.alice, cls.bob = cls.create_user(), cls.create_user()
        cls.instances = {
            user: cls.create_instance(user) for user in (cls.alice, cls.bob)
        }
        cls.attribute()

    @classmethod
    def create_user(cls):
        identity = services.shared(keystone.Keystone)
        return identity.create_user('member', f'project-{uuid.uuid4().hex}')

    @classmethod
    def create_instance(cls, user):
        session = cls.gnocchi.client(user).session
        name = str(uuid.uuid4())
        identity = attributed_days.Identity(
            f'vm-{name}',
            session.get_project_id(),
            'web',
            session.get_user_id(),
        )
        cls.gnocchi.create_instance(
            name,
            project_id=identity.project,
            user_id=identity.user,
            display_name=identity.name,
        )
        return name, identity

    @classmethod
    def attribute(cls):
        """Write the last two days: 50 W, and twice as much the day after."""
        engine = sa.create_engine(cls.installation.api.database)
        days = [
            attributed.day(
                number,
                'compute-1',
                {
                    name: (identity, lambda _, watts=watts: watts)
                    for name, identity in cls.instances.values()
                },
            )
            for number, watts in ((cls.last - 1, 50.0), (cls.last, 100.0))
        ]
        with db_engine.writing(engine) as connection:
            attributed_days.insert(connection, days)
        engine.dispose()

    def find(self, user, name):
        """Return an instance with both meters, as a user sees it."""

        def get():
            resource = (
                self.gnocchi.client(user)
                .get(f'/v1/resource/instance/{name}')
                .json()
            )
            expected = {'instance.energy', 'instance.power'}
            return resource if expected <= {*resource['metrics']} else None

        return services.wait_for(get, 60, f'both meters of {name}')

    def measures(self, user, metric, aggregation):
        """Return the values by day, counted from the last one."""
        answer = self.gnocchi.client(user).get(
            f'/v1/metric/{metric}/measures',
            params={
                'aggregation': aggregation,
                'granularity': DAY_S,
                'refresh': 'true',
            },
        )
        return [value for _, _, value in answer.json()]

    def test_tenant_reads_her_instance_with_her_own_token(self):
        name, identity = self.instances[self.alice]

        resource = self.find(self.alice, name)

        self.assertEqual(
            (identity.project, identity.user, identity.name, 'a hash'),
            (
                resource['project_id'],
                resource['user_id'],
                resource['display_name'],
                resource['host'],
            ),
        )
        metrics = resource['metrics']
        energy = services.wait_for(
            lambda: self.measures(
                self.alice, metrics['instance.energy'], 'last'
            ),
            60,
            'energy in Gnocchi',
        )
        self.assertEqual([3.6], energy)
        # That of the day, though there is nothing of the day before.
        (day,) = self.measures(
            self.alice, metrics['instance.energy'], 'rate:sum'
        )
        self.assertAlmostEqual(2.4, day, places=9)
        self.assertEqual(
            [100.0],
            self.measures(self.alice, metrics['instance.power'], 'mean'),
        )

    def test_tenant_does_not_see_another_projects_instance(self):
        name, _ = self.instances[self.bob]
        resource = self.find(self.bob, name)

        for path in (
            f'/v1/resource/instance/{name}',
            f'/v1/metric/{resource["metrics"]["instance.energy"]}/measures',
        ):
            self.assertRaises(
                (
                    keystone_exceptions.Forbidden,
                    keystone_exceptions.NotFound,
                ),
                self.gnocchi.client(self.alice).get,
                path,
            )
        listed = self.gnocchi.client(self.alice).get('/v1/resource/instance')
        self.assertEqual(
            [self.instances[self.alice][0]],
            [resource['id'] for resource in listed.json()],
        )
