# SPDX-License-Identifier: Apache-2.0

"""Batches in the collector's tables, on SQLite."""

import typing

import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.collector import store
from energy_meter.db import numbers
from energy_meter.db import schema
from energy_meter.db import usage_marks
from energy_meter.tests import series
from energy_meter.tests import usages
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

PROBE = measurement.Probe('p', 'node', 'host', 'w', 'dummy', 'agent')
KEY = measurement.RegisterKey('agent-a', 'a1')
#: Time of arrival of the first measurement; 5 min after the slot began.
NOW = 1_700_000_000_000 // 900_000 * 900_000 + 300_000
DAY_MS = 86_400_000


def measure(elapsed: int, **changes: typing.Any) -> measurement.Measurement:
    """Return a measurement of 1 W, which arrives at once."""
    return series.change(
        measurement.Measurement(
            measurement.Series(PROBE, KEY, None, True),
            NOW + elapsed,
            elapsed,
            elapsed,
            elapsed,
            1.0,
        ),
        **changes,
    )


def mark(elapsed: int, **changes: typing.Any) -> measurement.Measurement:
    return measure(elapsed, watts=None, is_mark=True, **changes)


class StoreTest(db_base.DatabaseTest):
    def deliver(
        self, *measurements: measurement.Measurement, delay: int = 0
    ) -> store.BatchResult:
        """Write a batch, which arrives with its last measurement or later."""
        newest = max(received.elapsed for received in measurements)
        return databases.deliver(
            self.engine, measurements, NOW + newest + delay
        )

    def register(self, key: measurement.RegisterKey = KEY) -> typing.Any:
        table = schema.register
        with self.engine.connect() as connection:
            return connection.execute(
                sa.select(table).where(table.c.register == key.id)
            ).one()

    def marks(self) -> list[tuple[int, ...]]:
        table = schema.mark
        with self.engine.connect() as connection:
            query = sa.select(table.c.elapsed, table.c.millijoules)
            return [tuple(row) for row in connection.execute(query)]

    def contested(self) -> list[bool]:
        with self.engine.connect() as connection:
            return list(
                connection.scalars(sa.select(schema.probe.c.contested))
            )

    def shown(self) -> int:
        return databases.shown(self.engine)['p']


class JoinsTest(StoreTest):
    def test_all_measurements_of_a_batch_count(self):
        first = measure(59_000)
        self.deliver(measure(150_000), first, measure(61_000))

        row = self.register()

        self.assertEqual((59_000, NOW + 59_000), row[6:8])
        self.assertEqual(150_000, row.elapsed)
        self.assertEqual(
            (
                NOW + 150_000 - 59_000,
                NOW + 150_000 - 61_000,
                NOW,
                history.NO_LAG,
                history.NO_LAG,
            ),
            (row.lag0, row.lag1, row.lag2, row.lag3, row.lag4),
        )

    def test_order_of_arrival_does_not_matter(self):
        late = measure(10_000, synced=False)
        early = measure(5_000)
        self.deliver(late)
        self.deliver(early, delay=5_000)
        forwards = tuple(self.register())
        databases.empty(self.engine)

        self.deliver(early, delay=5_000)
        self.deliver(late)

        backwards = tuple(self.register())
        self.assertEqual(forwards[:21], backwards[:21])

    def test_repeated_batch_changes_nothing(self):
        self.deliver(measure(1000), mark(500))
        before = self.register()

        result = self.deliver(measure(1000), mark(500), delay=5_000)

        self.assertEqual({'duplicate': 1}, result.outcomes)
        self.assertEqual(before, self.register())

    def test_clock_that_is_set_later_counts(self):
        self.deliver(measure(1000, synced=False))
        self.deliver(measure(2000))
        self.assertTrue(self.register().synced)

    def test_register_of_the_same_number_changes_nothing(self):
        self.deliver(measure(1000))
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update().values(register='other')
            )

        result = self.deliver(measure(2000))

        self.assertEqual({'duplicate': 1}, result.outcomes)
        other = measurement.RegisterKey('agent-a', 'other')
        self.assertEqual(1000, self.register(other).elapsed)


