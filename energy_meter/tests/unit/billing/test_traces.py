# SPDX-License-Identifier: Apache-2.0

"""What is billed of recorded traces.

doc/source/admin/comparison.rst says the same.
"""

import itertools

from energy_meter.billing import profile
from energy_meter.tests import unmeasured
from energy_meter.tests.traces import catalog
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import ours
from energy_meter.tests.traces import trace
from energy_meter.tests.unit.db import base

QUARTER = 900
#: Highest power of the load, in watts.
MAX_WATTS = 450


class TracesTest(base.DatabaseTest):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    def bill(self, name: str) -> None:
        self.traced = catalog.TRACES[name]
        self.line = ours.bill(self.traced, self.engine)

    def quarters(self) -> list[profile.Interval]:
        times = range(self.traced.start, self.traced.until + 1, QUARTER)
        return profile.intervals(self.line, [time * 1000 for time in times])

    def error(self, interval: profile.Interval) -> int:
        """Return what an interval shows beyond the truth, in mJ."""
        start, until = interval.start // 1000, interval.until // 1000
        return interval.millijoules - 1000 * self.traced.joules(start, until)

    def of_day(self, start: int, until: int) -> list[profile.Interval]:
        """Return the quarter-hours between two times of the day."""
        return self.quarters()[start // QUARTER : -(-until // QUARTER)]

    def assert_exact(self, name: str) -> None:
        """Check that each quarter-hour is measured, and right to the mJ."""
        self.bill(name)

        for each in self.quarters():
            self.assertEqual(0, self.error(each), each)
            self.assertEqual('measured', each.quality, each)
            self.assertFalse(each.clock, each)

    def assert_total_is_exact(self) -> None:
        self.assertEqual(0, sum(map(self.error, self.quarters())))

    def assert_estimated(self, intervals: list[profile.Interval]) -> None:
        """Check that the intervals are wrong by no more than they state."""
        for each in intervals:
            self.assertEqual('estimated', each.quality, each)
            self.assertLessEqual(abs(self.error(each)), each.uncertain, each)

    def assert_exact_except(self, start: int, until: int) -> None:
        """Check all quarter-hours outside a time of the day."""
        different = self.of_day(start, until)
        for each in self.quarters():
            if each not in different:
                self.assertEqual(0, self.error(each), each)
                self.assertEqual('measured', each.quality, each)

    def test_day_without_a_fault_is_exact(self):
        self.assert_exact('no fault')

    def test_counter_that_shows_0_for_three_seconds_bills_nothing(self):
        self.assert_exact('zero glitch')

    def test_wraps_of_the_counter_are_exact(self):
        self.assert_exact('counter wrap')

    def test_lost_messages_lose_nothing(self):
        self.bill('loss')

        self.assert_total_is_exact()
        # Of some marks, each announcement so far was lost.
        wrong = [each for each in self.quarters() if self.error(each)]
        self.assertLessEqual(len(wrong), 4)
        self.assert_estimated(wrong)

    def test_messages_that_arrive_twice_bill_once(self):
        self.assert_exact('duplicates')

    def test_two_agents_bill_once(self):
        self.assert_exact('two agents')

    def test_day_of_25_hours_is_exact(self):
        self.assert_exact('daylight saving')

        self.assertEqual(25 * 3600 // QUARTER, len(self.quarters()))

    def test_gap_is_billed_and_estimated_within_its_bound(self):
        self.bill('two-hour gap')

        self.assert_total_is_exact()
        gap = self.traced.unreachable
        self.assert_exact_except(*gap)
        self.assert_estimated(self.of_day(*gap))

    def test_restart_loses_only_its_own_time_and_says_so(self):
        self.bill('agent restart')

        stopped = self.traced.stopped
        self.assert_exact_except(*stopped)
        (quarter,) = self.of_day(*stopped)
        self.assertEqual('partial', quarter.quality)
        missing = quarter.until - quarter.start - quarter.metered
        length = 1000 * (stopped.until - stopped.start)
        self.assertLessEqual(length, missing)
        self.assertLessEqual(missing, length + 1000 * ours.PERIOD)
        self.assertLess(self.error(quarter), 0)
        self.assertLessEqual(-self.error(quarter), missing * MAX_WATTS)

    def test_clock_that_is_an_hour_ahead_moves_no_energy(self):
        self._test_clock('clock +1 h', profile.Clock.AHEAD)

    def test_clock_that_is_an_hour_behind_moves_no_energy(self):
        self._test_clock('clock -1 h', profile.Clock.BEHIND)

    def _test_clock(self, name, expected):
        self.bill(name)

        self.assert_total_is_exact()
        wrong = self.traced.clock
        self.assert_exact_except(*wrong)
        # The time of arrival is late by at most a reading, and its delay.
        late = 1000 * (ours.PERIOD + ours.DELAY) * MAX_WATTS
        for each in self.of_day(*wrong):
            self.assertTrue(each.clock & expected, each)
            self.assertLessEqual(abs(self.error(each)), late, each)

    def test_hour_that_is_voided_is_missing_and_changes_no_other(self):
        self.bill('wrong hour')

        wrong = self.traced.wrong
        for each in self.of_day(*wrong):
            self.assertEqual(0, each.millijoules)
            self.assertEqual('missing', each.quality)
        # The agent was restarted before and after it.
        restarts = 2 * 1000 * ours.PERIOD * MAX_WATTS
        hour = -1000 * self.traced.joules(
            *(self.traced.start + time for time in wrong)
        )
        others = sum(map(self.error, self.quarters())) - hour
        self.assertLessEqual(others, 0)
        self.assertLessEqual(-others, restarts)


class TraceTest(base.base.BaseTestCase):
    def test_quarter_hours_add_up_to_the_day(self):
        for each in catalog.TRACES.values():
            times = range(each.start, each.until + 1, QUARTER)

            parts = itertools.starmap(each.joules, itertools.pairwise(times))

            self.assertEqual(each.joules(each.start, each.until), sum(parts))

    def test_trace_is_the_same_each_time(self):
        for each in catalog.TRACES.values():
            self.assertEqual([*each.samples(60)], [*each.samples(60)])

    def test_an_hour_without_a_value_is_below_the_truth_but_not_silent(self):
        traced = catalog.TRACES['no fault']
        hours = [errors.Shown(None)] * 24

        found = errors.compare(traced, errors.Day(hours, errors.Shown(None)))

        truth = traced.joules(traced.start, traced.until)
        self.assertEqual((0, truth, 0, None), found)

    def test_a_wrong_hour_that_looks_right_is_silent(self):
        traced = catalog.TRACES['no fault']
        true = [
            traced.joules(time, time + trace.HOUR)
            for time in traced.hours[:-1]
        ]
        hours = [errors.Shown(joules) for joules in true]
        hours[3] = errors.Shown(true[3] + 10)
        hours[4] = errors.Shown(true[4] - 5, is_marked=True)

        found = errors.compare(
            traced, errors.Day(hours, errors.Shown(sum(true)))
        )

        self.assertEqual((10, 5, 10, 0), found)
