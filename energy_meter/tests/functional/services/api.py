# SPDX-License-Identifier: Apache-2.0

"""Fixture for energy-meter-api, registered in Keystone."""

import os
import uuid

from openstack import connection
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.clients import keystone
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import keystone as real_keystone


def unregister(cloud: connection.Connection) -> None:
    """Remove everything that :func:`keystone.register` created."""
    identity = cloud.identity
    for user in identity.users(name=keystone.DEFAULT_SERVICE_USER.user):
        identity.delete_user(user)
    for service in identity.services(name=keystone.SERVICE_NAME):
        identity.delete_service(service)


class API(base.Process):
    """energy-meter-api, with a database that a test may fill.

    :ivar configuration_file: path of its configuration, which gives
        energy-meter-rrd access to it, too.
    """

    def __init__(
        self, identity: real_keystone.Keystone, database: str
    ) -> None:
        """Choose the port.

        :param identity: Keystone that registers it and validates its tokens.
        :param database: URL of its database, which may be empty.
        """
        self.port = base.free_port()
        self.url = f'http://127.0.0.1:{self.port}/'
        self.database = database
        self._identity = identity
        super().__init__(
            [commands.script('energy-meter-api')],
            ready=lambda: base.listening(self.port),
        )

    def prepare(self) -> None:
        """Register the API, write its configuration, create its schema."""
        password = uuid.uuid4().hex
        cloud = self._identity.connect()
        self.addCleanup(unregister, cloud)
        keystone.register(
            cloud,
            dict.fromkeys(keystone.INTERFACES, f'{self.url}v1'),
            password=lambda: password,
            report=lambda line: None,
        )
        account = keystone.DEFAULT_SERVICE_USER
        configuration = commands.Configuration(
            self.directory,
            database={'connection': self.database},
            api={'port': self.port, 'auth_strategy': 'keystone'},
            keystone_authtoken={
                'auth_type': 'password',
                'auth_url': self._identity.auth_url,
                'www_authenticate_uri': self._identity.auth_url,
                'username': account.user,
                'password': password,
                'project_name': account.project,
                'user_domain_id': account.domain_id,
                'project_domain_id': account.domain_id,
            },
            # Read by energy-meter-rrd only.
            energy_api={'auth_section': 'keystone_authtoken'},
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        self.configuration_file = os.fspath(configuration.path)
        self.argv += ['--config-file', self.configuration_file]

    def meter(
        self,
        probe: str,
        timestamp: float,
        kwh: float,
        watts: float | None,
        elapsed: float,
    ) -> None:
        """Write a measurement of the only register of a probe.

        :param timestamp: seconds since the epoch.
        :param kwh: energy since the register was opened.
        :param watts: power.
        :param elapsed: seconds since the register was opened.
        """
        latest = measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, 'node', f'host-{probe}', 'meter', 'dummy', 'agent'
                ),
                measurement.RegisterKey('agent-uuid', '0' * 16),
                after=None,
                # The date of such a register does not matter.
                synced=False,
            ),
            timestamp=round(timestamp * 1000),
            elapsed=round(elapsed * 1000),
            millijoules=round(kwh * probes.MILLIJOULES_PER_KWH),
            metered=round(elapsed * 1000),
            watts=watts,
        )
        engine = sa.create_engine(self.database)
        try:
            with db_engine.writing(engine) as connection:
                store.write(connection, [latest], db_engine.now(connection))
        finally:
            engine.dispose()
