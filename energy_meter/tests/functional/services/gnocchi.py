# SPDX-License-Identifier: Apache-2.0

"""Fixture for Gnocchi."""

import datetime
import os
import typing

from ceilometer import gnocchi_client
from keystoneauth1 import adapter
from keystoneauth1 import exceptions
import requests

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import stack

SERVICE_TYPE = 'metric'


class Measure(typing.NamedTuple):
    """Aggregate of one period.

    :ivar start: start of the period, in seconds since the epoch.
    :ivar granularity: length of the period, in seconds.
    """

    start: float
    granularity: float
    value: float


class Gnocchi(base.Process):
    """Gnocchi's API under uWSGI and metricd, with files as storage.

    Uses the Keystone and PostgreSQL that the tests of this process share.
    """

    #: Whether it registers in the catalog; only one instance may.
    in_catalog = True

    def __init__(self) -> None:
        """Choose the port; files are in a directory of the fixture's.

        :raises unittest.SkipTest: if Gnocchi or uWSGI is not installed.
        """
        port = base.free_port()
        #: Root URL of the API, as in the catalog.
        self.url = f'http://127.0.0.1:{port}'
        super().__init__(
            stack.wsgi_server(port, 'gnocchi.wsgi.api'), ready=self.answers
        )
        self.name = 'gnocchi'
        self._upgrade = stack.program('gnocchi-upgrade')
        self._metricd = stack.program('gnocchi-metricd')

    def prepare(self) -> None:
        """Configure Gnocchi, create its tables and files, start metricd."""
        self._identity = base.shared(keystone.Keystone)
        self._write_configuration()
        if self.in_catalog:
            self._register()
        self.argv += ['--socket', os.fspath(self.directory / 'socket')]
        # The module has no --config-file; it looks below the home directory.
        self.env['HOME'] = os.fspath(self.directory)
        base.run([self._upgrade, '--sacks-number', '4'], env=self.env)
        #: Process that processes measures.
        self.metricd = self.useFixture(
            base.Process([self._metricd], env=self.env)
        )

    def _write_configuration(self) -> None:
        #: URL of the index.
        self.database = base.shared(postgresql.PostgreSQL).create_database()
        user = self._identity.create_user('service', 'service')
        config = self.directory / '.gnocchi' / 'gnocchi.conf'
        config.parent.mkdir()
        config.write_text(
            '[api]\n'
            'auth_mode = keystone\n'
            '[indexer]\n'
            f'url = {self.database.replace("+psycopg:", "+psycopg2:")}\n'
            '[storage]\n'
            'driver = file\n'
            f'file_basepath = {self.directory}/storage\n'
            '[metricd]\n'
            'workers = 1\n'
            'metric_processing_delay = 1\n'
            f'{self._identity.login("keystone_authtoken", user)}'
            f'www_authenticate_uri = {self._identity.auth_url}\n'
        )

    def _register(self) -> None:
        self.addCleanup(
            self._identity.add_service(SERVICE_TYPE, 'gnocchi', self.url)
        )

    def answers(self) -> bool:
        """Check whether the API responds."""
        try:
            return requests.get(self.url, timeout=5).ok
        except requests.RequestException:
            return False

    def client(
        self,
        credentials: keystone.Credentials | None = None,
    ) -> adapter.Adapter:
        """Return a client of the API.

        :param credentials: those of the administrator by default.
        """
        return adapter.Adapter(
            self._identity.session(credentials or self._identity.admin),
            endpoint_override=self.url,
        )

    def create_resource_type(self, name: str) -> None:
        """Create a type as ceilometer-upgrade does, unless it exists."""
        attributes = gnocchi_client.resources_initial[name]
        try:
            self.client().post(
                '/v1/resource_type',
                json={'name': name, 'attributes': attributes},
            )
        except exceptions.Conflict:
            pass

    def create_instance(
        self, instance: str, **properties: object
    ) -> dict[str, typing.Any]:
        """Create the resource that Ceilometer's compute agent creates.

        :param instance: UUID.
        :param properties: further properties, such as metrics.
        """
        self.create_resource_type('instance')
        answer = self.client().post(
            '/v1/resource/instance',
            json={
                'id': instance,
                'host': 'a hash',
                'flavor_id': '1',
                'display_name': 'web-1',
                **properties,
            },
        )
        return answer.json()

    def resources(
        self, original_id: str, kind: str = 'generic'
    ) -> list[dict[str, typing.Any]]:
        """Return the resources with an original resource id.

        :param kind: resource type.
        """
        answer = self.client().post(
            f'/v1/search/resource/{kind}',
            json={'=': {'original_resource_id': original_id}},
        )
        return answer.json()

    def measures(
        self, metric_id: str, aggregation: str, **filters: object
    ) -> list[Measure]:
        """Return the measures of a metric, including unprocessed ones.

        :param aggregation: aggregation method, such as mean or rate:sum.
        :param filters: granularity, start, stop.
        """
        answer = self.client().get(
            f'/v1/metric/{metric_id}/measures',
            params={'aggregation': aggregation, 'refresh': True, **filters},
        )
        return _measures(answer.json())

    def aggregates(
        self,
        operations: str,
        search: str,
        kind: str = 'generic',
        **filters: object,
    ) -> list[Measure]:
        """Aggregate the metrics of matching resources.

        :param operations: expression, such as
            ``(aggregate sum (metric energy rate:sum))``.
        :param search: search expression, such as ``host='c1'``.
        :param kind: resource type.
        :param filters: granularity, start, stop.
        """
        answer = self.client().post(
            '/v1/aggregates',
            params=filters,
            json={
                'operations': operations,
                'search': search,
                'resource_type': kind,
            },
        )
        return _measures(answer.json()['measures']['aggregated'])


def _measures(rows: list[list[typing.Any]]) -> list[Measure]:
    return [
        Measure(
            datetime.datetime.fromisoformat(start).timestamp(),
            granularity,
            value,
        )
        for start, granularity, value in rows
    ]
