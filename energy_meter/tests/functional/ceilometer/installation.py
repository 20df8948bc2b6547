# SPDX-License-Identifier: Apache-2.0

"""All services from the wattmeter to Gnocchi."""

import fixtures
from openstack import connection

from energy_meter.clients import api
from energy_meter.clients import gnocchi
from energy_meter.tests.functional.services import api as api_service
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import ceilometer
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import gnocchi as real_gnocchi
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq
from energy_meter.tests.functional.services import stack

RESOURCES = stack.CHECKOUT / 'etc' / 'ceilometer' / 'gnocchi_resources.yaml'


class OwnGnocchi(real_gnocchi.Gnocchi):
    """A Gnocchi that is not in the catalog."""

    in_catalog = False

    def connect(
        self, credentials: keystone.Credentials | None = None
    ) -> connection.Connection:
        """Return an openstacksdk connection that finds this Gnocchi."""
        identity = base.shared(keystone.Keystone)
        return connection.Connection(
            session=identity.session(credentials or identity.admin),
            region_name=keystone.REGION,
            metric_endpoint_override=self.url,
        )


class Installation(base.Service):
    """API, Ceilometer and Gnocchi; tests start the agent if they need it.

    Probes are those of the agent, and those that tests write with
    ``api.meter()``. Samples and measures of earlier tests are kept.

    :cvar meters: that Ceilometer polls.
    """

    meters = ceilometer.METERS

    def _setUp(self) -> None:
        identity = base.shared(keystone.Keystone)
        self._bus = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self._database = base.shared(postgresql.PostgreSQL).create_database()
        self.api = self.useFixture(api_service.API(identity, self._database))
        self.client = api.Client(
            identity.session(identity.admin), endpoint_override=self.api.url
        )
        self.gnocchi = base.shared(real_gnocchi.Gnocchi)
        gnocchi.setup(identity.connect(), report=lambda line: None)
        self.ceilometer = self.useFixture(
            ceilometer.Ceilometer(
                identity,
                self._bus,
                self.ceilometer_options(),
                exporter=True,
                meters=self.meters,
                publishers=[
                    f'gnocchi://?resources_definition_file={RESOURCES}'
                ],
            )
        )

    def ceilometer_options(self) -> str:
        """Return additional sections of ceilometer.conf."""
        return ''

    def configure(self) -> commands.Configuration:
        """Return the configuration of an agent and a collector."""
        return commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': self._bus},
            database={'connection': self._database},
        )
