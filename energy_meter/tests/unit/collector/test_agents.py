# SPDX-License-Identifier: Apache-2.0

"""Agents that are disabled and enabled."""

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import agents
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base


class AgentsTest(db_base.DatabaseTest):
    def deliver(
        self,
        probe: str = 'p',
        agent: str = 'rogue',
        incarnation: int = 1,
        millijoules: int = 5,
    ) -> dict[str, int]:
        """Write a measurement; each incarnation has one register."""
        return dict(
            databases.deliver(
                self.engine,
                [
                    measurement.Measurement(
                        measurement.Probe(
                            probe, 'node', probe, 'w', 'dummy', f'{agent}-name'
                        ),
                        measurement.RegisterKey(
                            agent, f'r{incarnation}', incarnation
                        ),
                        self.now,
                        millijoules * 2.0,
                        millijoules,
                        float(millijoules),
                    )
                ],
                self.now,
            ).outcomes
        )

    def disable(self, agent: str = 'rogue') -> dict[str, int]:
        return agents.disable(self.engine, agent, 'operator')

    def enable(self, agent: str = 'rogue') -> None:
        with self.engine.begin() as connection:
            agents.enable(connection, agent, 'operator')

    def list_agents(self) -> list[agents.AgentView]:
        with self.engine.connect() as connection:
            return agents.list_agents(connection)

    def millijoules(self, probe: str = 'p') -> int:
        return databases.load(self.engine, probe).millijoules

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
        self.deliver('p')
        self.deliver('q', incarnation=1)
        self.deliver('q', incarnation=2)
        self.deliver('r', 'honest')
        self.assertEqual(
            [('honest', 'honest-name', 1), ('rogue', 'rogue-name', 2)],
            [
                (view.agent, view.name, view.probes)
                for view in self.list_agents()
            ],
        )
        self.assertEqual(
            {self.now}, {view.last_seen_at for view in self.list_agents()}
        )

    def test_agent_that_owns_no_probe_has_no_name(self):
        self.deliver('p', 'honest')
        self.deliver('p', 'rogue')
        self.assertEqual(
            [('honest', 'honest-name'), ('rogue', None)],
            [(view.agent, view.name) for view in self.list_agents()],
        )

    def test_disabled_agent_keeps_its_name(self):
        self.deliver()
        self.disable()
        (view,) = self.list_agents()
        self.assertEqual(
            ('rogue', 'rogue-name', 1), (view.agent, view.name, view.probes)
        )
        self.assertLess(abs(view.disabled_at - self.now), 60)

    def test_disabled_agent_without_registers_is_listed(self):
        self.deliver()
        self.disable()
        with self.engine.begin() as connection:
            connection.execute(schema.register.delete())
        (view,) = self.list_agents()
        self.assertEqual(
            ('rogue', 'rogue-name', 0, None),
            (view.agent, view.name, view.probes, view.last_seen_at),
        )


class DisableTest(AgentsTest):
    def test_only_energy_of_the_disabled_agent_is_removed(self):
        databases.assert_agent_can_be_disabled(self.engine)

    def test_all_its_registers_are_voided(self):
        self.deliver(incarnation=1, millijoules=5)
        self.deliver(incarnation=2, millijoules=7)
        self.deliver('q', millijoules=11)
        self.assertEqual({'p': 12, 'q': 11}, self.disable())
        self.assertEqual((0, 0), (self.millijoules(), self.millijoules('q')))

    def test_later_measurements_are_rejected(self):
        self.deliver()
        self.disable()
        for probe, incarnation in (('p', 1), ('p', 2), ('new', 3)):
            self.assertEqual(
                {'agent_disabled': 1},
                self.deliver(probe, incarnation=incarnation, millijoules=100),
            )
        self.assertEqual((0, 0), (self.millijoules(), self.millijoules('new')))

    def test_measurements_of_other_agents_are_merged(self):
        self.deliver()
        self.disable()
        self.assertEqual({'billed': 1}, self.deliver('p', 'honest'))
        self.assertEqual(5, self.millijoules())

    def test_disabling_again_voids_registers_added_meanwhile(self):
        self.deliver()
        self.disable()
        with self.engine.begin() as connection:
            connection.execute(schema.disabled_agent.delete())
        # A batch that was being written when the agent was disabled.
        self.deliver('q', incarnation=2, millijoules=7)
        with self.engine.begin() as connection:
            connection.execute(
                schema.disabled_agent.insert().values(
                    agent='rogue', created_at=self.now
                )
            )
        self.assertEqual({'p': 0, 'q': 7}, self.disable())
        actions = self.audit()
        self.assertEqual({'p': 0, 'q': 0}, self.disable())
        self.assertEqual(actions, self.audit())

    def test_changes_are_recorded(self):
        self.deliver()
        self.disable()
        self.assertEqual(
            [
                'disable agent rogue',
                'void register r1 of agent rogue, probe p: 5 mJ',
            ],
            self.audit(),
        )

    def test_disabling_an_unknown_agent_fails(self):
        self.deliver()
        self.assertRaises(exception.AgentNotFound, self.disable, 'unknown')
        self.assertEqual([], self.audit())


class EnableTest(AgentsTest):
    def test_new_registers_are_billed_again(self):
        self.deliver()
        self.disable()
        self.enable()
        self.assertEqual({'void': 1}, self.deliver(millijoules=100))
        self.assertEqual(
            {'billed': 1}, self.deliver(incarnation=2, millijoules=7)
        )
        self.assertEqual(7, self.millijoules())
        self.assertEqual('enable agent rogue', self.audit()[-1])

    def test_enabling_an_enabled_agent_fails(self):
        self.deliver()
        self.assertRaises(exception.AgentNotDisabled, self.enable)
        self.assertEqual([], self.audit())
