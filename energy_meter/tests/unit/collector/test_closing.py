# SPDX-License-Identifier: Apache-2.0

"""Closing of days, on SQLite."""

import random
import threading
from unittest import mock

import sqlalchemy as sa

from energy_meter.collector import administration
from energy_meter.collector import agents as collector_agents
from energy_meter.collector import days
from energy_meter.collector import housekeeping
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import schema
from energy_meter.tests import unmeasured
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.db import base as db_base

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
#: Midnight of the first day.
START = (agents.EPOCH // DAY_MS + 1) * DAY_MS
DAY = START // DAY_MS


class ClosingTest(db_base.DatabaseTest):
    """Agent A has 1 W, and agent B 2 W."""

    def setUp(self) -> None:
        super().setUp()
        self.random = random.Random(1)
        self.date = START
        self.a = agents.Agent('p', 'A', 1000)
        self.b = agents.Agent('p', 'B', 2000)

    def start(self, agent: agents.Agent) -> None:
        agent.start(self.random, self.date)

    def meter(self, length: int, *running: agents.Agent) -> None:
        """Deliver a measurement of each running agent every half hour.

        The first two are a minute apart or more, so that they are live.
        """
        end = self.date + length
        while self.date < end:
            self.date = min(self.date + 30 * MINUTE_MS, end)
            for agent in running:
                self.deliver(agent.measure(self.date))

    def measure_late(self, length: int, agent: agents.Agent) -> list:
        """Return what an agent measures that does not arrive."""
        waiting = []
        end = self.date + length
        while self.date < end:
            self.date = min(self.date + 30 * MINUTE_MS, end)
            waiting += agent.measure(self.date)
        return waiting

    def deliver(self, measurements: list) -> None:
        databases.deliver(self.engine, measurements, self.date)

    def settle(self) -> None:
        databases.settle(self.engine, self.date)
        closings.assert_agree(self.engine, self.date)

    def close(self, order: days.Order | None = None) -> dict:
        waiting = closings.close(self.engine, self.date, order)
        closings.assert_agree(self.engine, self.date)
        return waiting

    def restate(self, after: int = 15 * MINUTE_MS) -> int:
        written = closings.restate(self.engine, self.date + after)
        self.assertEqual(0, closings.restate(self.engine, self.date + after))
        closings.assert_agree(self.engine, self.date)
        return written

    def versions(self) -> list:
        """Return day, version, energy in mJ, and reason, of all versions."""
        return [
            (each.day - DAY, each.version, each.millijoules, each.reason)
            for each in closings.versions(self.engine)
        ]

    def probe(self) -> sa.Row:
        with self.engine.connect() as connection:
            return connection.execute(sa.select(schema.probe)).one()

    def void(self, agent: agents.Agent) -> None:
        key = agent.point(self.date, is_mark=True).register
        databases.void(self.engine, 'p', key, self.date)

    def versions_of(self, day: int) -> list[int]:
        """Return the energies in mJ of all versions of a day."""
        return [mj for number, _, mj, _ in self.versions() if number == day]

    def row(self, agent: agents.Agent) -> sa.Row:
        with self.engine.connect() as connection:
            rows = histories.registers(connection, ['p'])['p']
        return next(row for row in rows if row.register == agent.register)


class LineTest(ClosingTest):
    """A probe that one agent meters."""

    def setUp(self) -> None:
        super().setUp()
        self.start(self.a)

    def test_day_is_closed_two_hours_after_its_end(self):
        self.meter(26 * HOUR_MS - 1, self.a)
        self.close()
        self.assertEqual([], self.versions())

        self.meter(1, self.a)
        self.close()

        self.assertEqual([(0, 1, DAY_MS, 'closed')], self.versions())
        self.assertEqual(START + DAY_MS, self.probe().closed_until)

    def test_closed_day_is_complete(self):
        self.meter(26 * HOUR_MS, self.a)

        self.close()

        (day,) = closings.versions(self.engine)
        self.assertTrue(day.complete)
        self.assertEqual('', day.username)
        self.assertEqual(DAY_MS, day.metered)

    def test_closing_again_changes_nothing(self):
        self.meter(26 * HOUR_MS, self.a)
        self.close()
        before = self.versions(), self.probe(), self.row(self.a)

        self.close()

        after = self.versions(), self.probe(), self.row(self.a)
        self.assertEqual(before, after)

    def test_day_waits_for_a_register_that_was_seen_recently(self):
        self.meter(20 * HOUR_MS, self.a)
        self.date += 10 * HOUR_MS

        waiting = self.close()

        self.assertEqual({'p': days.Waiting.MEASUREMENTS_MISSING}, waiting)
        self.assertEqual([], self.versions())

    def test_day_waits_for_a_mark_after_it(self):
        self.meter(20 * HOUR_MS, self.a)
        self.date += 10 * HOUR_MS
        self.deliver([self.a.point(self.date, is_mark=False)])

        waiting = self.close()

        self.assertEqual({'p': days.Waiting.MARK_MISSING}, waiting)

    def test_days_of_a_dead_probe_are_closed_after_three_days(self):
        self.meter(20 * HOUR_MS, self.a)
        self.date = START + 20 * HOUR_MS + 72 * HOUR_MS

        self.close()

        energies = [version[2] for version in self.versions()]
        self.assertEqual([20 * HOUR_MS, 0, 0], energies)

    def test_day_is_closed_incomplete_after_thirty_days(self):
        self.meter(20 * HOUR_MS, self.a)
        self.date = START + 31 * DAY_MS - HOUR_MS
        with db_engine.writing(self.engine) as connection:
            connection.execute(
                schema.register.update().values(last_seen_at=self.date)
            )
        self.close()
        self.assertEqual([], self.versions())
        self.date += HOUR_MS

        self.close()

        (day,) = closings.versions(self.engine)
        self.assertFalse(day.complete)

    def test_all_days_of_a_week_are_closed_at_once(self):
        self.meter(10 * DAY_MS, self.a)

        self.close()

        self.assertEqual(
            [(day, 1, DAY_MS, 'closed') for day in range(9)], self.versions()
        )

    def test_marks_after_closed_days_settle_nothing(self):
        self.meter(26 * HOUR_MS, self.a)
        self.close()

        self.meter(4 * HOUR_MS, self.a)

        self.assertFalse(self.probe().contested)
        self.assertEqual(schema.Role.SOLE, self.row(self.a).role)

    def test_restart_extends_the_line_after_a_closed_day(self):
        self.meter(26 * HOUR_MS, self.a)
        self.close()

        self.start(self.a)
        self.meter(HOUR_MS, self.a)

        self.assertFalse(self.probe().contested)
        self.assertEqual(schema.Role.SOLE, self.row(self.a).role)
        self.settle()

    def test_late_mark_changes_the_day(self):
        # Given a mark of noon that is lost, in a day of little power before
        # and much power after it,
        self.meter(10 * HOUR_MS, self.a)
        late = self.measure_late(2 * HOUR_MS, self.a)
        self.a.milliwatts = 3000
        self.meter(14 * HOUR_MS, self.a)
        self.close()
        before = closings.versions(self.engine)

        # when it arrives,
        self.deliver(late)
        self.assertTrue(self.probe().contested)
        closings.assert_agree(self.engine, self.date)
        self.settle()

        # then the day gets a version in which only quarter-hours differ.
        self.assertEqual(1, self.restate())
        first, second = closings.versions(self.engine)
        self.assertEqual([first], before)
        self.assertEqual(first.millijoules, second.millijoules)
        self.assertEqual('late measurements', second.reason)

    def test_changes_of_a_quarter_hour_make_one_version(self):
        self.meter(10 * HOUR_MS, self.a)
        late = self.measure_late(2 * HOUR_MS, self.a)
        self.meter(14 * HOUR_MS, self.a)
        self.close()
        self.deliver(late)
        self.settle()

        self.assertEqual(0, self.restate(after=14 * MINUTE_MS))

    def test_mark_that_changes_no_energy_writes_no_version(self):
        self.meter(10 * HOUR_MS, self.a)
        late = self.measure_late(HOUR_MS, self.a)
        self.meter(15 * HOUR_MS, self.a)
        lost = [each for each in late if each.elapsed % DAY_MS == 0]
        self.close()
        self.deliver(lost)
        self.settle()

        self.assertEqual(0, self.restate())

        self.assertEqual(1, len(self.versions()))

    def test_probe_that_was_dead_for_a_year_restates_it(self):
        self.useFixture(unmeasured.Unmeasured())
        self.meter(20 * HOUR_MS, self.a)
        self.date += 365 * DAY_MS
        self.close()
        self.assertEqual(365, len(self.versions()))

        # The same register goes on, without marks of the year.
        self.deliver([self.a.point(self.date, is_mark=False)])
        self.settle()

        self.assertEqual(365, self.restate())
        second = [each for each in self.versions() if each[1] == 2]
        self.assertEqual(365 * DAY_MS, sum(each[2] for each in second))


class AgentsTest(ClosingTest):
    """A probe that two agents meter, at times."""

    def test_late_register_changes_the_days_since_its_opening(self):
        self.start(self.a)
        self.meter(20 * HOUR_MS, self.a)
        # Given agent B that measures three days, away from the bus,
        self.start(self.b)
        late = self.measure_late(3 * DAY_MS, self.b)
        self.date += 21 * DAY_MS
        self.close()

        # when it comes back after three weeks,
        self.deliver(late)
        self.settle()

        # then the days have another version.
        self.assertEqual(4, self.restate())
        energies = {day: mj for day, _, mj, _ in self.versions()}
        self.assertEqual(20 * HOUR_MS + 8 * HOUR_MS, energies[0])
        self.assertEqual(2 * DAY_MS, energies[1])

    def test_void_register_changes_the_days_at_once(self):
        self.start(self.a)
        self.meter(12 * HOUR_MS, self.a)
        self.start(self.b)
        self.meter(14 * HOUR_MS, self.a, self.b)
        self.settle()
        self.close()
        (before,) = closings.versions(self.engine)

        key = self.b.point(self.date, is_mark=True).register
        databases.void(self.engine, 'p', key, self.date)

        self.assertEqual(0, self.restate(after=0))
        key = self.a.point(self.date, is_mark=True).register
        databases.void(self.engine, 'p', key, self.date)
        self.assertEqual(1, self.restate(after=0))
        first, second = closings.versions(self.engine)
        self.assertEqual(before, first)
        self.assertEqual(DAY_MS, first.millijoules)
        self.assertEqual(0, second.millijoules)
        self.assertEqual(
            ('void', 'operator'), (second.reason, second.username)
        )

    def test_end_of_a_register_that_another_follows_changes_no_day(self):
        # Given a restart after a closed day, noticed before the old end,
        self.start(self.a)
        self.meter(26 * HOUR_MS, self.a)
        self.close()
        self.date += 10_000
        end = self.a.point(self.date, is_mark=True)
        self.start(self.a)
        self.meter(HOUR_MS, self.a)

        self.deliver([end])
        self.settle()

        with self.engine.connect() as connection:
            query = sa.select(schema.changed_day.c.day)
            self.assertEqual([], connection.scalars(query).all())

    def test_register_that_was_too_old_changes_all_of_its_days(self):
        # Given a register of which only what is older than 30 days arrived,
        self.start(self.a)
        self.meter(2 * HOUR_MS, self.a)
        self.date = START + 10 * DAY_MS
        self.start(self.b)
        first = self.measure_late(HOUR_MS, self.b)
        self.date = START + 41 * DAY_MS
        self.deliver(first)
        self.settle()
        self.close()
        closed = closings.versions(self.engine)
        self.assertEqual(2 * HOUR_MS, sum(each.millijoules for each in closed))

        # when it turns out that it went on,
        self.deliver([self.b.point(self.date, is_mark=False)])
        self.settle()
        self.restate()

        # then it is billed from its opening on.
        latest = {day: mj for day, _, mj, _ in self.versions()}
        self.assertEqual(2 * 30 * DAY_MS, sum(latest.values()) - latest[0])

    def test_disabled_agent_is_the_reason_of_the_version(self):
        self.start(self.a)
        self.meter(26 * HOUR_MS, self.a)
        self.close()

        with mock.patch.object(db_engine, 'now', return_value=self.date):
            collector_agents.disable(self.engine, 'A-uuid', 'ann')
        self.assertEqual(1, self.restate(after=0))

        version = closings.versions(self.engine)[-1]
        self.assertEqual('agent disabled', version.reason)
        self.assertEqual(('ann', 0), (version.username, version.millijoules))

    def test_packed_day_is_restated_when_a_register_is_void(self):
        # Given a day of two agents whose marks were packed,
        self.start(self.a)
        self.meter(12 * HOUR_MS, self.a)
        self.start(self.b)
        self.meter(16 * HOUR_MS, self.b)
        self.settle()
        self.close()
        self.date += 40 * DAY_MS
        with mock.patch.object(db_engine, 'now', return_value=self.date):
            housekeeping.purge(self.engine, threading.Event())
        self.close()

        # when one of them is void,
        key = self.b.point(self.date, is_mark=True).register
        databases.void(self.engine, 'p', key, self.date)
        self.restate(after=0)

        # then its energy is missing from that day and the next one.
        energies = {
            (day, version): mj for day, version, mj, _ in self.versions()
        }
        self.assertEqual((12 + 2 * 12) * HOUR_MS, energies[0, 1])
        self.assertEqual(12 * HOUR_MS, energies[0, 2])
        self.assertEqual(2 * 4 * HOUR_MS, energies[1, 1])
        self.assertEqual(0, energies[1, 2])
        self.assertNotIn((2, 2), energies)

    def test_overlap_before_the_horizon_that_goes_restates_its_days(self):
        # Given a register that covers the time of one that was void after the
        # horizon, so that nothing replaced it,
        self.start(self.b)
        self.start(self.a)
        self.meter(20 * HOUR_MS, self.a, self.b)
        self.settle()
        self.date += 40 * DAY_MS
        self.deliver(self.b.measure(self.date))
        c = agents.Agent('p', 'C', 3000)
        self.start(c)
        self.meter(26 * HOUR_MS, self.b, c)
        self.settle()
        self.close()
        self.void(self.a)
        self.restate(after=0)
        self.assertEqual([DAY_MS * 7 // 6, DAY_MS // 3], self.versions_of(0))

        # when the last one beside it is void,
        self.void(c)

        # then it is billed for that time, too, in a further version.
        closings.assert_agree(self.engine, self.date)
        self.restate(after=0)
        self.assertEqual(2 * DAY_MS, self.versions_of(0)[-1])

    def test_deleted_probe_that_returns_continues_its_versions(self):
        self.start(self.a)
        self.meter(26 * HOUR_MS, self.a)
        self.close()
        with mock.patch.object(
            db_engine, 'now', return_value=self.date + 6 * MINUTE_MS
        ):
            administration.delete_probe(self.engine, 'p', 'ann')

        # Agent B meters a part of the same day.
        self.date = START + 12 * HOUR_MS
        self.start(self.b)
        self.meter(14 * HOUR_MS, self.b)
        self.settle()
        self.close()

        energies = [mj for _, _, mj, _ in self.versions()]
        self.assertEqual([DAY_MS, 2 * 12 * HOUR_MS], energies)

    def test_drift_of_a_clock_changes_no_closed_day(self):
        # Given an agent whose elapsed time is too fast, by 100 ms an hour,
        self.a.synced = False
        self.start(self.a)
        self.meter(26 * HOUR_MS, self.a)
        self.close()

        # when its later measurements arrive ever earlier,
        for _ in range(24):
            self.date += HOUR_MS
            databases.deliver(
                self.engine,
                self.a.measure(self.date),
                self.date - 100 * (self.date - START) // HOUR_MS,
            )
            self.settle()

        # then neither the day nor the probe changes.
        self.assertEqual(0, self.restate())
        self.assertEqual(1, len(self.versions()))
        self.assertFalse(self.probe().contested)


class OrderTest(ClosingTest):
    def setUp(self) -> None:
        super().setUp()
        self.start(self.a)

    def test_operator_closes_a_day_that_waits(self):
        self.meter(20 * HOUR_MS, self.a)
        self.date += 10 * HOUR_MS

        self.close(days.Order(DAY + 1, 'ann'))

        (day,) = closings.versions(self.engine)
        self.assertEqual('ann', day.username)
        self.assertFalse(day.complete)

    def test_register_that_goes_on_without_marks_keeps_its_last_point(self):
        # Given an agent of which no mark arrives,
        self.deliver([self.a.point(self.date, is_mark=False)])
        self.date += 25 * HOUR_MS
        self.deliver([self.a.point(self.date, is_mark=False)])

        # when an operator closes the day,
        self.close(days.Order(DAY + 1, 'ann'))

        # then what it measures later does not change it.
        self.date += HOUR_MS
        self.a.milliwatts = 5000
        self.deliver([self.a.point(self.date, is_mark=False)])
        self.settle()
        self.assertEqual(0, self.restate())
        self.assertEqual([(0, 1, DAY_MS, 'closed')], self.versions())

    def test_days_after_the_order_are_not_closed(self):
        self.meter(3 * DAY_MS + HOUR_MS, self.a)

        self.close(days.Order(DAY + 3, 'ann'))

        self.assertEqual(START + 3 * DAY_MS, self.probe().closed_until)
