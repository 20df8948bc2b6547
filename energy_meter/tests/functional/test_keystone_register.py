# SPDX-License-Identifier: Apache-2.0

"""Tests for registration in a real Keystone."""

import logging
import uuid

import fixtures
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3
import openstack
from oslotest import base

from energy_meter import exception
from energy_meter.clients import keystone
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone as real_keystone

URL = 'http://127.0.0.1:8878'
URLS = dict.fromkeys(keystone.INTERFACES, URL)
REGION = real_keystone.REGION

RECORDS = [
    'role service',
    'project service',
    'user energy_meter',
    'role service of user energy_meter in service',
    'service energy_meter of type energy',
    f'public endpoint in {REGION}',
    f'internal endpoint in {REGION}',
    f'admin endpoint in {REGION}',
]


def unexpected() -> str:
    raise AssertionError('the password was requested')


class RegisterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.keystone = services.shared(real_keystone.Keystone)
        self.cloud = self.keystone.connect()
        self.password = uuid.uuid4().hex
        self.addCleanup(api.unregister, self.cloud)

    def register(self, urls=URLS, password=None, **options):
        lines = []
        keystone.register(
            self.cloud,
            urls,
            report=lines.append,
            password=password or (lambda: self.password),
            **options,
        )
        return lines

    def log_in(self):
        return keystone_session.Session(
            timeout=30,
            auth=v3.Password(
                self.keystone.auth_url,
                username='energy_meter',
                password=self.password,
                project_name='service',
                user_domain_id='default',
                project_domain_id='default',
            ),
        )

    def test_catalog_has_endpoint_of_each_interface(self):
        self.register(
            {
                'public': 'http://public/',
                'internal': 'http://internal/',
                'admin': 'http://admin/',
            }
        )

        session = self.log_in()
        for interface in keystone.INTERFACES:
            self.assertEqual(
                f'http://{interface}/',
                session.get_endpoint(
                    service_type='energy',
                    region_name=REGION,
                    interface=interface,
                ),
            )
        catalog = session.auth.get_access(session).service_catalog.catalog
        self.assertIn(
            ('energy', 'energy_meter'),
            [(entry['type'], entry['name']) for entry in catalog],
        )

    def test_user_can_validate_tokens(self):
        reader = self.keystone.create_user('reader')
        self.register()

        response = self.log_in().get(
            f'{self.keystone.auth_url}/auth/tokens',
            headers={'X-Subject-Token': self.keystone.token(reader)},
        )

        self.assertEqual(
            reader.username, response.json()['token']['user']['name']
        )

    def test_second_run_changes_nothing(self):
        first = self.register()
        second = self.register(password=unexpected)

        self.assertEqual(
            RECORDS, [line.split(maxsplit=1)[1] for line in first]
        )
        self.assertEqual([f'found {record}' for record in RECORDS], second)
        self.assertIsNotNone(self.log_in().get_token())

    def test_missing_records_are_created(self):
        self.register({'public': URL})

        lines = self.register(password=unexpected)

        self.assertEqual(
            [
                f'created internal endpoint in {REGION}',
                f'created admin endpoint in {REGION}',
            ],
            [line for line in lines if 'found' not in line],
        )

    def test_url_of_endpoint_is_updated(self):
        self.register()

        lines = self.register(URLS | {'public': 'https://energy.test/v1'})

        self.assertIn(
            f'changed public endpoint in {REGION} from {URL} to '
            'https://energy.test/v1',
            lines,
        )
        endpoints = {
            endpoint.interface: endpoint.url
            for endpoint in self.cloud.identity.endpoints()
            if endpoint.url in (URL, 'https://energy.test/v1')
        }
        self.assertEqual(
            URLS | {'public': 'https://energy.test/v1'}, endpoints
        )

    def test_password_is_neither_reported_nor_logged(self):
        lines = self.register()

        self.assertNotIn(self.password, '\n'.join(lines))
        self.assertNotIn(self.password, self.log.output)

    def test_unknown_region_is_rejected_before_creating_records(self):
        error = self.assertRaises(
            exception.RegistrationFailed, self.register, region='moon'
        )

        self.assertIn(
            f'region "moon" not found: expected one of {REGION}', str(error)
        )
        self.assertEqual([], [*self.cloud.identity.services(type='energy')])

    def test_forbidden_request_is_reported(self):
        member = self.keystone.create_user('member')
        self.cloud = openstack.connection.Connection(
            session=self.keystone.session(member), region_name=REGION
        )

        error = self.assertRaises(exception.RegistrationFailed, self.register)

        self.assertIn('403', str(error))


class EnvironmentTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.keystone = services.shared(real_keystone.Keystone)
        self.useFixture(fixtures.TempHomeDir())

    def log_in(self):
        for name, value in (
            *self.keystone.environment().items(),
            (keystone.PASSWORD_VARIABLE, uuid.uuid4().hex),
        ):
            self.useFixture(fixtures.EnvironmentVariable(name, value))

    def test_second_run_of_command_finds_records(self):
        self.log_in()
        self.addCleanup(api.unregister, self.keystone.connect())
        configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir()).path
        )

        def register():
            return configuration.run(
                'energy-meter-manage', 'keystone', 'register', '--url', URL
            ).splitlines()

        first, second = register(), register()

        self.assertIn('created user energy_meter', first)
        self.assertEqual([f'found {record}' for record in RECORDS], second)

    def test_missing_credentials_are_reported(self):
        for name in 'OS_CLOUD', 'OS_AUTH_URL':
            self.useFixture(fixtures.EnvironmentVariable(name))

        error = self.assertRaises(exception.CloudLoginFailed, keystone.connect)

        self.assertIn('auth_url; set the OS_* variables', str(error))
