# SPDX-License-Identifier: Apache-2.0

"""Settlings of probes whose registers meter the same time, on SQLite."""

import random

import hypothesis
from hypothesis import strategies
from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import numbers
from energy_meter.db import schema
from energy_meter.tests import series
from energy_meter.tests import unmeasured
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class SettlingTest(db_base.DatabaseTest):
    """A standby pair: A has 1 W, and B, which starts later, 2 W."""

    def setUp(self) -> None:
        super().setUp()
        self.date = agents.EPOCH
        self.a = agents.Agent('p', 'A', 1000)
        self.b = agents.Agent('p', 'B', 2000)
        self.a.register, self.b.register = 'a' * 16, 'b' * 16
        self.a.opened = self.a.last = self.date

    def meter(self, length: int, *running: agents.Agent) -> None:
        """Deliver a measurement of each running agent every minute."""
        for _ in range(length // MINUTE_MS):
            self.date += MINUTE_MS
            for agent in running:
                databases.deliver(
                    self.engine, agent.measure(self.date), self.date
                )

    def start(self, agent: agents.Agent) -> None:
        agent.opened = agent.last = self.date

    def settle(self) -> set[str]:
        settled = databases.settle(self.engine, self.date)
        databases.assert_settled(self.engine, 'p')
        return settled

    def shown(self) -> int:
        return databases.shown(self.engine)['p']

    def probe(self) -> sa.Row:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(schema.probe)).one()

    def row(self, agent: agents.Agent) -> sa.Row:
        with self.engine.connect() as connection:
            rows = histories.registers(connection, ['p'])['p']
        return next(row for row in rows if row.agent_name == agent.name)


class StandbyTest(SettlingTest):
    def test_one_of_two_agents_is_billed(self):
        self.meter(HOUR_MS, self.a)
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)

        settled = self.settle()

        self.assertEqual(2 * HOUR_MS, self.shown())
        self.assertEqual({'p'}, settled)
        self.assertEqual('concurrent_agents', self.probe().alarms)

    def test_other_agent_is_billed_after_the_first_stopped(self):
        self.meter(HOUR_MS, self.a)
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)
        self.meter(HOUR_MS, self.b)
        self.settle()
        self.assertEqual((2 + 2) * HOUR_MS, self.shown())

        # B is the tip again: it goes on without a settling.
        self.assertEqual(schema.Role.WATCHED, self.row(self.b).role)
        self.meter(HOUR_MS, self.b)
        self.assertFalse(self.probe().contested)
        self.assertEqual((2 + 4) * HOUR_MS, self.shown())
        databases.assert_settled(self.engine, 'p')

    def test_energy_that_is_shown_never_falls(self):
        # Given B, which was billed while A could not publish,
        self.start(self.b)
        self.meter(HOUR_MS, self.b)
        self.assertEqual(2 * HOUR_MS, self.shown())

        # when A's measurements arrive,
        self.date += 1000
        measurements = self.a.measure(self.date)
        databases.deliver(self.engine, measurements, self.date)
        self.settle()

        # then A is billed, and what is shown waits for it.
        self.assertEqual(2 * HOUR_MS, self.shown())
        row = self.probe()
        self.assertEqual(2 * HOUR_MS, row.shown)
        self.assertLess(row.base_millijoules, row.shown)

    def test_only_cells_that_changed_are_written(self):
        self.start(self.b)
        self.meter(3 * HOUR_MS, self.a, self.b)
        self.settle()
        with self.engine.begin() as connection:
            # Any amount: cells that ended before are not computed again.
            connection.execute(
                schema.overlap.update()
                .where(schema.overlap.c.cell == agents.EPOCH)
                .values(metered=7)
            )

        self.meter(MINUTE_MS, self.a, self.b)
        databases.settle(self.engine, self.date)

        with self.engine.connect() as connection:
            query = sa.select(schema.overlap.c.metered).order_by(
                schema.overlap.c.cell
            )
            self.assertEqual(7, connection.scalars(query).first())

    def test_settled_probe_is_not_contested(self):
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)
        self.settle()
        self.assertEqual(set(), databases.settle(self.engine, self.date))

    def test_repeated_messages_contest_nothing(self):
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)
        self.settle()
        marks = [
            self.a.point(self.a.opened + elapsed, is_mark=True)
            for elapsed in range(900_000, HOUR_MS + 1, 900_000)
        ]
        databases.deliver(self.engine, marks, self.date + 1000)
        self.assertFalse(self.probe().contested)

    def test_late_mark_is_settled(self):
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)
        self.settle()
        late = self.a.point(self.a.opened + 10 * MINUTE_MS, is_mark=True)
        databases.deliver(self.engine, [late], self.date + 1000)
        self.assertTrue(self.probe().contested)
        self.settle()

    def test_register_that_arrives_late_is_settled(self):
        # Given A's registers a1, and a3 that follows the unknown a2,
        generator = random.Random(1)
        self.meter(HOUR_MS, self.a)
        first = self.a.measure(self.date)
        self.a.start(generator, self.date)
        self.date += HOUR_MS
        second = self.a.measure(self.date)
        self.a.start(generator, self.date)
        self.meter(HOUR_MS, self.a)
        databases.deliver(self.engine, first, self.date)
        self.settle()
        self.assertTrue(self.probe().plural)

        # when a2 arrives,
        databases.deliver(self.engine, second, self.date)
        self.settle()

        # then all of them form one line.
        self.assertFalse(self.probe().plural)
        self.assertEqual(3 * HOUR_MS, self.shown())

    def test_end_that_arrives_late_is_settled(self):
        # Given an agent whose bus failed, and which was killed meanwhile,
        self.meter(HOUR_MS, self.a)
        self.date += HOUR_MS
        end = self.a.measure(self.date)
        self.a.start(random.Random(1), self.date)

        # when its next register arrives before the end of the last one,
        self.meter(HOUR_MS, self.a)
        self.settle()

        # then the two are not one line until that has arrived.
        self.assertTrue(self.probe().plural)
        self.assertEqual(2 * HOUR_MS, self.shown())
        databases.deliver(self.engine, end, self.date)
        self.settle()
        self.assertFalse(self.probe().plural)
        self.assertEqual(3 * HOUR_MS, self.shown())

    def test_copied_state_raises_an_alarm(self):
        generator = random.Random(1)
        self.meter(HOUR_MS, self.a)
        copy = agents.Agent('p', 'A', 1000, register=self.a.register)
        copy.opened, copy.last = self.a.opened, self.a.last
        copy.start(generator, self.date)
        self.meter(HOUR_MS, self.a, copy)

        self.settle()

        self.assertIn('copied_state', self.probe().alarms)
        self.assertEqual(2 * HOUR_MS, self.shown())


