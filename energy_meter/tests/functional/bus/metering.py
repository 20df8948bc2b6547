# SPDX-License-Identifier: Apache-2.0


"""A small installation, and the proof that it bills what was metered."""

import typing

import fixtures
from oslo_messaging import transport as messaging_transport
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter.bus import transport
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands

#: Each of the two probes, in milliwatts: the middle of a dummy's range.
POWER = 125_000


class MeteringTestCase(test_base.BaseTestCase):
    """One agent with two probes, one collector and a database.

    The truth is what the agent's journal says of its registers.
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
        """Describe a service of this bus, with a state of its own."""
        return commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': url},
            **sections,
        )

    def connect(self, url: str) -> messaging_transport.NotificationTransport:
        """Prepare a connection of this process."""
        conf = energy_meter_conf.load(
            ['--config-file', str(self.configure(url).path)], 'test'
        )
        bus = transport.connect(conf)
        self.addCleanup(bus.cleanup)
        return bus

    def describe_agent(self, url: str) -> commands.Command:
        """Describe the agent: it is not started."""
        self.agent_side = self.configure(url)
        self.agent_side.add_dummy('desk', 'desk-1', 'desk-2')
        return commands.agent(self.agent_side)

    def describe_collector(self, url: str) -> commands.Command:
        """Describe the collector, and make its database."""
        side = self.configure(url, database={'connection': self.database})
        side.run('energy-meter-manage', 'db', 'sync')
        return commands.collector(side)

    def total(self) -> int:
        """Sum up what is billed, in mJ."""
        return sum(commands.energy(self.database).values())

    def metered(self) -> int:
        """Sum up what the registers show, in mJ."""
        return sum(self.agent_side.registers().values())

    def wait_until_billed(self) -> None:
        """Wait until all is billed that was metered by now, and more."""
        goal = self.metered()
        base.wait_for(lambda: self.total() > goal, 60, 'energy arrives')

    def wait_for_readings(self, seconds: float = 2.0) -> None:
        """Wait until the registers went on for so long."""
        goal = self.metered() + seconds * 2 * POWER
        base.wait_for(lambda: self.metered() > goal, 60, 'the registers go on')

    def check_energy(self, agent: commands.Command) -> None:
        """Stop metering; then every millijoule must be billed, once."""
        agent.stop()
        self.assertGreater(self.metered(), 0)
        base.wait_for(
            lambda: self.total() >= self.metered(),
            60,
            f'{self.metered()} mJ are billed',
        )
        self.assertEqual(self.metered(), self.total())
