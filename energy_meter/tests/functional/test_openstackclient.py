# SPDX-License-Identifier: Apache-2.0

"""Tests for the commands with a real openstackclient, Keystone and API."""

import json
import os
import subprocess
import uuid

import fixtures
from oslotest import base
import sqlalchemy as sa

from energy_meter.db import attributed_days
from energy_meter.db import engine as db_engine
from energy_meter.tests import attributed
from energy_meter.tests import usages
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone


def run_openstack(
    identity: keystone.Keystone, user: keystone.Credentials, *arguments: str
) -> subprocess.CompletedProcess:
    """Run a command as a user."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('OS_')
    }
    return subprocess.run(
        [commands.script('openstack'), *arguments],
        timeout=60,
        capture_output=True,
        text=True,
        env=environment
        | {
            'OS_AUTH_URL': identity.auth_url,
            'OS_USERNAME': user.username,
            'OS_PASSWORD': user.password,
            'OS_PROJECT_NAME': user.project_name,
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
            'OS_REGION_NAME': keystone.REGION,
            'OS_IDENTITY_API_VERSION': '3',
        },
    )


class OpenStackClientTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.keystone = services.shared(keystone.Keystone)
        directory = self.useFixture(fixtures.TempDir())
        self.api = self.useFixture(
            api.API(self.keystone, f'sqlite:///{directory.join("db.sqlite")}')
        )
        self.api.meter('a', 1700000000.5, kwh=1.25, watts=173.0, elapsed=60.0)

    def openstack(
        self, role: str, *arguments: str
    ) -> subprocess.CompletedProcess:
        """Run a command as a user with a role in a project."""
        user = self.keystone.create_user(role)
        return run_openstack(self.keystone, user, *arguments)

    def test_probes_are_listed(self):
        done = self.openstack(
            'service', 'energy', 'probe', 'list', '-f', 'json'
        )

        self.assertEqual((0, ''), (done.returncode, done.stderr))
        self.assertEqual(
            [
                {
                    'ID': 'a',
                    'Host': 'host-a',
                    'Scope': 'node',
                    'Power (W)': 173.0,
                    'Energy (kWh)': 1.25,
                }
            ],
            json.loads(done.stdout),
        )

    def test_energy_of_the_last_hour_is_shown(self):
        # The register is dated by its arrival, one minute ago.
        done = self.openstack(
            'service',
            *('energy', 'usage', 'show', 'a', '--start', '-1h'),
            *('--step', '15min', '--long', '-f', 'json'),
        )

        self.assertEqual((0, ''), (done.returncode, done.stderr))
        rows = json.loads(done.stdout)
        self.assertEqual(4, len(rows))
        self.assertEqual(
            4_500_000_000, sum(row['Millijoules'] for row in rows)
        )
        self.assertEqual({'open'}, {row['State'] for row in rows})

    def test_energy_of_all_probes_is_totaled(self):
        done = self.openstack(
            'service',
            *('energy', 'usage', 'list', '--scope', 'node'),
            *('--start', '-1h', '--timezone', 'Asia/Tokyo'),
        )

        self.assertEqual((0, ''), (done.returncode, done.stderr))
        lines = done.stdout.splitlines()
        self.assertEqual(
            [
                '| a     | host-a | node  |        1.250 |',
                '| Total |        |       |        1.250 |',
            ],
            [line[:41] for line in lines[3:5]],
        )
        self.assertIn('(Asia/Tokyo)', lines[6])
        self.assertEqual(
            'Nothing of it is closed yet: the energy may still change.',
            lines[7],
        )

    def test_day_that_is_not_closed_is_reported(self):
        done = self.openstack(
            'service',
            *('energy', 'usage', 'show', 'a', '--as-of', 'now'),
            *('--start', '-1h'),
        )

        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertIn('409 Conflict: ', done.stderr)

    def test_forbidden_request_is_reported(self):
        done = self.openstack('reader', 'energy', 'probe', 'show', 'a')

        self.assertEqual((1, ''), (done.returncode, done.stdout))
        self.assertIn('403 Forbidden: Policy', done.stderr)
        self.assertNotIn('Traceback', done.stderr)


class TenantsTest(base.BaseTestCase):
    """Two users, each with an instance of their project on the same host."""

    def setUp(self):
        super().setUp()
        self.keystone = services.shared(keystone.Keystone)
        directory = self.useFixture(fixtures.TempDir())
        url = f'sqlite:///{directory.join("db.sqlite")}'
        self.useFixture(api.API(self.keystone, url))
        self.alice, self.bob = (
            self.keystone.create_user('reader', f'project-{uuid.uuid4().hex}')
            for _ in range(2)
        )
        self.attribute(url)

    def attribute(self, url):
        engine = sa.create_engine(url)
        self.addCleanup(engine.dispose)
        instances = {}
        for number, user in enumerate((self.alice, self.bob)):
            project = self.keystone.session(user).get_project_id()
            identity = attributed_days.Identity(
                f'vm-{number}', project, f'name-{number}', 'u'
            )
            instances[usages.uuid(number)] = identity, lambda _: 100.0
        # Days of a month that is over.
        with db_engine.writing(engine) as connection:
            attributed_days.insert(
                connection, [attributed.day(20_400, 'compute-1', instances)]
            )

    def openstack(self, user, *arguments):
        return run_openstack(
            self.keystone,
            user,
            'energy',
            *arguments,
            *('--start', '2025-11-08', '-f', 'json'),
        )

    def test_tenant_reads_her_own_instances_without_hosts(self):
        done = self.openstack(self.alice, 'instance', 'list', '--long')

        self.assertEqual((0, ''), (done.returncode, done.stderr))
        (row,) = json.loads(done.stdout)
        self.assertEqual(
            (usages.uuid(0), 'vm-0', 2.4),
            (row['Instance ID'], row['Name'], row['Energy (kWh)']),
        )
        self.assertIsNone(row['Idle (kWh)'])
        self.assertNotIn('compute-1', done.stdout)

    def test_another_project_is_neither_shown_nor_confirmed(self):
        project = self.keystone.session(self.bob).get_project_id()
        for arguments, reason in (
            (('instance', 'show', usages.uuid(1)), 'not found'),
            (('instance', 'list', '--project', project), '403'),
            (('project', 'show', project), '403'),
            (('project', 'show', 'missing'), '403'),
            (('host', 'show', 'compute-1'), '403'),
        ):
            done = self.openstack(self.alice, *arguments)

            self.assertEqual((1, ''), (done.returncode, done.stdout))
            self.assertIn(reason, done.stderr)
            self.assertNotIn('vm-1', done.stderr)

    def test_operator_sees_all_projects_and_the_host(self):
        operator = self.keystone.admin

        projects = self.openstack(operator, 'project', 'list')
        host = self.openstack(operator, 'host', 'show', 'compute-1')

        self.assertEqual(2, len(json.loads(projects.stdout)))
        (day,) = json.loads(host.stdout)
        self.assertEqual(
            (5.4, 4.8, 0.12, 0.48),
            tuple(
                day[f'{name} (kWh)']
                for name in ('Energy', 'Instances', 'Overhead', 'Unallocated')
            ),
        )
