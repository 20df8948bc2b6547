# SPDX-License-Identifier: Apache-2.0

"""Test case that compares metered with billed energy."""

import typing

import fixtures
from oslo_messaging import transport as messaging_transport
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter.bus import transport
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

#: Mean power of each of the two probes, in mW: the center of a dummy's range.
POWER_MW = 125_000


class MeteringTestCase(test_base.BaseTestCase):
    """One agent with two probes, one collector and a database.

    The metered energy is that of the registers in the agent's checkpoint.
    """

    def setUp(self) -> None:
        super().setUp()
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.database = f'sqlite:///{directory}/energy_meter.sqlite'

    def configure(
        self,
        url: str,
        **sections: typing.Any,
    ) -> commands.Configuration:
        """Return the configuration of a service on this bus."""
        return commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': url},
            **sections,
        )

    def connect(self, url: str) -> messaging_transport.NotificationTransport:
        """Return a connection of this process to a bus."""
        conf = energy_meter_conf.load(
            ['--config-file', str(self.configure(url).path)], 'test'
        )
        bus = transport.connect(conf)
        self.addCleanup(bus.cleanup)
        return bus

    def make_agent(self, url: str) -> commands.Command:
        """Return the agent, without starting it."""
        self.agent_configuration = self.configure(url)
        self.agent_configuration.add_dummy('desk', 'desk-1', 'desk-2')
        return commands.agent(self.agent_configuration)

    def make_collector(self, url: str) -> commands.Command:
        """Create the database and return the collector; do not start it."""
        configuration = self.configure(
            url, database={'connection': self.database}
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        return commands.collector(configuration)

    def billed(self) -> int:
        """Return the billed energy, in mJ."""
        return sum(commands.energy(self.database).values())

    def metered(self) -> int:
        """Return the energy of all registers of the agent, in mJ."""
        return sum(self.agent_configuration.registers().values())

    def wait_until_billed(self) -> None:
        """Wait until more is billed than was metered at the call."""
        goal = self.metered()
        base.wait_for(lambda: self.billed() > goal, 60, 'energy is billed')

    def wait_for_readings(self, seconds: float = 2.0) -> None:
        """Wait until the agent has metered for this time."""
        goal = self.metered() + seconds * 2 * POWER_MW
        base.wait_for(lambda: self.metered() > goal, 60, 'registers increase')

    def check_energy(self, agent: commands.Command) -> None:
        """Stop metering and check that all energy is billed exactly once."""
        agent.stop()
        self.assertGreater(self.metered(), 0)
        base.wait_for(
            lambda: self.billed() >= self.metered(),
            60,
            f'{self.metered()} mJ are billed',
        )
        self.assertEqual(self.metered(), self.billed())
