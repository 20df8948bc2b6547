# SPDX-License-Identifier: Apache-2.0

"""Tests of the conversion of measurements into points."""

import itertools
import math

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter import measurement
from energy_meter.rrd.writing import points
from energy_meter.tests import series
from energy_meter.tests.unit.rrd import base

RULES = points.PointRules(step=1, max_gap=60.0, max_watts=1000.0)
NOW = base.EPOCH


def convert(measurements, rules=RULES):
    """Return the points of consecutive measurements in a new file."""
    cursor = points.FileCursor(
        points.row_start(points.point_timestamp(measurements[0]), rules.step)
    )
    converted = []
    for received in measurements:
        added, cursor = points.to_points(cursor, received, rules)
        converted += added
    return converted


def energy(converted, since):
    """Return the energy that points represent, in joules."""
    joules = 0.0
    for point in converted:
        joules += (point.watts or 0.0) * (point.timestamp - since)
        since = point.timestamp
    return joules


class ToPointsTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.meter = base.Meter()
        self.regular = self.meter.run(3)

    def test_regular_measurement_gives_its_power(self):
        converted = convert([*self.regular, self.meter.read(1, 150)])
        self.assertEqual((NOW + 4, 150), converted[-1])
        self.assertEqual(4, len(converted))

    def test_gap_of_lost_messages_has_mean_power_of_register(self):
        self.meter.read(10, 400)
        converted = convert([*self.regular, self.meter.read(10, 200)])
        self.assertEqual((NOW + 23, 300), converted[-1])
        self.assertEqual(4, len(converted))

    def test_one_lost_message_is_detected(self):
        self.meter.read(1, 400)
        converted = convert([*self.regular, self.meter.read(1, 200)])
        self.assertEqual((NOW + 5, 300), converted[-1])

    def test_measurements_after_a_gap_are_regular(self):
        self.meter.read(10, 400)
        converted = convert(
            [
                *self.regular,
                self.meter.read(10, 200),
                self.meter.read(1, 150),
                self.meter.read(1, 160),
            ]
        )
        self.assertEqual([(NOW + 24, 150), (NOW + 25, 160)], converted[-2:])

    def test_longer_interval_becomes_usual(self):
        measurements = [
            *self.regular,
            *self.meter.run(60, 10.0, 100),
            self.meter.read(10, 100)._replace(watts=120),
        ]
        self.assertEqual((NOW + 613, 120), convert(measurements)[-1])

    def test_unmetered_gap_is_unknown(self):
        self.meter.read(20, metered=False)
        converted = convert([*self.regular, self.meter.read()])
        self.assertEqual([(NOW + 23, None), (NOW + 24, 100)], converted[-2:])

    def test_gap_longer_than_max_gap_is_unknown(self):
        converted = convert([*self.regular, self.meter.read(61)])
        self.assertEqual([(NOW + 63, None), (NOW + 64, 100)], converted[-2:])

    def test_gap_as_long_as_max_gap_is_filled(self):
        converted = convert([*self.regular, self.meter.read(60, 50)])
        self.assertEqual((NOW + 63, 50), converted[-1])
        self.assertEqual(4, len(converted))

    def test_gap_between_two_registers_is_unknown(self):
        self.meter.timestamp += 20
        self.meter.open('1')
        converted = convert([*self.regular, self.meter.read()])
        self.assertEqual([(NOW + 23, None), (NOW + 24, 100)], converted[-2:])

    def test_register_of_another_agent_does_not_fill_gap(self):
        other = base.Meter(register='1', timestamp=NOW + 3)
        other.elapsed = other.metered = 3.0
        other.joules = 777.0
        converted = convert([*self.regular, other.read(20)])
        self.assertEqual([(NOW + 22, None), (NOW + 23, 100)], converted[-2:])

    def test_unknown_gap_consists_of_whole_rows(self):
        self.meter = base.Meter(timestamp=NOW + 0.25)
        regular = self.meter.run(3)
        self.meter.read(20, metered=False)
        converted = convert([*regular, self.meter.read()])
        self.assertEqual(
            [
                (NOW + 3.25, 100),
                (NOW + 4, 100),
                (NOW + 24, None),
                (NOW + 24.25, 100),
            ],
            converted[-4:],
        )

    def test_gap_with_clock_step_is_unknown(self):
        self.meter.timestamp += 20
        converted = convert([*self.regular, self.meter.read()])
        self.assertEqual((NOW + 23, None), converted[-2])

    def test_measurement_without_power_has_mean_power_of_register(self):
        converted = convert(
            [*self.regular, self.meter.read(watts=70)._replace(watts=None)]
        )
        self.assertEqual((NOW + 4, 70), converted[-1])

    def test_measurement_without_power_and_energy_gives_no_point(self):
        without_value = [
            self.meter.read(metered=False, watts=0)._replace(watts=None)
            for _ in range(10)
        ]
        converted = convert([*self.regular, *without_value, self.meter.read()])
        self.assertEqual([(NOW + 13, None), (NOW + 14, 100)], converted[3:])

    def test_implausible_power_is_unknown(self):
        for watts in (1001.0, -1.0, math.inf, math.nan):
            implausible = self.meter.read(metered=False, watts=watts)
            self.assertEqual(3, len(convert([*self.regular, implausible])))

    def test_implausible_mean_power_does_not_fill_gap(self):
        converted = convert(
            [*self.regular, self.meter.read(20, 1e6)._replace(watts=100.0)]
        )
        self.assertEqual([(NOW + 22, None), (NOW + 23, 100)], converted[-2:])

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(1, 1000), strategies.booleans()
            ),
            max_size=12,
        )
    )
    def test_lost_messages_lose_no_energy(self, readings):
        meter = base.Meter()
        first = meter.run(2)
        measurements = [
            received
            for watts, is_lost in readings
            if (received := meter.read(1.0, float(watts))) and not is_lost
        ]
        measurements.append(meter.read())
        converted = convert(
            [*first, *measurements],
            points.PointRules(1, float(len(readings) + 1), 1000.0),
        )
        self.assertAlmostEqual(meter.joules, energy(converted, NOW), 3)

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.integers(1, 500_000).map(lambda ms: ms / 1000),
                strategies.floats(0, 2000),
                strategies.booleans(),
            )
        ),
        strategies.sampled_from((1, 5, 60)),
    )
    def test_points_are_ordered_and_unknown_rows_are_whole(
        self, readings, step
    ):
        meter = base.Meter(timestamp=NOW + 0.123)
        converted = convert(
            [
                meter.read(),
                *(
                    meter.read(seconds, watts, metered)
                    for seconds, watts, metered in readings
                ),
            ],
            RULES._replace(step=step),
        )
        timestamps = [point.timestamp for point in converted]
        self.assertEqual(sorted(set(timestamps)), timestamps)
        for previous, point in itertools.pairwise(converted):
            if point.watts is None:
                self.assertEqual(0, previous.timestamp % step)
                self.assertEqual(0, point.timestamp % step)


