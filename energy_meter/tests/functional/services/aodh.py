# SPDX-License-Identifier: Apache-2.0

"""Fixture for Aodh."""

import os
import typing

from keystoneauth1 import adapter
import requests

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq
from energy_meter.tests.functional.services import stack

SERVICE_TYPE = 'alarming'


class Aodh(base.Process):
    """Aodh's API under uWSGI, its evaluator and its notifier.

    Uses the Keystone, PostgreSQL and RabbitMQ that the tests of this process
    share, finds Gnocchi in that Keystone's catalog, and evaluates all alarms
    once a second.
    """

    def __init__(self) -> None:
        """Choose the port.

        :raises unittest.SkipTest: if Aodh or uWSGI is not installed.
        """
        port = base.free_port()
        self.url = f'http://127.0.0.1:{port}'
        super().__init__(
            stack.wsgi_server(port, 'aodh.wsgi.api'), ready=self.answers
        )
        self.name = 'aodh'
        self._dbsync, self._evaluator, self._notifier = map(
            stack.program, ('aodh-dbsync', 'aodh-evaluator', 'aodh-notifier')
        )

    def prepare(self) -> None:
        """Configure Aodh, create its tables, start evaluator and notifier."""
        self._identity = base.shared(keystone.Keystone)
        self._register()
        config = self.directory / '.aodh' / 'aodh.conf'
        config.parent.mkdir()
        config.write_text(self._configuration())
        self.argv += ['--socket', os.fspath(self.directory / 'socket')]
        # The module has no --config-file; it looks below the home directory.
        self.env['HOME'] = os.fspath(self.directory)
        base.run([self._dbsync, '--config-file', config])
        for program in self._evaluator, self._notifier:
            self.useFixture(base.Process([program, '--config-file', config]))

    def _register(self) -> None:
        self.addCleanup(
            self._identity.add_service(SERVICE_TYPE, 'aodh', self.url)
        )

    def _configuration(self) -> str:
        # Aodh only accepts the plain driver name.
        database = base.shared(postgresql.PostgreSQL).create_database()
        return (
            '[DEFAULT]\n'
            f'transport_url = {base.shared(rabbitmq.RabbitMQ).add_vhost()}\n'
            '[database]\n'
            f'connection = {database.replace("+psycopg:", ":")}\n'
            '[evaluator]\n'
            'evaluation_interval = 1\n'
            f'{self._identity.login("service_credentials")}'
            'interface = internalURL\n'
            f'{self._identity.login("keystone_authtoken")}'
            f'www_authenticate_uri = {self._identity.auth_url}\n'
        )

    def answers(self) -> bool:
        """Check whether the API responds."""
        try:
            return requests.get(self.url, timeout=5).ok
        except requests.RequestException:
            return False

    def client(self) -> adapter.Adapter:
        """Return a client of the API for the administrator."""
        return adapter.Adapter(
            self._identity.session(self._identity.admin),
            endpoint_override=self.url,
        )

    def create(self, alarm: dict[str, typing.Any]) -> str:
        """Create an alarm and return its id."""
        answer = self.client().post('/v2/alarms', json=alarm)
        return str(answer.json()['alarm_id'])

    def delete(self, alarm_id: str) -> None:
        """Delete an alarm."""
        self.client().delete(f'/v2/alarms/{alarm_id}')

    def state(self, alarm_id: str) -> str:
        """Return ok, alarm or insufficient data."""
        return str(self.client().get(f'/v2/alarms/{alarm_id}/state').json())
