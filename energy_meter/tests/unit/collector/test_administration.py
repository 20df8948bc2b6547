# SPDX-License-Identifier: Apache-2.0


"""What an operator looks at and changes by hand."""

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import administration
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

HOUR = 3600


class AdministrationTest(db_base.DatabaseTest):
    def word(
        self,
        probe: str = 'p',
        agent: str = 'agent',
        incarnation: int = 1,
        millijoules: int = 5,
        ago: float = 0.0,
    ) -> dict[str, int]:
        """Deliver a word of a register, one for each incarnation."""
        moment = self.now - ago
        return dict(
            databases.deliver(
                self.engine,
                [
                    measurement.Measurement(
                        measurement.Probe(
                            probe, 'node', probe, 'w', 'dummy', agent
                        ),
                        measurement.RegisterKey(
                            agent, f'r{incarnation}', incarnation
                        ),
                        moment,
                        millijoules * 2.0,
                        millijoules,
                        float(millijoules),
                    )
                ],
                moment,
            ).outcomes
        )

    def millijoules(self) -> int:
        return databases.load(self.engine, 'p').millijoules

    def audit(self) -> list[tuple[str, str]]:
        with self.engine.connect() as connection:
            return [
                (row.who, row.what)
                for row in connection.execute(sa.select(schema.audit))
            ]


class ListTest(AdministrationTest):
    def registers(
        self, probe: str | None = None
    ) -> list[administration.RegisterView]:
        with self.engine.connect() as connection:
            return list(administration.list_registers(connection, probe))

    def test_owner_comes_first_and_roles_are_told(self):
        self.word(incarnation=1)
        self.word(incarnation=2)
        self.word(agent='other')
        self.assertEqual(
            [('r2', 'owner'), ('r1', 'former'), ('r1', 'overlapping')],
            [(item.register, item.role) for item in self.registers('p')],
        )

    def test_all_probes_are_listed_by_name(self):
        self.word('q')
        self.word('p')
        self.assertEqual(['p', 'q'], [item.probe for item in self.registers()])

    def test_coverage_is_the_part_of_its_time_that_was_metered(self):
        self.word()
        self.assertEqual([0.5], [item.coverage for item in self.registers()])

    def test_pending_energy_is_overlap_once_the_owner_moved_on(self):
        self.word(millijoules=5)
        self.word(agent='other', millijoules=3)
        self.word(agent='other', millijoules=4)
        before = self.registers()[1]
        self.word(millijoules=6)
        after = self.registers()[1]
        self.assertEqual(4, before.overlap + before.pending)
        self.assertEqual((4, 0), (after.overlap, after.pending))

    def test_unknown_probe_is_told(self):
        self.assertRaises(exception.UnknownProbe, self.registers, 'x')


class VoidTest(AdministrationTest):
    def void(
        self, probe: str = 'p', agent: str = 'agent', register: str = 'r1'
    ) -> int:
        with self.engine.begin() as connection:
            return administration.void(
                connection, probe, agent, register, 'operator'
            )

    def test_energy_of_the_register_goes(self):
        self.word(incarnation=1, millijoules=5)
        self.word(incarnation=2, millijoules=7)
        self.assertEqual(5, self.void())
        self.assertEqual(7, self.millijoules())

    def test_later_words_of_it_are_refused(self):
        self.word()
        self.void()
        self.assertEqual({'voided': 1}, self.word(millijoules=100))
        self.assertEqual(0, self.millijoules())

    def test_next_register_of_the_agent_takes_its_place(self):
        self.word()
        self.void()
        self.assertEqual(
            {'credited': 1}, self.word(incarnation=2, millijoules=7)
        )
        self.assertEqual(7, self.millijoules())

    def test_it_is_struck_only_once(self):
        self.word(incarnation=1)
        self.word(incarnation=2)
        self.void()
        self.assertEqual(0, self.void())
        self.assertEqual(5, self.millijoules())

    def test_who_did_it_is_written_down(self):
        self.word()
        self.void()
        self.assertEqual(
            [('operator', 'void register r1 of agent agent, probe p: 5 mJ')],
            self.audit(),
        )

    def test_what_is_not_known_is_told_and_changes_nothing(self):
        self.word()
        self.assertRaises(exception.UnknownProbe, self.void, 'x')
        self.assertRaises(exception.UnknownRegister, self.void, register='x')
        self.assertRaises(exception.UnknownRegister, self.void, agent='x')
        self.assertEqual(5, self.millijoules())
        self.assertEqual([], self.audit())


class ForgetTest(AdministrationTest):
    def forget(self, probe: str = 'p') -> int:
        with self.engine.begin() as connection:
            return administration.forget(connection, probe, 'operator')

    def test_probe_and_its_energy_are_gone(self):
        self.word(incarnation=1, ago=2 * HOUR)
        self.word(incarnation=2, ago=HOUR)
        self.word('q', ago=HOUR)
        self.assertEqual(10, self.forget())
        with self.engine.connect() as connection:
            self.assertEqual(
                ['q'], connection.scalars(sa.select(schema.probe.c.id)).all()
            )
            self.assertEqual(
                [], connection.execute(sa.select(schema.register)).all()
            )
        self.assertEqual([('operator', 'forget probe p: 10 mJ')], self.audit())

    def test_words_of_its_registers_are_refused(self):
        self.word(incarnation=1, ago=2 * HOUR)
        self.word(incarnation=2, ago=HOUR)
        self.forget()
        for incarnation in (1, 2):
            self.assertEqual(
                {'folded': 1},
                self.word(incarnation=incarnation, millijoules=100),
            )

    def test_probe_that_is_metered_again_begins_anew(self):
        self.word(ago=HOUR)
        self.forget()
        self.word(incarnation=2, millijoules=7)
        self.assertEqual(7, self.millijoules())

    def test_probe_that_is_still_metered_stays(self):
        self.word(ago=10)
        self.assertRaises(exception.ProbeInUse, self.forget)
        self.assertEqual(5, self.millijoules())

    def test_unknown_probe_is_told(self):
        self.assertRaises(exception.UnknownProbe, self.forget, 'x')