class RegularPointsTest(test_base.BaseTestCase):
    """Regular measurements are converted together, the others one by one."""

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.sampled_from(
                    [0.0, 0.5, 1.0, 1.0, 1.0, 1.2, 2.0, 61.0]
                ),
                strategies.sampled_from(
                    [0.0, 100.0, 100.0, 200.0, 1000.0, 1001.0, -1.0, math.nan]
                ),
                strategies.sampled_from(['read', 'read', 'read', 'open']),
            ),
            min_size=1,
            max_size=40,
        )
    )
    def test_points_are_those_of_each(self, readings):
        meter = base.Meter()
        cursor = points.FileCursor(NOW)
        for received in meter.run(3):
            _, cursor = points.to_points(cursor, received, RULES)
        measurements = []
        for number, (seconds, watts, action) in enumerate(readings):
            if action == 'open':
                meter.open(f'{number + 1}')
            measurements.append(meter.read(seconds, 100)._replace(watts=watts))
        together, after = points.regular_points(cursor, measurements, RULES)
        each = []
        for received in measurements[: len(together)]:
            self.assertIsNone(points.skip_reason(cursor, received))
            added, cursor = points.to_points(cursor, received, RULES)
            each += added
        self.assertEqual((each, cursor), (together, after))

    def test_all_regular_measurements_are_converted(self):
        meter = base.Meter()
        cursor = points.FileCursor(NOW)
        for received in meter.run(2):
            _, cursor = points.to_points(cursor, received, RULES)
        converted, cursor = points.regular_points(cursor, meter.run(5), RULES)
        self.assertEqual(
            [NOW + 3 + number for number in range(5)],
            [point.timestamp for point in converted],
        )
        self.assertEqual(NOW + 7, cursor.timestamp)


class SkipReasonTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.meter = base.Meter()
        _, self.cursor = points.to_points(
            points.FileCursor(NOW), self.meter.read(), RULES
        )

    def skip_reason(self, measurement):
        return points.skip_reason(self.cursor, measurement)

    def test_newer_measurement_is_written(self):
        self.assertIsNone(self.skip_reason(self.meter.read()))

    def test_same_measurement_is_duplicate(self):
        self.assertEqual('duplicate', self.skip_reason(self.cursor.latest))

    def test_older_measurement_is_out_of_order(self):
        latest = self.cursor.latest
        self.assertEqual(
            'out_of_order',
            self.skip_reason(
                series.change(
                    latest,
                    timestamp=latest.timestamp - 500,
                    elapsed=latest.elapsed - 500,
                )
            ),
        )

    def test_measurement_of_earlier_register_is_out_of_order(self):
        self.meter.timestamp -= 10
        self.meter.open('before')
        self.assertEqual('out_of_order', self.skip_reason(self.meter.read()))

    def test_clock_set_back_is_clock_step(self):
        self.meter.timestamp -= 3600
        self.assertEqual('clock_step', self.skip_reason(self.meter.read()))

    def test_next_register_after_clock_was_set_back_is_clock_step(self):
        # Given an agent whose clock is set back, so it opens a new register,
        previous = self.cursor.latest
        self.meter.timestamp -= 3600
        self.meter.open('next')
        follows = measurement.Predecessor(
            previous.register.id, previous.elapsed
        )

        # when the new register is read, then the reason is the step of its
        # clock, while a register of another agent is out of order.
        received = self.meter.read(after=follows)
        self.assertEqual('clock_step', self.skip_reason(received))
        other = series.change(
            received, register=received.register._replace(agent='other')
        )
        self.assertEqual('out_of_order', self.skip_reason(other))

    def test_timestamp_a_minute_ahead_is_future(self):
        latest = self.meter.read()
        self.assertTrue(points.is_future(latest, self.meter.timestamp - 61))
        self.assertFalse(points.is_future(latest, self.meter.timestamp - 59))


class RestoreTest(test_base.BaseTestCase):
    def test_file_ending_with_latest_measurement_is_continued(self):
        latest = base.Meter(timestamp=NOW + 0.5).read()
        self.assertEqual(
            points.FileCursor(NOW + 1.5, 100.0, 1.0, latest),
            points.restore(NOW + 1, 100.0, 1.0, latest),
        )

    def test_measurement_missing_in_file_is_dropped(self):
        latest = base.Meter().read()
        cursor = points.restore(NOW + 7, 100.0, 1.0, latest)
        self.assertIsNone(cursor.latest)
        self.assertTrue(NOW + 7 < cursor.timestamp < NOW + 8)
