# SPDX-License-Identifier: Apache-2.0

"""Few points of a curve are kept, and they preserve its energy."""

import collections
import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter.agent import marker

MINUTE = 60_000
Point = measurement.Point


def mark(points, opened=0, interval=MINUTE):
    """Return the marks of a register that ends after these points."""
    tested = marker.Marker(interval, opened)
    marks = [each for point in points for each in tested.add(point)]
    return marks + tested.end()


def steady(*elapsed, watts=1):
    """Return points of constant power: 1 mJ per ms is 1 W."""
    return [Point(time, time * watts, time) for time in elapsed]


def value_at(points, elapsed):
    """Return the energy of a curve at an elapsed time."""
    for before, after in itertools.pairwise(points):
        if before.elapsed <= elapsed <= after.elapsed:
            return before.millijoules + (
                (after.millijoules - before.millijoules)
                * (elapsed - before.elapsed)
                / (after.elapsed - before.elapsed)
            )
    raise AssertionError(f'{elapsed} is not on the curve')


class MarkerTest(base.BaseTestCase):
    def test_register_without_readings_has_no_marks(self):
        self.assertEqual([], mark([]))

    def test_opening_and_last_reading_are_marks(self):
        points = steady(1000, 2000, 3000)

        self.assertEqual([measurement.ORIGIN, points[-1]], mark(points))

    def test_last_mark_is_not_repeated(self):
        tested = marker.Marker(MINUTE, 0)
        for point in steady(1000, 2000):
            tested.add(point)

        self.assertEqual(steady(2000), tested.end())
        self.assertEqual([], tested.end())

    def test_multiple_between_close_readings_is_interpolated(self):
        marks = mark(steady(55_000, 65_000))

        self.assertEqual(
            [measurement.ORIGIN, *steady(60_000), *steady(65_000)], marks
        )

    def test_multiples_are_those_of_the_wall_clock(self):
        # Opened 50 s after a full minute.
        marks = mark(steady(5000, 15_000, 25_000), opened=50_000)

        self.assertEqual([measurement.ORIGIN, *steady(10_000, 25_000)], marks)

    def test_reading_at_a_multiple_is_the_mark(self):
        self.assertEqual(
            [measurement.ORIGIN, *steady(60_000, 61_000)],
            mark(steady(59_000, 60_000, 61_000)),
        )

    def test_distant_readings_around_a_multiple_are_both_marks(self):
        self.assertEqual(
            [measurement.ORIGIN, *steady(40_000, 70_000, 80_000)],
            mark(steady(20_000, 40_000, 70_000, 80_000)),
        )

    def test_both_ends_of_a_gap_are_marks(self):
        points = [
            *steady(1000, 2000),
            Point(3000, 2000, 2000),
            Point(4000, 2000, 2000),
            Point(5000, 3000, 3000),
            Point(6000, 4000, 4000),
        ]

        self.assertEqual(
            [measurement.ORIGIN, points[1], points[3], points[5]], mark(points)
        )

    def test_gap_that_a_counter_meters_later_ends_with_that_reading(self):
        # Given a counter that is silent for 20 s and then makes up for it,
        points = [
            *steady(10_000, 20_000),
            Point(30_000, 20_000, 20_000),
            Point(40_000, 20_000, 20_000),
            *steady(50_000, 55_000),
        ]

        marks = mark(points)

        # then its energy is spread over the whole gap.
        self.assertEqual(
            [measurement.ORIGIN, points[1], points[4], points[5]], marks
        )

    def test_time_before_the_first_energy_is_a_gap(self):
        points = [Point(7000, 0, 0), Point(8000, 900, 1000)]

        self.assertEqual([measurement.ORIGIN, *points], mark(points))

    def test_gap_that_lasts_is_not_marked_at_each_reading(self):
        points = [Point(time, 0, 0) for time in range(1000, 50_000, 1000)]

        self.assertEqual([measurement.ORIGIN, points[-1]], mark(points))

    def test_flapping_meter_makes_a_limited_number_of_marks(self):
        # Given a meter that is silent every other second for a minute,
        points = []
        for number in range(1, 60):
            metered = number // 2 * 1000
            points.append(Point(number * 1000, metered, metered))
        points.append(Point(85_000, 85_000, 60_000))

        marks = mark(points)

        # then the reading before the full minute is kept nevertheless.
        self.assertEqual(measurement.ORIGIN, marks[0])
        self.assertEqual(points[-2:], marks[-2:])
        self.assertEqual(marker.MAX_OFF_GRID, len(marks[1:-1]))


@strategies.composite
def curves(draw):
    """Return the opening, the interval and the points of a register."""
    interval = draw(strategies.sampled_from([60, 180, 300, 900])) * 1000
    opened = draw(strategies.integers(10**12, 10**12 + interval))
    typical = draw(strategies.sampled_from([1000, 10_000, 30_000, 400_000]))
    points, point = [], measurement.ORIGIN
    for pause, millijoules, metered in draw(
        strategies.lists(
            strategies.tuples(
                strategies.integers(1, 2 * typical),
                strategies.integers(0, 10**7),
                strategies.sampled_from([0, 50, 100, 100, 100, 300]),
            ),
            min_size=1,
            max_size=80,
        )
    ):
        point = Point(
            point.elapsed + pause,
            point.millijoules + (millijoules if metered else 0),
            min(
                point.metered + pause * metered // 100,
                point.elapsed + pause,
            ),
        )
        points.append(point)
    return opened, interval, points


class PropertyTest(base.BaseTestCase):
    @hypothesis.given(curves())
    def test_marks_lie_on_the_curve(self, curve):
        opened, interval, points = curve
        whole = [measurement.ORIGIN, *points]

        for each in mark(points, opened, interval):
            if each in whole:
                continue
            (around,) = (
                (before, after)
                for before, after in itertools.pairwise(whole)
                if before.elapsed < each.elapsed < after.elapsed
            )
            self.assertEqual(marker.interpolate(*around, each.elapsed), each)
            self.assertEqual(0, (opened + each.elapsed) % interval)
            self.assertLessEqual(
                around[1].elapsed - around[0].elapsed,
                marker.MAX_INTERPOLATION_MS,
            )

    @hypothesis.given(curves())
    def test_marks_are_in_order_and_limited(self, curve):
        opened, interval, points = curve

        marks = mark(points, opened, interval)

        elapsed = [each.elapsed for each in marks]
        self.assertEqual(sorted(set(elapsed)), elapsed)
        off_grid = collections.Counter(
            (opened + time) // interval
            for time in elapsed[1:-1]
            if (opened + time) % interval
        )
        self.assertLessEqual(
            max(off_grid.values(), default=0), marker.MAX_OFF_GRID
        )

    @hypothesis.given(curves())
    def test_first_and_last_point_are_marks(self, curve):
        opened, interval, points = curve

        marks = mark(points, opened, interval)

        self.assertEqual(
            (measurement.ORIGIN, points[-1]), (marks[0], marks[-1])
        )

    @hypothesis.given(curves())
    def test_rebuilt_curve_has_the_energy_of_each_interval(self, curve):
        opened, interval, points = curve
        whole = [measurement.ORIGIN, *points]

        marks = mark(points, opened, interval)

        first = -opened % interval
        for boundary in range(first, points[-1].elapsed, interval):
            # Interpolation rounds down, in the mark alone.
            self.assertAlmostEqual(
                value_at(whole, boundary), value_at(marks, boundary), delta=1
            )
