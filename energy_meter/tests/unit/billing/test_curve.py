# SPDX-License-Identifier: Apache-2.0

"""The curve of a register runs through its marks to its last measurement."""

import dataclasses
import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter.billing import curve
from energy_meter.tests.unit.billing import stories
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR

REGISTER = stories.register(DAY, DAY + HOUR, lost_marks=True)

Point = measurement.Point
WHOLE, PARTIAL, GAP = curve.Cover


def make(*points, **fields):
    """Return a curve whose last point is its last measurement."""
    *marks, last = points
    known = dataclasses.replace(
        REGISTER, marks=tuple(marks), last=last, **fields
    )
    return curve.Curve(known, 0)


class PointsTest(base.BaseTestCase):
    def millijoules(self, made, *dates):
        return [made.until(date).millijoules for date in dates]

    def test_energy_is_spread_evenly_between_points(self):
        made = make(Point(10, 10, 10), Point(20, 40, 20))

        self.assertEqual([0, 5, 10, 25], self.millijoules(made, 0, 5, 10, 15))

    def test_nothing_is_billed_before_the_opening_or_after_the_end(self):
        made = make(Point(10, 10, 10))

        self.assertEqual([0, 10], self.millijoules(made, -1, 11))

    def test_the_first_point_is_the_origin_whatever_is_sent(self):
        made = make(Point(0, 5, 0), Point(10, 10, 10))

        self.assertEqual([0, 1], self.millijoules(made, 0, 1))

    def test_energy_that_falls_is_made_to_rise(self):
        made = make(Point(10, 30, 8), Point(20, 20, 5), Point(30, 40, 30))

        self.assertEqual([30, 30], self.millijoules(made, 10, 20))
        self.assertEqual(8, made.until(20).metered)

    def test_energy_is_capped_by_the_last_measurement(self):
        made = make(Point(10, 90, 90), Point(20, 40, 20))

        self.assertEqual((40, 20, 10), made.until(10))
        self.assertEqual((40, 20, 20), made.until(20))

    def test_the_last_measurement_wins_over_marks_after_it(self):
        made = make(Point(10, 10, 10), Point(30, 30, 30), Point(20, 20, 20))

        self.assertEqual([15, 20, 20], self.millijoules(made, 15, 20, 30))

    def test_a_purged_curve_begins_at_its_base(self):
        made = make(
            Point(5, 7, 5),
            Point(20, 30, 20),
            Point(30, 40, 30),
            base=Point(10, 10, 10),
        )

        self.assertEqual(10, made.start)
        self.assertEqual([10, 10, 20], self.millijoules(made, 0, 10, 15))

    def test_a_register_of_no_length_is_billed_at_its_opening(self):
        made = make(Point(0, 5, 0))

        self.assertEqual([0, 5], self.millijoules(made, -1, 0))
        for cover in curve.Cover:
            self.assertEqual([], made.covered(cover, -10, 10))

    def test_products_may_exceed_63_bits(self):
        made = make(Point(10**9, 2**52, 10**9))

        self.assertEqual(2**51, made.until(10**9 // 2).millijoules)

    @hypothesis.given(
        strategies.lists(strategies.integers(0, 1_000), min_size=2),
        strategies.integers(0, 10**6),
    )
    def test_parts_add_up_to_the_whole(self, dates, millijoules):
        made = make(Point(1_000, millijoules, 997))
        dates = sorted(dates)

        parts = list(itertools.pairwise(dates))

        self.assertEqual(
            made.within([(dates[0], dates[-1])]), made.within(parts)
        )
        self.assertTrue(all(min(made.within([part])) >= 0 for part in parts))


class CoverTest(base.BaseTestCase):
    def cover(self, length, millijoules, metered):
        made = make(Point(length, millijoules, metered))
        return next(
            cover for cover in curve.Cover if made.covered(cover, 0, length)
        )

    def test_metered_time_or_energy_covers(self):
        self.assertIs(WHOLE, self.cover(10_000, 0, 10_000))
        self.assertIs(PARTIAL, self.cover(10_000, 1, 0))
        self.assertIs(GAP, self.cover(10_000, 0, 0))

    def test_98_percent_less_1_s_are_the_whole(self):
        self.assertIs(WHOLE, self.cover(900_000, 1, 881_000))
        self.assertIs(PARTIAL, self.cover(900_000, 1, 880_999))

    def test_neighboring_segments_become_one(self):
        made = make(
            Point(10, 10, 10),
            Point(20, 20, 20),
            Point(30, 20, 20),
            Point(40, 30, 30),
        )

        self.assertEqual([(5, 20), (30, 35)], made.covered(WHOLE, 5, 35))
        self.assertEqual([(20, 30)], made.covered(GAP, 5, 35))
        self.assertEqual([], made.covered(WHOLE, 40, 90))
        self.assertEqual([], made.covered(WHOLE, -90, 0))


class FixedTest(base.BaseTestCase):
    def test_a_curve_is_fixed_up_to_its_newest_mark(self):
        made = make(Point(10, 10, 10), Point(20, 20, 20), Point(30, 30, 30))

        self.assertEqual(20, made.fixed_until())

    def test_a_mark_as_new_as_the_last_measurement_is_not_fixed(self):
        made = make(Point(10, 10, 10), Point(30, 20, 20), Point(30, 30, 30))

        self.assertEqual(10, made.fixed_until())

    def test_a_curve_without_marks_is_fixed_at_its_opening(self):
        self.assertEqual(0, make(Point(30, 30, 30)).fixed_until())

    def test_a_mark_above_the_last_measurement_is_not_fixed(self):
        for mark in (Point(20, 31, 20), Point(20, 20, 31)):
            made = make(Point(10, 10, 10), mark, Point(30, 30, 30))

            self.assertEqual(10, made.fixed_until())
