# SPDX-License-Identifier: Apache-2.0

"""Agents that are disabled and enabled."""

import random

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.collector import agents
from energy_meter.db import schema
from energy_meter.tests.unit.collector import agents as meters
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

HOUR_MS = 3_600_000


class AgentsTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(1)

    def meter(self, probe: str = 'p', name: str = 'rogue') -> str:
        """Meter 1 W for an hour in a new register.

        :returns: ID of the register.
        """
        agent = meters.Agent(probe, name, 1000)
        agent.start(self.random, self.now - HOUR_MS)
        self.deliver(agent)
        return agent.register

    def deliver(self, agent: meters.Agent) -> dict[str, int]:
        result = databases.deliver(
            self.engine, agent.measure(self.now), self.now
        )
        databases.settle(self.engine, self.now)
        return dict(+result.outcomes)

    def disable(self, agent: str = 'rogue-uuid') -> dict[str, int]:
        return agents.disable(self.engine, agent, 'operator')

    def enable(self, agent: str = 'rogue-uuid') -> None:
        with self.engine.begin() as connection:
            agents.enable(connection, agent, 'operator')

    def list_agents(self) -> list[agents.AgentView]:
        with self.engine.connect() as connection:
            return agents.list_agents(connection)

    def shown(self, probe: str = 'p') -> int:
        return databases.shown(self.engine).get(probe, 0)

    def audit(self) -> list[str]:
        with self.engine.connect() as connection:
            return [
                row.action
                for row in connection.execute(
                    sa.select(schema.audit).order_by(schema.audit.c.id)
                )
            ]


class ListTest(AgentsTest):
    def test_each_agent_is_listed_once(self):
        self.meter('p')
        self.meter('q')
        self.meter('q')
        self.meter('r', 'honest')

        self.assertEqual(
            [('honest-uuid', 'honest', 1), ('rogue-uuid', 'rogue', 2)],
            [
                (view.agent, view.name, view.probes)
                for view in self.list_agents()
            ],
        )
        self.assertEqual(
            {self.now / 1000},
            {view.last_seen_at for view in self.list_agents()},
        )

    def test_disabled_agent_keeps_its_name(self):
        self.meter()
        self.disable()

        (view,) = self.list_agents()

        self.assertEqual(
            ('rogue-uuid', 'rogue', 1), (view.agent, view.name, view.probes)
        )
        self.assertAlmostEqual(self.now / 1000, view.disabled_at, delta=60)


class DisableTest(AgentsTest):
    def test_only_energy_of_the_disabled_agent_is_removed(self):
        # Given probes of which another agent metered the same or more,
        self.meter('p', 'honest')
        self.meter('p')
        self.meter('q')
        self.meter('q')
        self.meter('r', 'honest')

        # when one is disabled,
        removed = self.disable()

        # then what the other one metered is billed.
        self.assertEqual({'p': 0, 'q': 3_600_000}, removed)
        self.assertEqual(3_600_000, self.shown('p'))
        self.assertEqual(0, self.shown('q'))
        self.assertEqual(3_600_000, self.shown('r'))
        databases.assert_settled(self.engine, 'disabled')

    def test_later_measurements_are_rejected(self):
        self.meter()
        self.disable()

        for probe in 'p', 'new':
            agent = meters.Agent(probe, 'rogue', 1000)
            agent.start(self.random, self.now - HOUR_MS)
            outcomes = self.deliver(agent)
            self.assertEqual({'agent_disabled'}, set(outcomes))

        self.assertEqual((0, 0), (self.shown(), self.shown('new')))

    def test_measurements_of_other_agents_are_merged(self):
        self.meter()
        self.disable()

        self.meter('p', 'honest')

        self.assertEqual(3_600_000, self.shown())

    def test_disabling_again_voids_registers_added_meanwhile(self):
        self.meter()
        self.disable()
        with self.engine.begin() as connection:
            connection.execute(schema.disabled_agent.delete())
        # A batch that was being written when the agent was disabled.
        register = self.meter('q')
        with self.engine.begin() as connection:
            connection.execute(
                schema.disabled_agent.insert().values(
                    agent='rogue-uuid', created_at=self.now
                )
            )

        self.assertEqual({'p': 0, 'q': 3_600_000}, self.disable())

        actions = self.audit()
        self.assertIn(register, actions[-1])
        self.assertEqual({'p': 0, 'q': 0}, self.disable())
        self.assertEqual(actions, self.audit())

    def test_changes_are_recorded(self):
        first, last = sorted((self.meter(), self.meter()))

        self.disable()

        self.assertEqual(
            [
                'disable agent rogue-uuid',
                f'void register {first}, register {last} of agent '
                'rogue-uuid, probe p: 3600000 mJ',
            ],
            self.audit(),
        )

    def test_disabling_an_unknown_agent_fails(self):
        self.meter()

        self.assertRaises(exception.AgentNotFound, self.disable, 'unknown')

        self.assertEqual([], self.audit())


class EnableTest(AgentsTest):
    def test_new_registers_are_billed_again(self):
        agent = meters.Agent('p', 'rogue', 1000)
        agent.start(self.random, self.now - 2 * HOUR_MS)
        self.deliver(agent)
        self.disable()

        self.enable()

        self.assertEqual({'void': 1}, self.deliver(agent))
        agent.start(self.random, self.now - HOUR_MS)
        self.deliver(agent)
        self.assertEqual(3_600_000, self.shown())
        self.assertEqual('enable agent rogue-uuid', self.audit()[-1])

    def test_enabling_an_enabled_agent_fails(self):
        self.meter()

        self.assertRaises(exception.AgentNotDisabled, self.enable)

        self.assertEqual([], self.audit())
