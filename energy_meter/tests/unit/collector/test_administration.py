# SPDX-License-Identifier: Apache-2.0

"""Operator's view of registers, and manual changes."""

import sqlalchemy as sa

from energy_meter import exception
from energy_meter import measurement
from energy_meter.collector import administration
from energy_meter.db import schema
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

HOUR = 3600


class AdministrationTest(db_base.DatabaseTest):
    def deliver(
        self,
        probe: str = 'p',
        agent: str = 'agent',
        incarnation: int = 1,
        millijoules: int = 5,
        ago: float = 0.0,
    ) -> dict[str, int]:
        """Write a measurement; each incarnation has one register."""
        timestamp = self.now - ago
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
                        timestamp,
                        millijoules * 2.0,
                        millijoules,
                        float(millijoules),
                    )
                ],
                timestamp,
            ).outcomes
        )

    def millijoules(self) -> int:
        return databases.load(self.engine, 'p').millijoules

    def audit(self) -> list[tuple[str, str]]:
        with self.engine.connect() as connection:
            return [
                (row.username, row.action)
                for row in connection.execute(sa.select(schema.audit))
            ]


class ListTest(AdministrationTest):
    def registers(
        self, probe: str | None = None
    ) -> list[administration.RegisterView]:
        with self.engine.connect() as connection:
            return list(administration.list_registers(connection, probe))

    def test_active_register_is_listed_first(self):
        self.deliver(incarnation=1)
        self.deliver(incarnation=2)
        self.deliver(agent='other')
        self.assertEqual(
            [('r2', 'active'), ('r1', 'superseded'), ('r1', 'overlapping')],
            [(view.register, view.role) for view in self.registers('p')],
        )

    def test_probes_are_listed_by_id(self):
        self.deliver('q')
        self.deliver('p')
        self.assertEqual(['p', 'q'], [view.probe for view in self.registers()])

    def test_coverage_is_the_metered_share_of_the_elapsed_time(self):
        self.deliver()
        self.assertEqual([0.5], [view.coverage for view in self.registers()])

    def test_pending_energy_is_overlap_once_the_owner_is_updated(self):
        self.deliver(millijoules=5)
        self.deliver(agent='other', millijoules=3)
        self.deliver(agent='other', millijoules=4)
        before = self.registers()[1]
        self.deliver(millijoules=6)
        after = self.registers()[1]
        self.assertEqual(4, before.overlap + before.pending)
        self.assertEqual((4, 0), (after.overlap, after.pending))

    def test_listing_an_unknown_probe_fails(self):
        self.assertRaises(exception.ProbeNotFound, self.registers, 'x')


class VoidTest(AdministrationTest):
    def void(
        self, probe: str = 'p', agent: str = 'agent', register: str = 'r1'
    ) -> int:
        with self.engine.begin() as connection:
            return administration.void(
                connection, probe, agent, register, 'operator'
            )

    def test_energy_of_the_register_is_subtracted(self):
        self.deliver(incarnation=1, millijoules=5)
        self.deliver(incarnation=2, millijoules=7)
        self.assertEqual(5, self.void())
        self.assertEqual(7, self.millijoules())

    def test_later_measurements_are_rejected(self):
        self.deliver()
        self.void()
        self.assertEqual({'void': 1}, self.deliver(millijoules=100))
        self.assertEqual(0, self.millijoules())

    def test_next_register_of_the_agent_replaces_it(self):
        self.deliver()
        self.void()
        self.assertEqual(
            {'billed': 1}, self.deliver(incarnation=2, millijoules=7)
        )
        self.assertEqual(7, self.millijoules())

    def test_voiding_twice_subtracts_once(self):
        self.deliver(incarnation=1)
        self.deliver(incarnation=2)
        self.void()
        self.assertEqual(0, self.void())
        self.assertEqual(5, self.millijoules())

    def test_operator_is_recorded(self):
        self.deliver()
        self.void()
        self.assertEqual(
            [('operator', 'void register r1 of agent agent, probe p: 5 mJ')],
            self.audit(),
        )

    def test_voiding_an_unknown_register_fails_without_changes(self):
        self.deliver()
        self.assertRaises(exception.ProbeNotFound, self.void, 'x')
        self.assertRaises(exception.RegisterNotFound, self.void, register='x')
        self.assertRaises(exception.RegisterNotFound, self.void, agent='x')
        self.assertEqual(5, self.millijoules())
        self.assertEqual([], self.audit())


class DeleteProbeTest(AdministrationTest):
    def delete(self, probe: str = 'p') -> int:
        with self.engine.begin() as connection:
            return administration.delete_probe(connection, probe, 'operator')

    def test_probe_and_its_registers_are_deleted(self):
        self.deliver(incarnation=1, ago=2 * HOUR)
        self.deliver(incarnation=2, ago=HOUR)
        self.deliver('q', ago=HOUR)
        self.assertEqual(10, self.delete())
        with self.engine.connect() as connection:
            self.assertEqual(
                ['q'], connection.scalars(sa.select(schema.probe.c.id)).all()
            )
            self.assertEqual(
                [], connection.execute(sa.select(schema.register)).all()
            )
        self.assertEqual([('operator', 'delete probe p: 10 mJ')], self.audit())

    def test_measurements_of_its_registers_are_rejected(self):
        self.deliver(incarnation=1, ago=2 * HOUR)
        self.deliver(incarnation=2, ago=HOUR)
        self.delete()
        for incarnation in (1, 2):
            self.assertEqual(
                {'stale_incarnation': 1},
                self.deliver(incarnation=incarnation, millijoules=100),
            )

    def test_probe_that_is_metered_again_starts_at_zero(self):
        self.deliver(ago=HOUR)
        self.delete()
        self.deliver(incarnation=2, millijoules=7)
        self.assertEqual(7, self.millijoules())

    def test_deleting_a_metered_probe_fails(self):
        self.deliver(ago=10)
        self.assertRaises(exception.ProbeInUse, self.delete)
        self.assertEqual(5, self.millijoules())

    def test_deleting_an_unknown_probe_fails(self):
        self.assertRaises(exception.ProbeNotFound, self.delete, 'x')
