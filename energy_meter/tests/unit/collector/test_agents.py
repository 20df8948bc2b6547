# SPDX-License-Identifier: Apache-2.0

"""Agents that are excluded, and believed again."""

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import agents
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base


class AgentsTest(db_base.DatabaseTest):
    def word(
        self,
        probe: str = 'p',
        agent: str = 'rogue',
        incarnation: int = 1,
        millijoules: int = 5,
    ) -> dict[str, int]:
        """Deliver a word of a register, one for each incarnation."""
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

    def exclude(self, agent: str = 'rogue') -> dict[str, int]:
        return agents.exclude(self.engine, agent, 'operator')

    def readmit(self, agent: str = 'rogue') -> None:
        with self.engine.begin() as connection:
            agents.readmit(connection, agent, 'operator')

    def list_agents(self) -> list[agents.AgentView]:
        with self.engine.connect() as connection:
            return agents.list_agents(connection)

    def millijoules(self, probe: str = 'p') -> int:
        return databases.load(self.engine, probe).millijoules

    def audit(self) -> list[str]:
        with self.engine.connect() as connection:
            return [
                row.what
                for row in connection.execute(
                    sa.select(schema.audit).order_by(schema.audit.c.id)
                )
            ]


class ListTest(AgentsTest):
    def test_each_agent_has_one_line(self):
        self.word('p')
        self.word('q', incarnation=1)
        self.word('q', incarnation=2)
        self.word('r', 'honest')
        self.assertEqual(
            [('honest', 'honest-name', 1), ('rogue', 'rogue-name', 2)],
            [
                (view.agent, view.name, view.probes)
                for view in self.list_agents()
            ],
        )
        self.assertEqual(
            {self.now}, {view.heard_at for view in self.list_agents()}
        )

    def test_agent_that_owns_no_probe_has_no_name(self):
        self.word('p', 'honest')
        self.word('p', 'rogue')
        self.assertEqual(
            [('honest', 'honest-name'), ('rogue', None)],
            [(view.agent, view.name) for view in self.list_agents()],
        )

    def test_excluded_agent_keeps_its_name(self):
        self.word()
        self.exclude()
        (view,) = self.list_agents()
        self.assertEqual(
            ('rogue', 'rogue-name', 1), (view.agent, view.name, view.probes)
        )
        self.assertLess(abs(view.excluded_at - self.now), 60)

    def test_excluded_agent_is_listed_when_all_of_it_is_forgotten(self):
        self.word()
        self.exclude()
        with self.engine.begin() as connection:
            connection.execute(schema.register.delete())
        (view,) = self.list_agents()
        self.assertEqual(
            ('rogue', 'rogue-name', 0, None),
            (view.agent, view.name, view.probes, view.heard_at),
        )


class ExcludeTest(AgentsTest):
    def test_its_energy_goes_and_that_of_others_stays(self):
        databases.excludes_an_agent(self.engine)

    def test_all_of_its_registers_are_voided(self):
        self.word(incarnation=1, millijoules=5)
        self.word(incarnation=2, millijoules=7)
        self.word('q', millijoules=11)
        self.assertEqual({'p': 12, 'q': 11}, self.exclude())
        self.assertEqual((0, 0), (self.millijoules(), self.millijoules('q')))

    def test_whatever_it_says_later_is_refused(self):
        self.word()
        self.exclude()
        for probe, incarnation in (('p', 1), ('p', 2), ('new', 3)):
            self.assertEqual(
                {'excluded': 1},
                self.word(probe, incarnation=incarnation, millijoules=100),
            )
        self.assertEqual((0, 0), (self.millijoules(), self.millijoules('new')))

    def test_others_in_the_same_batch_are_merged(self):
        self.word()
        self.exclude()
        self.assertEqual({'credited': 1}, self.word('p', 'honest'))
        self.assertEqual(5, self.millijoules())

    def test_again_it_strikes_what_slipped_through(self):
        self.word()
        self.exclude()
        with self.engine.begin() as connection:
            connection.execute(schema.exclusion.delete())
        # A batch was being written when it was excluded.
        self.word('q', incarnation=2, millijoules=7)
        with self.engine.begin() as connection:
            connection.execute(
                schema.exclusion.insert().values(agent='rogue', at=self.now)
            )
        self.assertEqual({'p': 0, 'q': 7}, self.exclude())
        written = self.audit()
        self.assertEqual({'p': 0, 'q': 0}, self.exclude())
        self.assertEqual(written, self.audit())

    def test_who_was_struck_is_written_down(self):
        self.word()
        self.exclude()
        self.assertEqual(
            [
                'exclude agent rogue',
                'void register r1 of agent rogue, probe p: 5 mJ',
            ],
            self.audit(),
        )

    def test_agent_of_which_nothing_was_heard_is_told(self):
        self.word()
        self.assertRaises(exception.UnknownAgent, self.exclude, 'unknown')
        self.assertEqual([], self.audit())


class ReadmitTest(AgentsTest):
    def test_its_new_registers_are_credited_again(self):
        self.word()
        self.exclude()
        self.readmit()
        self.assertEqual({'voided': 1}, self.word(millijoules=100))
        self.assertEqual(
            {'credited': 1}, self.word(incarnation=2, millijoules=7)
        )
        self.assertEqual(7, self.millijoules())
        self.assertEqual('readmit agent rogue', self.audit()[-1])

    def test_agent_that_is_not_excluded_is_told(self):
        self.word()
        self.assertRaises(exception.NotExcluded, self.readmit)
        self.assertEqual([], self.audit())
