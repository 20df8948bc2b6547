# SPDX-License-Identifier: Apache-2.0

"""What an agent does about energy when it or its peers come and go.

What becomes of energy when parts of the installation fail, the fault harness
tells: energy_meter/tests/faults.
"""

import fixtures
from oslotest import base as test_base

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq


class FaultTest(test_base.BaseTestCase):
    """One agent with two probes, RabbitMQ, a collector, PostgreSQL.

    The truth is what the agent's journal says of its registers.
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

    def wait_for_growth(self) -> None:
        """Wait until both probes have more energy than now."""
        before = commands.energy(self.url)
        base.wait_for(
            lambda: (
                lambda now: (
                    len(now) == 2
                    and all(now[probe] > before.get(probe, 0) for probe in now)
                )
            )(commands.energy(self.url)),
            60,
            'both probes grow',
        )

    def wait_for_readings(self, seconds: float = 2.0) -> None:
        """Wait until the agent's registers went on for so long."""

        def elapsed() -> int:
            return sum(self.configuration.registers().values())

        # 125 W in two probes.
        goal = elapsed() + seconds * 2 * 125_000
        base.wait_for(lambda: elapsed() > goal, 30, 'the registers go on')

    def check_energy(self) -> None:
        """Stop metering; then every millijoule must be billed, once."""
        self.agent.stop()
        expected = sum(self.configuration.registers().values())
        self.assertGreater(expected, 0)
        base.wait_for(
            lambda: self.total() >= expected, 60, f'{expected} mJ are billed'
        )
        self.assertEqual(expected, self.total())

    def test_agent_complains_once_of_a_broker_that_is_away(self):
        self.broker.stop()
        base.wait_for(
            lambda: 'they wait' in self.agent.output(),
            30,
            'the agent complains',
        )
        self.wait_for_readings()
        log = self.agent.output()
        self.assertEqual(1, log.count('they wait'))
        self.assertNotIn('Failed to publish', log)

    def test_agent_that_starts_without_a_broker_sends_when_it_comes(self):
        self.agent.stop()
        self.broker.stop()
        self.agent.start()
        self.wait_for_readings()
        self.broker.start()
        self.wait_for_growth()
        self.check_energy()

    def test_agent_killed_in_an_outage_loses_nothing_of_its_journal(self):
        self.broker.stop()
        self.wait_for_readings()
        self.agent.kill()
        journal = self.configuration.registers()
        self.broker.start()
        self.agent.start()
        self.wait_for_growth()
        self.agent.stop()
        now = self.configuration.registers()
        self.assertEqual(journal, {key: now[key] for key in journal})
        self.assertEqual(2 * len(journal), len(now))
        self.check_energy()

    def test_reload_keeps_registers_running(self):
        before = {view.register for view in commands.registers(self.url)}
        self.configuration.add_dummy('new', 'new-1')
        self.agent.signal(1)
        base.wait_for(
            lambda: 'new-1' in commands.energy(self.url),
            30,
            'the new probe is metered',
        )
        now = {
            view.register
            for view in commands.registers(self.url)
            if view.probe != 'new-1'
        }
        self.assertEqual(before, now)
        self.check_energy()

    def test_probe_of_two_agents_is_billed_once_and_shown(self):
        other = self.configure()
        other.add_dummy('other', 'desk-1')
        # When it first speaks, the owner has gone on since it began.
        other.set('agent', publish_interval=5)
        second = self.useFixture(commands.agent(other))
        base.wait_for(
            lambda: [
                view
                for view in commands.registers(self.url, 'desk-1')
                if view.role == 'overlapping' and view.overlap > 0
            ],
            30,
            'the overlap is shown',
        )
        self.wait_for_growth()
        second.stop()
        self.check_energy()
        self.assertIn(
            'Probe desk-1 is metered by two agents', self.collector.output()
        )