class MaximumTest(SettlingTest):
    def test_registers_beyond_the_maximum_are_not_billed(self):
        # Given a probe that is billed for 60 kJ,
        self.meter(HOUR_MS // 60, self.a)

        # when a forger adds registers whose sum no column can hold,
        template = self.a.measure(self.date)[-1]
        databases.deliver(
            self.engine,
            [
                series.change(
                    template,
                    register=measurement.RegisterKey('forger', f'{n:016x}'),
                    timestamp=self.date,
                    elapsed=(n + 1) * 60_000,
                    millijoules=measurement.INTEGER_LIMIT - 1,
                )
                for n in range(1100)
            ],
            self.date,
        )
        databases.settle(self.engine, self.date)

        # then the probe is settled, and its own energy is part of the bill.
        self.assertLess(self.shown(), 2**62)
        self.assertFalse(self.probe().contested)
        tip, others = self.probe().base_millijoules, 2**62
        self.assertGreater(tip, 60_000)
        self.assertLessEqual(tip, others)


class VoidTest(SettlingTest):
    def key(self, agent: agents.Agent) -> measurement.RegisterKey:
        return measurement.RegisterKey(f'{agent.name}-uuid', agent.register)

    def test_other_agent_fills_what_is_void(self):
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)
        self.settle()

        removed = databases.void(self.engine, 'p', self.key(self.a), self.date)

        self.assertEqual(-HOUR_MS, removed)
        self.assertEqual(2 * HOUR_MS, self.shown())
        databases.assert_settled(self.engine, 'p')

    def test_energy_that_is_shown_falls(self):
        self.start(self.b)
        self.meter(HOUR_MS, self.a, self.b)
        self.meter(HOUR_MS, self.b)

        removed = databases.void(self.engine, 'p', self.key(self.b), self.date)

        self.assertEqual(HOUR_MS, self.shown())
        self.assertGreaterEqual(removed, 0)
        databases.assert_settled(self.engine, 'p')

    def test_only_register_may_be_void(self):
        self.meter(HOUR_MS, self.a)
        databases.void(self.engine, 'p', self.key(self.a), self.date)
        self.assertEqual(0, self.shown())
        self.start(self.b)
        self.meter(HOUR_MS, self.b)
        self.settle()
        self.assertEqual(2 * HOUR_MS, self.shown())

    def test_register_that_is_added_meanwhile_repeats_the_transaction(self):
        self.meter(HOUR_MS, self.a)
        real = histories.registers

        def registers(*args: object, **kwargs: object) -> histories.Rows:
            # The transaction that added one has it locked.
            found = real(*args, **kwargs)
            return {name: rows[1:] for name, rows in found.items()}

        self.patch(histories, 'registers', registers)
        with (
            self.assertRaises(db_exception.RetryRequest),
            db_engine.writing(self.engine) as connection,
        ):
            number = numbers.number('p', self.key(self.a))
            cause = settling.Cause('void')
            settling.void(connection, [number], self.date, cause)
        self.assertEqual(HOUR_MS, self.shown())


class TablesTest(db_base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(strategies.integers(0, 2**32))
    def test_tables_agree_with_rules(self, seed):
        databases.assert_tables_agree_with_rules(self.engine, seed)
