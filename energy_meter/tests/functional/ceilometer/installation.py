# SPDX-License-Identifier: Apache-2.0

"""All that is between a wattmeter and Gnocchi."""

import fixtures

from energy_meter import client
from energy_meter import gnocchi
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import ceilometer
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import gnocchi as real_gnocchi
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq
from energy_meter.tests.functional.services import stack

RESOURCES = stack.CHECKOUT / 'etc' / 'ceilometer' / 'gnocchi_resources.yaml'


class Installation(base.Service):
    """API, Ceilometer and Gnocchi, and an agent where a test starts it.

    Probes are those of the agent, and those that a test writes by
    ``api.meter()``. Samples and measures of former tests stay.
    """

    def _setUp(self) -> None:
        identity = base.shared(keystone.Keystone)
        self._bus = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self._database = base.shared(postgresql.PostgreSQL).create_database()
        self.api = self.useFixture(api.API(identity, self._database))
        self.client = client.Client(
            identity.session(identity.admin), endpoint_override=self.api.url
        )
        self.gnocchi = base.shared(real_gnocchi.Gnocchi)
        gnocchi.setup(identity.connect(), say=lambda line: None)
        self.ceilometer = self.useFixture(
            ceilometer.Ceilometer(
                identity,
                self._bus,
                self.ceilometer_options(),
                exporter=True,
                publishers=[
                    f'gnocchi://?resources_definition_file={RESOURCES}'
                ],
            )
        )

    def ceilometer_options(self) -> str:
        """Return more sections of ceilometer.conf."""
        return ''

    def configure(self) -> commands.Configuration:
        """Return the configuration of an agent and a collector."""
        return commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': self._bus},
            database={'connection': self._database},
        )
