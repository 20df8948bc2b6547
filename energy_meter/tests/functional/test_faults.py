# SPDX-License-Identifier: Apache-2.0

"""An agent loses no energy when it or its peers stop and restart.

The fault harness, energy_meter/tests/faults, covers failures of all parts.
"""

import fixtures
from oslotest import base as test_base
import sqlalchemy as sa

from energy_meter.db import schema
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

#: Power of each probe.
WATTS = 100
#: Millijoules that the end of a metering beside another agent may cost: half a
#: second, as the clocks of the test may not be synchronized.
TOLERANCE = WATTS * 500


class FaultTest(test_base.BaseTestCase):
    """One agent with two probes, RabbitMQ, a collector and PostgreSQL.

    The registers in the agent's checkpoint are the expected energy.
    """

    def setUp(self) -> None:
        super().setUp()
        self.broker = self.useFixture(rabbitmq.RabbitMQ())
        self.database = self.useFixture(postgresql.PostgreSQL())
        self.url = self.database.create_database()
        self.configuration = self.configure()
        self.configuration.add_dummy('desk', 'desk-1', 'desk-2')
        self.configuration.run('energy-meter-manage', 'db', 'sync')
        self.agent = self.useFixture(commands.agent(self.configuration))
        self.collector = self.useFixture(
            commands.collector(self.configuration)
        )
        self.wait_for_growth()

    def configure(self) -> commands.Configuration:
        return commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': self.broker.url},
            database={'connection': self.url},
        )

    def total(self) -> int:
        return sum(commands.energy(self.url).values())

    def overlap(self) -> int:
        """Return the energy that two agents metered, in mJ."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            query = sa.select(sa.func.sum(schema.overlap.c.millijoules))
            return int(connection.scalar(query) or 0)

    def wait_for_growth(self) -> None:
        """Wait until the billed energy of both probes has increased."""
        before = commands.energy(self.url)
        base.wait_for(
            lambda: (
                lambda now: (
                    len(now) == 2
                    and all(now[probe] > before.get(probe, 0) for probe in now)
                )
            )(commands.energy(self.url)),
            60,
            'both probes to grow',
        )

    def wait_for_readings(self, seconds: float = 2.0) -> None:
        """Wait until the agent has metered for some seconds."""

        def elapsed() -> int:
            return sum(self.configuration.registers().values())

        goal = elapsed() + seconds * 2 * WATTS * 1000
        base.wait_for(lambda: elapsed() > goal, 30, 'the registers to grow')

    def check_energy(self) -> None:
        """Stop metering and check that each millijoule is billed once."""
        self.agent.stop()
        expected = sum(self.configuration.registers().values())
        self.assertGreater(expected, 0)
        base.wait_for(
            lambda: self.total() >= expected, 60, f'{expected} mJ to be billed'
        )
        self.assertEqual(expected, self.total())

    def test_agent_logs_a_broker_outage_once(self):
        self.broker.stop()
        base.wait_for(
            lambda: 'measurements are queued' in self.agent.output(),
            30,
            'the agent to log the outage',
        )
        self.wait_for_readings()
        log = self.agent.output()
        self.assertEqual(1, log.count('measurements are queued'))
        self.assertNotIn('Failed to publish', log)

    def test_agent_started_without_a_broker_publishes_when_it_returns(self):
        self.agent.stop()
        self.broker.stop()
        self.agent.start()
        self.wait_for_readings()
        self.broker.start()
        self.wait_for_growth()
        self.check_energy()

    def test_agent_killed_in_an_outage_loses_nothing_of_its_checkpoint(self):
        self.broker.stop()
        self.wait_for_readings()
        self.agent.kill()
        checkpoint = self.configuration.registers()
        self.broker.start()
        self.agent.start()
        self.wait_for_growth()
        self.agent.stop()
        now = self.configuration.registers()
        self.assertEqual(checkpoint, {key: now[key] for key in checkpoint})
        self.assertEqual(2 * len(checkpoint), len(now))
        self.check_energy()

    def test_reload_keeps_registers_running(self):
        before = set(self.configuration.registers())
        self.configuration.add_dummy('new', 'new-1')
        self.agent.signal(1)
        base.wait_for(
            lambda: 'new-1' in commands.energy(self.url),
            30,
            'the new probe to be metered',
        )
        now = set(self.configuration.registers())
        self.assertLess(before, now)
        self.assertEqual(len(before) + 1, len(now))
        self.check_energy()

    def test_probe_of_two_agents_is_billed_once(self):
        other = self.configure()
        other.add_dummy('other', 'desk-1')
        second = self.useFixture(commands.agent(other))
        base.wait_for(
            lambda: sum(other.registers().values()) > 5 * WATTS * 1000,
            30,
            'the second agent to meter',
        )
        second.stop()
        self.agent.stop()
        metered = sum(other.registers().values())
        base.wait_for(
            lambda: abs(self.overlap() - metered) < TOLERANCE,
            60,
            'the overlap to be settled',
        )
        expected = sum(self.configuration.registers().values())
        self.assertLess(abs(self.total() - expected), TOLERANCE)
