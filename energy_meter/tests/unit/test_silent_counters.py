# SPDX-License-Identifier: Apache-2.0

"""Power replaces an energy counter that goes silent, and is billed once."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import accumulator
from energy_meter import measurement

MAX_WATTS = 2000.0
MAX_GAP = 60.0
UNSEEN_WATTS = 20.0

FINE = measurement.Counter(joules_per_tick=1.0)
WATT_HOURS = measurement.Counter(joules_per_tick=3600.0)
COARSE = measurement.Counter(joules_per_tick=360_000.0)

#: States of the counter of a reading: shown, repeated by the driver, silent.
LIVE, REPEATED, SILENT = 'live', 'repeated', 'silent'


class Meter:
    """A load whose counter is read every ten seconds."""

    INTERVAL = 10.0

    def __init__(self, counter=FINE, energy='auto', start=10_000):
        self.counter = counter
        self.now = 0.0
        self.device = start * counter.joules_per_tick
        self.joules = self.seconds = 0.0
        self.shown = start
        self.subject = accumulator.make_accumulator(
            measurement.Reading('p', 200.0, start, counter),
            energy,
            MAX_WATTS,
            MAX_GAP,
        )

    @property
    def ticks(self):
        return int(self.device // self.counter.joules_per_tick)

    def read(self, state=LIVE, watts=200.0):
        if state == LIVE:
            self.shown = self.ticks
        ticks = None if state == SILENT else self.shown
        counter = None if state == SILENT else self.counter
        delta = self.subject.add(
            measurement.Reading('p', watts, ticks, counter), self.now
        )
        self.joules += delta.joules
        self.seconds += delta.seconds
        return delta

    def run(self, seconds, state=LIVE, watts=200.0, counted=None):
        """Meter a load.

        :param watts: power that the wattmeter shows.
        :param counted: power that the counter counts; the same by default.
        """
        for _ in range(round(seconds / self.INTERVAL)):
            self.now += self.INTERVAL
            load = watts if counted is None else counted
            self.device += load * self.INTERVAL
            self.read(state, watts)


class SilenceTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        # Given a counter that is metered for ten minutes at 200 W,
        self.meter = Meter()
        self.meter.read()
        self.meter.run(600)

    def check(self, joules, seconds):
        self.assertEqual(
            (joules, seconds), (self.meter.joules, self.meter.seconds)
        )

    def test_silence_is_billed_from_power(self):
        # when it is silent for half an hour,
        self.meter.run(1800, SILENT)

        # then not 0 J are billed for it.
        self.check(120_000 + 360_000, 2400)

    def test_ticks_repeated_before_silence_are_billed_from_power(self):
        # when its driver repeats its last ticks for five minutes,
        self.meter.run(300, REPEATED)
        self.check(120_000, 600 + MAX_GAP)
        self.meter.run(1500, SILENT)

        # then these are billed as soon as it reports silence.
        self.check(120_000 + 360_000, 2400)

    def test_equal_increase_is_billed_once(self):
        self.meter.run(300, REPEATED)
        self.meter.run(1500, SILENT)
        self.meter.run(600)

        self.check(600_000, 3000)

    def test_larger_increase_is_billed_for_the_difference(self):
        # when the counter counts more than the power in silence,
        self.meter.run(1800, SILENT, counted=210.0)
        self.check(480_000, 2400)

        # then the rest is billed on its return.
        self.meter.run(600)
        self.check(600_000 + 18_000, 3000)

    def test_smaller_increase_is_settled_by_later_ones(self):
        # when the counter counts less than the power in silence,
        self.meter.run(1800, SILENT, counted=190.0)

        # then the next increases pay for the difference of 18 kJ,
        self.meter.run(90)
        self.check(480_000, 2490)
        # and the total is that of the counter.
        self.meter.run(510)
        self.check(600_000 - 18_000, 3000)

    def test_counter_that_stood_still_in_silence_is_not_billed_again(self):
        self.meter.run(300, SILENT, counted=0.0)
        self.meter.run(300)

        self.assertEqual(180_000, self.meter.joules)

    def test_several_silences_do_not_add_up_their_differences(self):
        for _ in range(10):
            self.meter.run(100, SILENT, counted=190.0)
            self.meter.run(10)
            self.meter.run(50, REPEATED)
            self.meter.run(100, SILENT)
            self.meter.run(100)

        # The total is that of the counter.
        self.check(120_000 + 10 * (72_000 - 1000), 600 + 3600)

    def test_reset_in_silence_leaves_the_energy_of_the_power(self):
        for repeated in (0, 300):
            self.meter = Meter()
            self.meter.read()
            self.meter.run(600)

            # when the counter is reset in silence,
            self.meter.run(repeated, REPEATED)
            self.meter.run(1800 - repeated, SILENT)
            self.meter.device = 500.0
            self.meter.run(600)

            # then all is billed but the interval in which it returns.
            self.check(600_000 - 2000, 3000 - 10)

    def test_silence_after_a_reset_is_billed_once(self):
        # when a counter is silent before its reset is accepted,
        self.meter.device = 500.0
        self.meter.run(50)
        self.meter.run(300, SILENT)
        self.meter.run(600)

        # then its first increases after the reset are not billed again.
        self.check(310_000 - 2000, 1550 - 10)

    def test_idle_time_before_a_reset_and_silence_is_not_billed(self):
        # Given an outlet that counts nothing, but shows 15 W,
        self.meter = Meter(WATT_HOURS)
        self.meter.read(watts=15.0)
        self.meter.run(36_000, watts=15.0, counted=0.0)

        # when its counter is reset, and is silent before this is accepted,
        self.meter.device = 0.0
        self.meter.run(50)
        self.meter.run(100, SILENT)

        # then the power since its last value is billed, and one step.
        first = (15.0 + 200.0) / 2 * 10
        self.assertEqual(3600 + first + 28_000, self.meter.joules)

    def test_used_device_put_in_during_silence_is_not_billed(self):
        self.meter.run(600, SILENT)
        self.meter.device += 5e6
        self.meter.run(600)

        self.check(360_000 - 2000, 1800 - 10)

    def test_gap_of_power_in_silence_is_billed_by_the_counter(self):
        # when readings in silence are further apart than max_gap,
        self.meter.run(100, SILENT)
        self.meter.now += 100.0
        self.meter.device += 100.0 * 200.0
        self.meter.read(SILENT)
        self.meter.run(100, SILENT)

        # then the gap is not billed until the counter is back.
        self.check(160_000, 800)
        self.meter.run(10)
        self.check(182_000, 910)

    def test_power_does_not_replace_a_required_counter(self):
        self.meter = Meter(energy='counter')
        self.meter.read()
        self.meter.run(600)

        self.meter.run(300, SILENT)
        self.check(120_000, 600)

        self.meter.run(300)
        self.check(240_000, 1200)

    def test_noise_of_an_idle_outlet_is_not_billed_from_before(self):
        # Given an outlet that counts nothing, but shows 15 W,
        self.meter = Meter(WATT_HOURS)
        self.meter.read(watts=15.0)
        self.meter.run(36_000, watts=15.0, counted=0.0)

        # when its counter is missing from single readings,
        for _ in range(100):
            self.meter.run(10, SILENT, watts=15.0, counted=0.0)
            self.meter.run(90, watts=15.0, counted=0.0)

        # then 150 kJ of noise are not billed.
        self.assertLessEqual(self.meter.joules, 3600 + 150)
        self.assertEqual(46_000, self.meter.seconds)


class CoarseSilenceTest(base.BaseTestCase):
    STEP = COARSE.resolution

    def setUp(self):
        super().setUp()
        # Given a counter of 0.1 kWh that was metered for three hours.
        self.meter = Meter(COARSE)
        self.meter.device += 0.3 * self.STEP
        self.meter.read()
        self.meter.run(10_800)
        self.assertAlmostEqual(2.16e6, self.meter.joules, delta=2001)

    def test_silence_is_not_limited_to_one_step(self):
        self.meter.run(36_000, SILENT)

        self.assertAlmostEqual(9.36e6, self.meter.joules, delta=2001)
        self.assertEqual(46_800, self.meter.seconds)

    def test_counter_that_returns_is_billed_once(self):
        self.meter.run(36_000, SILENT)
        self.meter.run(36_000)

        self.assertAlmostEqual(16.56e6, self.meter.joules, delta=2001)
        self.assertEqual(82_800, self.meter.seconds)

    def test_counter_that_returns_reset_is_billed_once(self):
        self.meter.run(36_000, SILENT)
        self.meter.device = 0.8 * self.STEP
        self.meter.run(36_000)

        self.assertAlmostEqual(16.56e6, self.meter.joules, delta=4001)

    def test_silence_from_the_beginning_is_billed_within_one_step(self):
        for position in (0.0, 0.3, 0.9):
            self.meter = Meter(COARSE)
            self.meter.device += position * self.STEP
            self.meter.read()
            self.meter.run(36_000, SILENT)
            self.meter.run(36_000)

            self.assertAlmostEqual(14.4e6, self.meter.joules, delta=self.STEP)

    def test_counter_frozen_before_silence_is_billed_from_power(self):
        self.meter.run(36_000, REPEATED)
        self.meter.run(10, SILENT)

        self.assertAlmostEqual(9.362e6, self.meter.joules, delta=2001)


class Schedule:
    """A load that changes once between two readings.

    :ivar error: largest difference between the load and its trapezoids.
    """

    def __init__(self, counter):
        self.meter = Meter(counter)
        self.begin = self.meter.device
        self.true = self.error = self.repeated = 0.0
        self.watts = 0.0
        self.meter.read(watts=0.0)

    def step(self, seconds, share, watts, state):
        """Meter an interval.

        :param share: part of it after which the load changes.
        """
        if state == REPEATED:
            # A counter that repeats for longer goes silent.
            self.repeated += seconds
        before, self.watts = self.watts, watts
        joules = (before * share + watts * (1 - share)) * seconds
        self.error += abs(before - watts) / 2 * seconds
        self.true += joules
        self.meter.device += joules
        self.meter.now += seconds
        self.meter.read(state, watts)

    @property
    def slack(self):
        """Energy that a counter withholds while power agrees."""
        return (
            5 * self.meter.counter.resolution
            + UNSEEN_WATTS * self.repeated
            + 2 * self.error
        )


intervals = strategies.tuples(
    strategies.floats(1.0, 50.0),
    strategies.floats(0, 1),
    strategies.floats(0, MAX_WATTS),
)
#: Series of intervals in which the counter is live, repeated and silent.
schedules = strategies.lists(
    strategies.tuples(
        strategies.lists(intervals, min_size=1, max_size=4),
        strategies.lists(intervals, max_size=1),
        strategies.lists(intervals, max_size=8),
    ),
    min_size=1,
    max_size=8,
)


class ScheduleTest(base.BaseTestCase):
    @hypothesis.given(strategies.sampled_from([FINE, WATT_HOURS]), schedules)
    @hypothesis.settings(max_examples=300)
    def test_silences_are_billed_within_the_error_of_the_trapezoids(
        self, counter, periods
    ):
        # Given a counter that is live, repeated and silent in turn,
        schedule = Schedule(counter)
        meter = schedule.meter
        for live, repeated, silent in periods:
            for interval in live:
                schedule.step(*interval, LIVE)
                # then a live counter bills at least its increase, and at
                # most the error of the trapezoids more,
                increase = (
                    meter.ticks * counter.joules_per_tick - schedule.begin
                )
                self.assertGreaterEqual(meter.joules, increase - 0.01)
                self.assertLessEqual(
                    meter.joules,
                    increase + schedule.error + counter.resolution + 0.01,
                )
            for interval in repeated:
                schedule.step(*interval, REPEATED)
            for interval in silent:
                schedule.step(*interval, SILENT)
                # and a silent one what was used.
                self.assertGreaterEqual(
                    meter.joules, schedule.true - schedule.slack
                )
                self.assertLessEqual(
                    meter.joules,
                    schedule.true + schedule.error + counter.resolution + 0.01,
                )
            self.assertLessEqual(meter.seconds, meter.now * (1 + 1e-9))

    @hypothesis.given(
        strategies.sampled_from([FINE, WATT_HOURS, COARSE]),
        schedules,
        strategies.lists(strategies.integers(0, 5000), max_size=8),
    )
    @hypothesis.settings(max_examples=300)
    def test_resets_are_never_billed_twice(self, counter, periods, resets):
        # Given a counter that is reset to any lower value in silence,
        schedule = Schedule(counter)
        meter = schedule.meter
        for i, (live, repeated, silent) in enumerate(periods):
            for state, series in (
                (LIVE, live),
                (REPEATED, repeated),
                (SILENT, silent),
            ):
                for interval in series:
                    schedule.step(*interval, state)
            if i < len(resets):
                meter.device = min(
                    meter.device, resets[i] * counter.joules_per_tick
                )

            # then at most the energy used is billed.
            self.assertLessEqual(
                meter.joules,
                schedule.true
                + schedule.error
                + (1 + len(resets)) * counter.resolution,
            )
            self.assertLessEqual(meter.seconds, meter.now * (1 + 1e-9))

    @hypothesis.given(
        strategies.sampled_from([FINE, WATT_HOURS, COARSE]),
        strategies.lists(
            strategies.tuples(
                strategies.floats(0.1, 5) | strategies.floats(0.1, 100.0),
                strategies.none()
                | strategies.integers(0, 500)
                | strategies.integers(0, 60).map(lambda value: value * 1000),
                strategies.floats(0, MAX_WATTS),
            ),
            min_size=2,
            max_size=60,
        ),
    )
    @hypothesis.settings(max_examples=500)
    def test_any_sequence_bills_at_most_max_watts_and_one_step(
        self, counter, readings
    ):
        meter = Meter(counter, start=0)
        meter.read(watts=0.0)
        for pause, ticks, watts in readings:
            meter.now += pause
            meter.shown = ticks
            delta = meter.read(SILENT if ticks is None else REPEATED, watts)

            self.assertGreaterEqual(delta.joules, 0.0)
            self.assertGreaterEqual(delta.seconds, 0.0)
            self.assertLessEqual(
                meter.joules,
                (MAX_WATTS * meter.now + counter.resolution) * (1 + 1e-4),
            )
            self.assertLessEqual(meter.seconds, meter.now * (1 + 1e-9))
