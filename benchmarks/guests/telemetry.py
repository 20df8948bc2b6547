# SPDX-License-Identifier: Apache-2.0

"""Keystone, Ceilometer, Gnocchi and CloudKitty around the API."""

import os
import typing

import fixtures

from energy_meter.clients import gnocchi
from energy_meter.tests.faults import clock_shim
from energy_meter.tests.functional.ceilometer import installation
from energy_meter.tests.functional.consumers import rating
from energy_meter.tests.functional.services import api
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import ceilometer
from energy_meter.tests.functional.services import gnocchi as real_gnocchi
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import stack

METERS = ('instance.energy', 'instance.power')
DAY_S = 86_400


class Charge(typing.NamedTuple):
    """What CloudKitty charges for an instance.

    :ivar project: ID of the project that pays.
    """

    project: str
    kwh: float
    price: float


class Telemetry(fixtures.Fixture):
    """API with Keystone, and Ceilometer, which polls it into Gnocchi.

    Ceilometer's compute agent reads libvirt, and creates the resources of the
    instances. Its central agent polls the API.

    :param bus: URL of a virtual host of RabbitMQ.
    :param database: URL of the database of the API.
    :param uri: URI of libvirt.
    :param clocks: those of the central agent.
    :ivar identity: Keystone.
    """

    def __init__(
        self, bus: str, database: str, uri: str, clocks: clock_shim.ClockShim
    ) -> None:
        super().__init__()
        self._bus, self._database = bus, database
        self._uri, self._clocks = uri, clocks

    def _setUp(self) -> None:
        # The compute agent logs it, and goes on.
        base.run([stack.program('python'), '-c', 'import libvirt'])
        self.identity = base.shared(keystone.Keystone)
        self.api = self.useFixture(api.API(self.identity, self._database))
        self.gnocchi = base.shared(real_gnocchi.Gnocchi)
        gnocchi.setup(self.identity.connect(), report=lambda line: None)
        resources = installation.RESOURCES
        self.ceilometer = self.useFixture(
            ceilometer.Ceilometer(
                self.identity,
                self._bus,
                f'[DEFAULT]\nlibvirt_type = qemu\nlibvirt_uri = {self._uri}\n',
                publishers=[
                    'gnocchi://',
                    f'gnocchi://?resources_definition_file={resources}',
                ],
                meters=('cpu', *METERS),
                env=self._clocks.env,
            )
        )
        options = [
            '--config-file',
            os.fspath(self.ceilometer.configuration_file),
        ]
        base.run([stack.program('ceilometer-upgrade'), *options], timeout=300)
        self.useFixture(
            base.Process(
                [
                    stack.program('ceilometer-polling'),
                    *options,
                    *('--polling-namespaces', 'compute'),
                ]
            )
        )

    def polled(self, meter: str) -> set[str]:
        """Return the resources of which Ceilometer has published a meter."""
        return {
            sample['resource_id']
            for sample in self.ceilometer.samples()
            if sample['name'] == meter
        }

    def rate(self, project: str, midnight: int) -> dict[str, Charge]:
        """Return what CloudKitty charges a project for a day, by instance.

        :param midnight: start of the day, in seconds since the epoch.
        """
        points = rating.rate(
            self.identity,
            project,
            midnight,
            1,
            metrics=rating.INSTANCES,
            period=DAY_S,
        )
        return {
            point['groupby']['id']: Charge(
                point['groupby']['project_id'],
                float(point['quantity']),
                float(point['price']),
            )
            for point in points
        }