class LiveTest(StoreTest):
    def test_newest_measurement_is_shown(self):
        self.deliver(measure(2000, watts=2.0))
        self.deliver(measure(1000, watts=1.0), delay=5_000)
        row = self.register()
        self.assertEqual((NOW + 2000, 2.0), (row.timestamp, row.watts))
        self.assertEqual(NOW + 2000, row.last_seen_at)

    def test_mark_has_no_power_to_show(self):
        self.deliver(measure(1000, watts=5.0))
        self.deliver(mark(2000))
        row = self.register()
        self.assertEqual((2000, 5.0), (row.elapsed, row.watts))

    def test_measurement_at_a_mark_is_shown(self):
        self.deliver(mark(2000))
        self.deliver(measure(2000, watts=5.0))
        self.assertEqual(5.0, self.register().watts)

    def test_timestamp_in_the_future_is_clamped_and_reported(self):
        result = self.deliver(measure(1000, timestamp=NOW + 3_601_000))
        self.assertEqual([(3_600_000, 'agent')], result.clock_skews)
        row = self.register()
        self.assertEqual(NOW + 1000, row.timestamp)
        # What dates the register is not clamped.
        self.assertEqual(NOW + 3_601_000, row.first_timestamp)

    def test_timestamp_slightly_ahead_is_clamped_silently(self):
        result = self.deliver(measure(1000, timestamp=NOW + 1500))
        self.assertEqual([], result.clock_skews)
        self.assertEqual(NOW + 1000, self.register().timestamp)


class MarkTest(StoreTest):
    def test_mark_creates_its_register(self):
        result = self.deliver(mark(1000))
        self.assertEqual({'merged': 1}, result.outcomes)
        self.assertEqual(1000, self.shown())
        self.assertEqual([(1000, 1000)], self.marks())

    def test_larger_of_two_marks_stays(self):
        self.deliver(mark(1000, millijoules=900), measure(3000))
        self.deliver(mark(1000))
        self.deliver(mark(1000, millijoules=950))
        self.assertEqual([(1000, 1000)], self.marks())

    def test_mark_before_the_horizon_is_not_taken(self):
        self.deliver(
            mark(1000, timestamp=NOW - 31 * DAY_MS),
            mark(2000, timestamp=NOW - 29 * DAY_MS),
        )
        self.assertEqual([(2000, 2000)], self.marks())

    def test_unset_clock_does_not_expire_marks(self):
        self.deliver(mark(1000, timestamp=1000, synced=False))
        self.assertEqual([(1000, 1000)], self.marks())

    def test_mark_before_the_base_is_not_taken(self):
        self.deliver(measure(2000))
        with self.engine.begin() as connection:
            connection.execute(
                schema.register.update().values(base_elapsed=1500)
            )
        self.deliver(mark(1400), mark(1600))
        self.assertEqual([(1600, 1600)], self.marks())

    def test_late_marks_of_a_single_register_contest_nothing(self):
        self.deliver(measure(2000))
        self.deliver(mark(1000), delay=5_000)
        self.assertEqual([False], self.contested())


class ExtensionTest(StoreTest):
    def follow(
        self, saved: int, elapsed: int = 1000, opened: int = 5000
    ) -> measurement.Measurement:
        """Return a measurement of the register that follows."""
        return measure(
            elapsed,
            register=measurement.RegisterKey('agent-a', 'a2'),
            after=measurement.Predecessor('a1', saved),
            timestamp=NOW + opened + elapsed,
        )

    def test_restart_adds_up(self):
        self.deliver(measure(3000))
        result = self.deliver(self.follow(saved=2000), delay=5_000)
        self.assertEqual({'merged': 1}, result.outcomes)
        self.assertEqual([False], self.contested())
        self.assertEqual(4000, self.shown())

    def test_last_measurement_may_come_with_the_restart(self):
        self.deliver(measure(3000))
        self.deliver(measure(4000), self.follow(saved=2000), delay=5_000)
        self.assertEqual([False], self.contested())
        self.assertEqual(5000, self.shown())

    def test_register_that_went_on_is_contested(self):
        self.deliver(measure(30_000))
        result = self.deliver(self.follow(saved=10_000), delay=50_000)
        self.assertEqual({'contested': 1}, result.outcomes)
        self.assertEqual([True], self.contested())

    def test_register_without_a_predecessor_is_contested(self):
        self.deliver(measure(3000))
        other = measurement.RegisterKey('agent-b', 'b1')
        result = self.deliver(measure(1000, register=other), delay=5_000)
        self.assertEqual({'contested': 1}, result.outcomes)
        # What was shown goes on.
        self.deliver(measure(4000))
        self.assertEqual(4000, self.shown())

    def test_two_new_registers_of_one_probe_are_contested(self):
        result = self.deliver(
            measure(3000), self.follow(saved=2000), delay=5_000
        )
        self.assertEqual({'contested': 2}, result.outcomes)

        databases.settle(self.engine, NOW + 20_000)

        self.assertEqual(4000, self.shown())
        self.assertEqual([False], self.contested())

    def test_further_change_of_a_contested_probe_is_contested(self):
        self.deliver(measure(3000))
        other = measurement.RegisterKey('agent-b', 'b1')
        for elapsed in (1000, 2000):
            result = self.deliver(
                measure(elapsed, register=other), delay=5_000
            )
            self.assertEqual({'contested': 1}, result.outcomes)


