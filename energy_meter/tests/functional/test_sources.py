# SPDX-License-Identifier: Apache-2.0

"""Test of a collector that reads several buses."""

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq


class SourcesTest(test_base.BaseTestCase):
    """A collector reads three buses, one of which does not exist."""

    def setUp(self) -> None:
        super().setUp()
        stable = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self.broker = self.useFixture(rabbitmq.RabbitMQ())
        absent = f'rabbit://guest:guest@127.0.0.1:{base.free_port()}/'
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.database = f'sqlite:///{directory}/energy_meter.sqlite'
        configuration = commands.Configuration(
            directory, database={'connection': self.database}
        )
        configuration.set(
            'bus', sources=', '.join([absent, stable, self.broker.url])
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        self.collector = self.useFixture(commands.collector(configuration))
        self.run_agent('stable', stable)
        self.run_agent('restarted', self.broker.url)

    def run_agent(self, probe: str, url: str) -> None:
        configuration = commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': url},
        )
        configuration.add_dummy(probe, probe)
        self.useFixture(commands.agent(configuration))

    def wait_for_growth(self, *probes: str) -> None:
        before = commands.energy(self.database)
        base.wait_for(
            lambda: all(
                value > before.get(probe, 0)
                for probe, value in self.energy(probes)
            ),
            60,
            f'{", ".join(probes)} grow',
        )

    def energy(self, probes: tuple[str, ...]) -> list[tuple[str, int]]:
        billed = commands.energy(self.database)
        return [(probe, billed.get(probe, 0)) for probe in probes]

    def test_unreachable_bus_does_not_stop_the_others(self):
        self.wait_for_growth('stable', 'restarted')

        self.broker.stop()
        self.wait_for_growth('stable')

        self.broker.start()
        self.wait_for_growth('stable', 'restarted')
        self.assertNotIn('guest:guest', self.collector.output())
