# SPDX-License-Identifier: Apache-2.0

"""Tenants of the guests, and what they can read."""

import collections.abc
import json
import typing

from keystoneauth1 import adapter
import requests

from benchmarks.guests import machine
from benchmarks.guests import telemetry
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import openstackclient


class Answer(typing.NamedTuple):
    """What a tenant gets.

    :ivar status: of HTTP; that of a command is its exit status.
    """

    status: int
    text: str

    def hide(self, secret: str) -> 'Answer':
        """Return the answer without an ID that the request had."""
        return self._replace(text=self.text.replace(secret, ''))

    def json(self) -> typing.Any:
        """Return the content."""
        return json.loads(self.text)


class Tenant:
    """A user who may only read, with tokens of one project.

    :ivar owner: IDs of the user and the project.
    """

    def __init__(self, identity: keystone.Keystone, name: str) -> None:
        self._identity = identity
        self._credentials = identity.create_user('reader', name)
        session = identity.session(self._credentials)
        self.owner = machine.Owner(
            session.get_project_id() or '', session.get_user_id() or ''
        )

    def ask_api(
        self, service: telemetry.Telemetry, path: str, **query: str
    ) -> Answer:
        """Return the answer of the API of energy_meter."""
        response = requests.get(
            f'{service.api.url}v1/{path}',
            params=query,
            headers={'X-Auth-Token': self._identity.token(self._credentials)},
            timeout=60,
        )
        return Answer(response.status_code, response.text)

    def run(self, *arguments: str) -> Answer:
        """Return the output of ``openstack energy``."""
        done = openstackclient.run(
            self._identity,
            self._credentials,
            'energy',
            *arguments,
            *('-f', 'json'),
        )
        return Answer(done.returncode, done.stdout + done.stderr)

    def ask_gnocchi(
        self, service: telemetry.Telemetry, path: str, **query: object
    ) -> Answer:
        """Return the answer of Gnocchi."""
        client: adapter.Adapter = service.gnocchi.client(self._credentials)
        response = client.get(f'/v1/{path}', params=query, raise_exc=False)
        return Answer(response.status_code, response.text)


Tenants = collections.abc.Mapping[str, Tenant]


def create() -> dict[str, Tenant]:
    """Create the tenants of both projects, by the names of the projects."""
    identity = base.shared(keystone.Keystone)
    return {name: Tenant(identity, name) for name in ('p1', 'p2')}
