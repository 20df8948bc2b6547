# SPDX-License-Identifier: Apache-2.0

"""Probes that are the sum of others."""

from unittest import mock

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.db import sums
from energy_meter.tests import rows
from energy_meter.tests.unit.db import base as db_base

TTL = 300.0
QUARTER_MS = 900_000
NODE = sums.Sum('node', 'rack-node', frozenset({'a', 'b'}))


class SumsTest(db_base.DatabaseTest):
    def meter(
        self,
        probe: str,
        millijoules: int,
        ago: float = 0.0,
        **fields: object,
    ) -> None:
        """Replace a probe by one with this energy, in its only register."""
        with self.engine.begin() as connection:
            for table, column in (
                (schema.probe, schema.probe.c.id),
                (schema.register, schema.register.c.probe),
            ):
                connection.execute(table.delete().where(column == probe))
        rows.insert(
            self.engine,
            probe,
            **{
                'millijoules': millijoules,
                'last_seen_at': self.now - int(ago * 1000),
                'wattmeter': f'pdu-{probe}',
                **fields,
            },
        )

    def configure(self, *totals: sums.Sum, quarter: int = 1) -> None:
        with (
            mock.patch.object(
                db_engine, 'now', return_value=quarter * QUARTER_MS - 1
            ),
            self.engine.begin() as connection,
        ):
            sums.configure(connection, totals)

    def state(self, name: str = 'node'):
        with self.engine.connect() as connection:
            return sums.get_state(connection, name, TTL)

    def millijoules(self) -> int:
        return self.state().millijoules

    def cap(self, probe: str, shown: int) -> None:
        with self.engine.begin() as connection:
            memberships.cap(connection, probe, shown)

    def spans(self) -> list[tuple[str, int, int | None]]:
        """Return part, since and until, in quarter-hours."""
        table = schema.membership
        with self.engine.connect() as connection:
            return [
                (
                    row.member,
                    row.since // QUARTER_MS,
                    row.until and row.until // QUARTER_MS,
                )
                for row in connection.execute(
                    sa.select(table).order_by(table.c.member, table.c.since)
                )
            ]


class EnergyTest(SumsTest):
    def test_sum_adds_the_energy_of_its_parts_since_they_joined(self):
        self.meter('a', 500)
        self.configure(NODE)
        self.meter('a', 550)
        self.meter('b', 25)

        self.assertEqual(75, self.millijoules())

    def test_energy_of_a_part_that_leaves_remains(self):
        self.configure(NODE)
        self.meter('a', 100)
        self.meter('b', 200)
        self.configure(NODE._replace(parts=frozenset({'a'})))
        self.meter('b', 700)

        self.assertEqual(300, self.millijoules())
        self.assertEqual(('a',), self.state().parts)

    def test_part_that_returns_adds_energy_from_then_on(self):
        for quarter in 1, 2:
            self.configure(quarter=1)
            self.configure(NODE, quarter=1)
            self.meter('a', 100)
            self.configure(
                NODE._replace(parts=frozenset({'b'})), quarter=quarter
            )
            self.meter('a', 200)
            self.meter('b', 0)
            before = self.millijoules()
            self.configure(NODE, quarter=quarter)
            self.meter('a', 400)

            self.assertEqual(before + 200, self.millijoules())
            self.assertEqual(('a', 'b'), self.state().parts)

    def test_configuring_again_changes_nothing(self):
        self.configure(NODE)
        self.meter('a', 100)
        spans = self.spans()

        self.configure(NODE, quarter=3)

        self.assertEqual(100, self.millijoules())
        self.assertEqual(spans, self.spans())

    def test_part_whose_energy_was_reduced_adds_nothing_below_zero(self):
        self.meter('a', 500)
        self.configure(NODE)
        self.meter('a', 20)
        self.meter('b', 25)

        self.cap('a', 20)

        self.assertEqual(25, self.millijoules())
        self.meter('a', 30)
        self.assertEqual(35, self.millijoules())

    def test_part_whose_energy_was_reduced_a_little_adds_the_rest(self):
        self.meter('a', 500)
        self.configure(NODE)
        self.meter('a', 550)

        self.cap('a', 550)

        self.assertEqual(50, self.millijoules())

    def test_energy_that_the_parts_showed_too_early_is_shown(self):
        self.configure(NODE)
        self.meter('a', 100)
        with self.engine.begin() as connection:
            connection.execute(
                schema.probe.update().values(shown=130, alarms='clock_ahead')
            )

        state = self.state()

        self.assertEqual((130, 30), (state.millijoules, state.ahead))
        self.assertEqual(('clock_ahead',), state.alarms)


class SpansTest(SumsTest):
    def test_parts_join_and_leave_at_the_next_quarter_hour(self):
        self.configure(NODE, quarter=1)

        self.configure(NODE._replace(parts=frozenset({'a'})), quarter=4)

        self.assertEqual([('a', 1, None), ('b', 1, 4)], self.spans())

    def test_part_that_left_and_returned_has_two_spans(self):
        self.configure(NODE, quarter=1)
        self.configure(quarter=2)
        self.configure(NODE, quarter=5)

        self.assertEqual(
            [('a', 1, 2), ('a', 5, None), ('b', 1, 2), ('b', 5, None)],
            self.spans(),
        )

    def test_part_that_returned_at_once_never_left(self):
        self.configure(NODE, quarter=1)
        self.configure(quarter=1)
        self.configure(NODE, quarter=1)

        self.assertEqual([('a', 1, None), ('b', 1, None)], self.spans())


class StateTest(SumsTest):
    def test_power_is_unknown_unless_all_parts_are_fresh(self):
        self.configure(NODE)
        self.meter('a', 1, watts=10.0)
        self.meter('b', 1, watts=20.0, ago=TTL + 1)
        self.assertIsNone(self.state().watts)

        self.meter('b', 2, watts=30.0)

        self.assertEqual(40.0, self.state().watts)

    def test_power_is_unknown_until_all_parts_are_metered(self):
        self.configure(NODE)
        self.meter('a', 1)

        self.assertIsNone(self.state().watts)

    def test_energy_of_a_stale_part_remains(self):
        self.configure(NODE)
        self.meter('a', 100)
        self.meter('b', 200, ago=TTL + 1)

        self.assertEqual(300, self.millijoules())

    def test_coverage_is_that_of_the_worst_part(self):
        self.configure(NODE)
        self.meter('a', 1, metered=500_000)
        self.meter('b', 1, metered=750_000)

        self.assertEqual(0.5, self.state().coverage)

    def test_sum_has_scope_node_and_lists_its_parts(self):
        self.configure(NODE)
        self.meter('a', 1)
        self.meter('b', 1)
        state = self.state()

        self.assertEqual(
            ('node', 'rack-node', 'pdu-a+pdu-b', ('a', 'b')),
            (state.scope, state.host, state.wattmeter, state.parts),
        )

    def test_sum_of_stale_parts_is_not_found(self):
        self.configure(NODE)
        self.meter('a', 1, ago=TTL + 1)

        self.assertIsNone(self.state())

    def test_sum_that_is_no_longer_configured_is_not_found(self):
        self.configure(NODE)
        self.meter('a', 1)
        self.configure()

        self.assertIsNone(self.state())

    def test_fingerprint_changes_with_the_parts(self):
        def fingerprint() -> object:
            with self.engine.connect() as connection:
                return memberships.fingerprint(connection)

        self.configure(NODE)
        before = fingerprint()
        self.configure(NODE._replace(parts=frozenset({'a'})))
        self.assertNotEqual(before, fingerprint())
