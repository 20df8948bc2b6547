# SPDX-License-Identifier: Apache-2.0

"""Fixture for Keystone."""

import collections.abc
import functools
import os
import typing
import uuid

from keystoneauth1 import session
from keystoneauth1.identity import v3
from openstack import connection
import requests

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import stack

REGION = 'RegionOne'


class Credentials(typing.NamedTuple):
    """User of the default domain, and the project of its tokens."""

    username: str
    password: str
    project_name: str


class Keystone(base.Process):
    """Keystone under uWSGI, with SQLite; bootstrapped."""

    def __init__(self) -> None:
        """Choose the port; the database is in a directory of the fixture's.

        :raises unittest.SkipTest: if Keystone or uWSGI is not installed.
        """
        port = base.free_port()
        self.auth_url = f'http://127.0.0.1:{port}/v3'
        self.admin = Credentials('admin', uuid.uuid4().hex, 'admin')
        super().__init__(
            stack.wsgi_server(port, 'keystone.wsgi.api'), ready=self.answers
        )
        self.name = 'keystone'
        self._manage = stack.program('keystone-manage')

    def prepare(self) -> None:
        """Configure Keystone and create its keys, database and admin."""
        config = self.directory / 'keystone.conf'
        config.write_text(
            '[database]\n'
            f'connection = sqlite:///{self.directory}/keystone.db\n'
            '[fernet_tokens]\n'
            f'key_repository = {self.directory}/fernet-keys\n'
            '[fernet_receipts]\n'
            f'key_repository = {self.directory}/fernet-keys\n'
            '[credential]\n'
            f'key_repository = {self.directory}/credential-keys\n'
        )
        self.env['OS_KEYSTONE_CONFIG_FILES'] = os.fspath(config)
        self.argv += ['--socket', os.fspath(self.directory / 'socket')]
        password = {'OS_BOOTSTRAP_PASSWORD': self.admin.password}
        owner = [
            '--keystone-user',
            str(os.geteuid()),
            '--keystone-group',
            str(os.getegid()),
        ]
        for command in (
            ['db_sync'],
            ['fernet_setup', *owner],
            ['credential_setup', *owner],
            # Services that look up the internal endpoint get a 500 if only
            # the public one exists.
            [
                'bootstrap',
                '--bootstrap-region-id',
                REGION,
                '--bootstrap-public-url',
                self.auth_url,
                '--bootstrap-internal-url',
                self.auth_url,
                '--bootstrap-admin-url',
                self.auth_url,
            ],
        ):
            base.run(
                [self._manage, '--config-file', config, *command], env=password
            )

    def session(self, credentials: Credentials) -> session.Session:
        """Return a keystoneauth session of a user."""
        return session.Session(
            timeout=30,
            auth=v3.Password(
                self.auth_url,
                user_domain_id='default',
                project_domain_id='default',
                **credentials._asdict(),
            ),
        )

    def token(self, credentials: Credentials) -> str:
        """Return a new token of a user."""
        return self.session(credentials).get_token()

    def owner(self, token: str) -> str:
        """Return the name of the user of a token.

        :raises keystoneauth1.exceptions.NotFound: if the token is invalid.
        """
        answer = self.session(self.admin).get(
            f'{self.auth_url}/auth/tokens', headers={'X-Subject-Token': token}
        )
        return answer.json()['token']['user']['name']

    def connect(self) -> connection.Connection:
        """Return an openstacksdk connection of the administrator."""
        return connection.Connection(
            session=self.session(self.admin), region_name=REGION
        )

    def environment(
        self, credentials: Credentials | None = None
    ) -> dict[str, str]:
        """Return the OS_* variables of a user.

        :param credentials: those of the administrator by default.
        """
        user = credentials or self.admin
        return {
            'OS_AUTH_URL': self.auth_url,
            'OS_USERNAME': user.username,
            'OS_PASSWORD': user.password,
            'OS_PROJECT_NAME': user.project_name,
            'OS_USER_DOMAIN_ID': 'default',
            'OS_PROJECT_DOMAIN_ID': 'default',
            'OS_REGION_NAME': REGION,
        }

    def add_service(
        self, kind: str, name: str, url: str
    ) -> collections.abc.Callable[[], object]:
        """Add a service to the catalog; return a function that removes it."""
        identity = self.connect().identity
        service = identity.create_service(type=kind, name=name)
        for interface in ('public', 'internal', 'admin'):
            identity.create_endpoint(
                service_id=service.id,
                interface=interface,
                url=url,
                region_id=REGION,
            )
        return functools.partial(identity.delete_service, service)

    def login(
        self, section: str, credentials: Credentials | None = None
    ) -> str:
        """Return a configuration section with which a service authenticates.

        :param credentials: those of the administrator by default.
        """
        user = credentials or self.admin
        return (
            f'[{section}]\n'
            'auth_type = password\n'
            f'auth_url = {self.auth_url}\n'
            f'username = {user.username}\n'
            f'password = {user.password}\n'
            f'project_name = {user.project_name}\n'
            'user_domain_id = default\n'
            'project_domain_id = default\n'
            f'region_name = {REGION}\n'
        )

    def create_user(self, role: str, project: str = 'admin') -> Credentials:
        """Create a user who has this role in this project.

        :param role: reader, member, manager, admin or service.
        :param project: name of the project; created if it does not exist.
        """
        identity = self.connect().identity
        user = Credentials(
            f'user-{uuid.uuid4().hex}', uuid.uuid4().hex, project
        )
        created = identity.create_user(
            name=user.username, password=user.password
        )
        identity.assign_project_role_to_user(
            project=(
                identity.find_project(project)
                or identity.create_project(name=project)
            ),
            user=created,
            role=identity.find_role(role, ignore_missing=False),
        )
        return user

    def answers(self) -> bool:
        """Check whether Keystone responds."""
        try:
            return requests.get(self.auth_url, timeout=5).ok
        except requests.RequestException:
            return False