class RejectedTest(StoreTest):
    def test_register_before_the_horizon_is_not_billed(self):
        old = measure(1000, timestamp=NOW - 31 * DAY_MS)
        result = self.deliver(old)
        self.assertEqual({'expired': 1}, result.outcomes)

        databases.settle(self.engine, NOW + 10_000)

        self.assertEqual(0, self.shown())

    def test_expired_register_that_is_live_is_billed(self):
        # Given an agent whose clock is a month behind,
        skew = -31 * DAY_MS
        self.deliver(measure(1000, timestamp=NOW + skew))
        databases.settle(self.engine, NOW + 10_000)

        # when it goes on,
        for elapsed in (61_000, 121_000, 181_000):
            self.deliver(measure(elapsed, timestamp=NOW + skew + elapsed))
        databases.settle(self.engine, NOW + 190_000)

        # then arrival dates it.
        self.assertEqual(181_000, self.shown())

    def test_void_register_does_not_change(self):
        self.deliver(measure(1000))
        databases.void(self.engine, 'p', KEY, NOW)
        result = self.deliver(measure(2000), mark(1500))
        self.assertEqual({'void': 1}, result.outcomes)
        self.assertEqual(1000, self.register().elapsed)
        self.assertEqual([], self.marks())

    def test_disabled_agent_is_rejected(self):
        with self.engine.begin() as connection:
            connection.execute(
                schema.disabled_agent.insert().values(
                    agent='agent-a', created_at=0
                )
            )
        other = measurement.RegisterKey('agent-b', 'b1')
        result = self.deliver(measure(1000), measure(1000, register=other))
        self.assertEqual({'agent_disabled': 1, 'merged': 1}, result.outcomes)


class UsageTest(StoreTest):
    def vectors(self) -> list[tuple[int, cpu_usage.Usage]]:
        number = numbers.number(PROBE.id, KEY)
        window = usage_marks.Window(number, 0, DAY_MS)
        with self.engine.connect() as connection:
            return usage_marks.load(connection, [window]).get(number, [])

    def test_vectors_of_marks_and_of_the_newest_measurement_are_kept(self):
        # Given a register of CPU time,
        opening = mark(0, usage=usages.usage(0))
        first = mark(60_000, usage=usages.usage(10))

        # when its marks and measurements arrive, in any order and twice,
        newest = measure(150_000, usage=usages.usage(30))
        self.deliver(opening, newest, measure(90_000, usage=usages.usage(20)))
        self.deliver(first, opening, delay=1_000_000)
        self.deliver(first, delay=1_000_000)

        # then those of the marks are kept, and the newest one.
        self.assertEqual(
            [(60_000, usages.usage(10)), (150_000, usages.usage(30))],
            self.vectors(),
        )
        with self.engine.connect() as connection:
            self.assertEqual(
                [schema.Quantity.CPU_TIME],
                list(connection.scalars(sa.select(schema.probe.c.quantity))),
            )

    def test_vector_belongs_to_the_larger_of_two_marks(self):
        small = mark(60_000, usage=usages.usage(10))
        large = mark(60_000, millijoules=70_000, usage=usages.usage(20))
        for batches in (
            [[small], [large]],
            [[large], [small]],
            [[small, large]],
            [[large, small]],
        ):
            databases.empty(self.engine)
            for batch in batches:
                self.deliver(*batch)

            self.assertEqual([(60_000, usages.usage(20))], self.vectors())

    def test_void_register_gets_no_more_marks(self):
        self.deliver(mark(60_000, usage=usages.usage(10)))
        with self.engine.begin() as connection:
            connection.execute(schema.register.update().values(voided=True))

        self.deliver(mark(120_000, usage=usages.usage(20)))

        self.assertEqual([(60_000, usages.usage(10))], self.vectors())
