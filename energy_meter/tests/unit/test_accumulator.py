# SPDX-License-Identifier: Apache-2.0

"""Accumulators bill the energy used, and ignore implausible values."""

import itertools
import math

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import accumulator
from energy_meter import counter_accumulator
from energy_meter import measurement
from energy_meter import power_integrator
from energy_meter.drivers import dummy
from energy_meter.tests import unmeasured

MAX_WATTS = 2000.0
MAX_GAP = 60.0
KWH = 3.6e6

#: Counters of 1 J for each tick; the second wraps after 65,536 ticks.
FINE = measurement.Counter(joules_per_tick=1.0)
WRAPPING = measurement.Counter(joules_per_tick=1.0, rollover=65_536)
#: Steps of 1 Wh, in ticks of 0.1 Wh.
STEPPED = measurement.Counter(joules_per_tick=360.0, step=10, rollover=65_530)
#: Resolution of 0.1 kWh.
COARSE = measurement.Counter(joules_per_tick=0.1 * KWH)

pauses = strategies.floats(0.01, MAX_GAP - 1)
watts = strategies.floats(0, MAX_WATTS)

#: Any readings of a counter: the pause before each, a step or else a jump to
#: a value, and the power. Most faults are runs of steps that are too fast.
any_readings = strategies.lists(
    strategies.tuples(
        strategies.floats(0.1, 5) | strategies.floats(0.1, 100.0),
        strategies.integers(0, 3) | strategies.integers(0, 500),
        strategies.integers(-60, 4).map(lambda value: max(0, value) * 1000),
        strategies.none() | watts,
    ),
    min_size=2,
    max_size=60,
)


def walk(readings, counter):
    """Yield the time, the ticks and the power of readings."""
    monotonic, value = 0.0, 0
    for pause, step, jump, load in readings:
        monotonic += pause
        value = jump or value + step * counter.step
        if counter.rollover is not None:
            value %= counter.rollover
        yield monotonic, value, load


def power(value):
    return measurement.Reading('p', value)


def ticks(value, counter=FINE, watts=None):
    return measurement.Reading('p', watts, value, counter)


class PowerIntegratorTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.accumulator = power_integrator.PowerIntegrator(MAX_GAP)

    def test_first_reading_is_not_billed(self):
        self.assertEqual(
            measurement.NO_ENERGY, self.accumulator.add(power(100.0), 50.0)
        )

    def test_gap_of_max_gap_is_billed(self):
        self.accumulator.add(power(100.0), 1.0)

        self.assertEqual(
            (9000.0, 60.0), self.accumulator.add(power(200.0), 61.0)
        )

    def test_longer_gap_is_not_billed(self):
        self.accumulator.add(power(100.0), 1.0)

        self.assertEqual(
            measurement.NO_ENERGY, self.accumulator.add(power(100.0), 61.5)
        )
        self.assertEqual(
            (100.0, 1.0), self.accumulator.add(power(100.0), 62.5)
        )

    def test_reading_without_power_is_ignored(self):
        self.accumulator.add(power(100.0), 1.0)
        self.accumulator.add(ticks(7), 2.0)

        self.assertEqual((200.0, 2.0), self.accumulator.add(power(100.0), 3.0))

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(pauses, watts), min_size=2, max_size=50
        ),
        strategies.lists(strategies.floats(0, 1), max_size=20),
    )
    def test_piecewise_linear_power_is_integrated_exactly(
        self, corners, extra
    ):
        # Given power that changes linearly between corners,
        times = list(itertools.accumulate(pause for pause, _ in corners))
        heights = [height for _, height in corners]

        def power_at(monotonic):
            index = max(
                1, next(i for i, t in enumerate(times) if t >= monotonic)
            )
            share = (monotonic - times[index - 1]) / (
                times[index] - times[index - 1]
            )
            return heights[index - 1] * (1 - share) + heights[index] * share

        # when it is read at each corner and at any times between,
        span = times[-1] - times[0]
        samples = sorted(
            {
                *times,
                *(min(times[0] + share * span, times[-1]) for share in extra),
            }
        )
        subject = power_integrator.PowerIntegrator(MAX_GAP)
        deltas = [
            subject.add(power(power_at(monotonic)), monotonic)
            for monotonic in samples
        ]

        # then the energy is the area of the trapezoids.
        area = sum(
            (a + b) / 2 * (end - begin)
            for a, b, begin, end in zip(
                heights, heights[1:], times, times[1:], strict=False
            )
        )
        self.assertTrue(
            math.isclose(
                area,
                sum(delta.joules for delta in deltas),
                rel_tol=1e-9,
                abs_tol=1e-6,
            )
        )
        self.assertTrue(
            math.isclose(
                span, sum(delta.seconds for delta in deltas), rel_tol=1e-9
            )
        )

    @hypothesis.given(
        start=strategies.floats(0, 1000),
        jitter=strategies.lists(
            strategies.floats(-0.3, 0.3), min_size=200, max_size=200
        ),
    )
    @hypothesis.settings(max_examples=25)
    def test_sine_is_integrated_within_half_a_thousandth(self, start, jitter):
        # Given the sine of the dummy driver, read at 1 Hz for some minutes
        # with jitter,
        wave = dummy.Wave('sine', 75.0, 125.0, 60.0)
        samples = [start + i + late for i, late in enumerate(jitter)]

        # when it is integrated,
        joules = sum(
            self.accumulator.add(
                power(wave.power(monotonic)), monotonic
            ).joules
            for monotonic in samples
        )
        self.accumulator = power_integrator.PowerIntegrator(MAX_GAP)

        # then the energy is the analytical integral.
        true = wave.energy(samples[-1]) - wave.energy(samples[0])
        self.assertLess(abs(joules - true) / true, 0.0005)


class CounterAccumulatorTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.accumulator = counter_accumulator.CounterAccumulator(
            FINE, MAX_WATTS, MAX_GAP
        )
        self.monotonic = 0.0

    def read(self, *values, every=1.0):
        """Add consecutive counter values, and return the joules."""
        joules = 0.0
        for value in values:
            self.monotonic += every
            joules += self.accumulator.add(ticks(value), self.monotonic).joules
        return joules

    def test_first_reading_is_not_billed(self):
        self.assertEqual(0.0, self.read(1_000_000))

    def test_increases_are_billed(self):
        self.assertEqual(250.0, self.read(1000, 1100, 1100, 1250))

    def test_increase_across_gap_is_billed(self):
        self.read(0)
        self.monotonic += 36_000

        delta = self.accumulator.add(ticks(3_600_000), self.monotonic)

        self.assertEqual((3_600_000.0, 36_000.0), delta)

    def test_rollover_is_billed(self):
        self.accumulator = counter_accumulator.CounterAccumulator(
            WRAPPING, MAX_WATTS, MAX_GAP
        )

        self.assertEqual(200.0, self.read(65_436, 65_500, 100))

    def test_single_zero_of_booting_pdu_is_not_billed(self):
        self.assertEqual(300.0, self.read(9000, 9100, 0, 9300))

    def test_zeros_for_an_hour_are_not_billed(self):
        self.read(9000, 9100)

        self.assertEqual(0.0, self.read(*[0] * 3600))
        self.assertEqual(100.0, self.read(9200))

    def test_single_lower_value_is_ignored(self):
        self.assertEqual(300.0, self.read(9000, 9100, 9050, 9300))

    def test_single_implausible_value_is_ignored(self):
        self.assertEqual(300.0, self.read(9000, 9100, 2**62, 9300))

    def test_reset_counter_is_accepted_after_max_gap(self):
        self.read(9000, 9100)

        self.assertEqual(0.0, self.read(*range(0, 60 * 50, 50)))
        # Then all increases since the reset are billed, but not the jump.
        self.assertEqual(3000.0, self.read(3000))
        self.assertTrue(self.accumulator.rebased)
        self.assertEqual(50.0, self.read(3050))
        self.assertFalse(self.accumulator.rebased)

    def test_reset_counter_is_not_accepted_before_three_increases(self):
        self.read(90_000, 90_100)

        self.assertEqual(0.0, self.read(0, 10, 20, every=1000.0))
        self.assertEqual(30.0, self.read(30, every=1000.0))

    def test_seconds_before_a_reset_are_not_metered(self):
        deltas = [
            self.accumulator.add(ticks(value), monotonic)
            for value, monotonic in (
                (9000, 0.0),
                (9100, 1.0),
                (5, 41.0),
                (10, 51.0),
                (15, 61.0),
                (20, 101.0),
            )
        ]

        self.assertEqual(1.0 + 60.0, sum(delta.seconds for delta in deltas))

    def test_jump_of_replaced_device_is_not_billed(self):
        # Given a device whose counter is higher by the maximum energy of 50
        # seconds,
        self.read(9000, 9100)

        # when enough time passes for the jump to become plausible,
        billed = self.read(*range(109_100, 109_100 + 300))

        # then only the increases of the new device are billed.
        self.assertEqual(299.0, billed)

    def test_jump_of_replaced_idle_device_is_not_billed(self):
        self.read(9000, 9100)

        self.assertEqual(0.0, self.read(*[109_100] * 600))
        self.assertEqual(3.0, self.read(109_101, 109_102, 109_103))

    def test_increase_across_gap_is_limited_by_max_watts(self):
        self.read(0)
        self.monotonic += 3600

        self.assertEqual(0.0, self.read(int(MAX_WATTS * 3601) + 2))

    def test_power_is_derived_from_two_increases(self):
        self.read(1000)
        self.assertIsNone(self.accumulator.watts)
        # The time for which the counter stood at 1000 is unknown.
        self.read(1500)
        self.assertIsNone(self.accumulator.watts)
        self.read(1500, 1500, 1800)
        self.assertEqual(100.0, self.accumulator.watts)

    def test_power_decreases_while_counter_stands_still(self):
        self.read(1000, 1100, 1200)
        self.assertEqual(100.0, self.accumulator.watts)

        # Some devices update their counters rarely,
        self.read(*[1200] * 60)
        self.assertEqual(100.0, self.accumulator.watts)
        # but the last power must not persist without load.
        self.read(*[1200] * 40)
        self.assertEqual(0.01, self.accumulator.watts)

    @hypothesis.given(
        strategies.sampled_from([FINE, WRAPPING]),
        strategies.lists(
            strategies.tuples(
                strategies.floats(0.1, 30.0),
                strategies.floats(0.1, 1),
                strategies.none() | strategies.integers(31_000, 65_000),
            ),
            min_size=1,
            max_size=40,
        ),
    )
    def test_single_implausible_values_do_not_change_the_energy(
        self, counter, readings
    ):
        # Given a counter with occasional errors that exceed the maximum
        # energy since the last reading,
        subject = counter_accumulator.CounterAccumulator(
            counter, MAX_WATTS, MAX_GAP
        )
        monotonic, true, billed = 0.0, 30_000, 0.0

        def read(value):
            wrapped = value % counter.rollover if counter.rollover else value
            return subject.add(ticks(wrapped, counter), monotonic).joules

        # when it is also read between these errors,
        read(true)
        for pause, load, off_by in readings:
            monotonic += pause / 2
            if off_by is not None:
                billed += read(true + off_by)
            monotonic += pause / 2
            true += int(load * MAX_WATTS * pause / 2)
            billed += read(true)

        # then exactly the energy used is billed.
        self.assertEqual(true - 30_000, billed)

    @hypothesis.given(
        strategies.sampled_from([FINE, WRAPPING, STEPPED, COARSE]),
        strategies.booleans(),
        any_readings,
    )
    @hypothesis.settings(max_examples=500)
    def test_any_sequence_bills_at_most_max_watts_and_one_step(
        self, counter, uses_power, readings
    ):
        subject = counter_accumulator.CounterAccumulator(
            counter, MAX_WATTS, MAX_GAP, uses_power
        )
        subject.add(ticks(0, counter), 0.0)
        billed, seconds = 0.0, 0.0
        for monotonic, value, load in walk(readings, counter):
            delta = subject.add(ticks(value, counter, load), monotonic)
            self.assertGreaterEqual(delta.joules, 0.0)
            self.assertGreaterEqual(delta.seconds, 0.0)
            billed += delta.joules
            seconds += delta.seconds

            self.assertLessEqual(
                billed,
                (MAX_WATTS * monotonic + counter.resolution) * (1 + 1e-4),
            )
            self.assertLessEqual(seconds, monotonic * (1 + 1e-9))

    def test_repeated_resets_bill_at_most_max_watts(self):
        # Given a counter that is reset as soon as each reset is accepted,
        subject = counter_accumulator.CounterAccumulator(
            COARSE, MAX_WATTS, MAX_GAP
        )
        subject.add(ticks(10**6, COARSE), 0.0)
        monotonic = billed = 0.0

        # when it moves by one step every two minutes, which are 3 kW,
        for reset in range(20):
            for step in range(4):
                monotonic += 120.0
                value = ticks(1000 * (20 - reset) + step, COARSE)
                billed += subject.add(value, monotonic).joules

        # then the steps after each reset are not granted again.
        self.assertLessEqual(billed, MAX_WATTS * monotonic + COARSE.resolution)

    @hypothesis.given(
        strategies.sampled_from([FINE, STEPPED]),
        any_readings,
        strategies.lists(watts, min_size=60, max_size=60),
    )
    @hypothesis.settings(max_examples=300)
    def test_any_sequence_bills_at_most_a_multiple_of_the_power(
        self, counter, readings, loads
    ):
        # Given power that is known all the time,
        subject = counter_accumulator.CounterAccumulator(
            counter, MAX_WATTS, 100.0
        )
        subject.add(ticks(0, counter, 0.0), 0.0)
        limit, billed = counter.resolution, 0.0
        before, read_at = 0.0, 0.0

        # when the counter shows any values,
        for (monotonic, value, _), load in zip(
            walk(readings, counter), loads, strict=False
        ):
            billed += subject.add(
                ticks(value, counter, load), monotonic
            ).joules
            limit += 4 * (max(before, load) + 20) * (monotonic - read_at)
            before, read_at = load, monotonic

            # then the energy agrees with the power.
            self.assertLessEqual(billed, limit * (1 + 1e-4))

    @hypothesis.given(
        counter=strategies.sampled_from([FINE, WRAPPING, STEPPED, COARSE]),
        position=strategies.floats(0, 1, exclude_max=True),
        readings=strategies.lists(
            strategies.tuples(
                strategies.floats(0, 1).map(lambda share: 10 ** (6 * share)),
                strategies.floats(0, 1),
                strategies.none() | strategies.floats(0.5, 2.0),
            ),
            min_size=1,
            max_size=40,
        ),
    )
    @hypothesis.settings(max_examples=300)
    def test_correct_counter_loses_nothing_at_any_intervals(
        self, counter, position, readings
    ):
        # Given a correct counter, and power readings that are known now and
        # then and wrong by a factor of up to two,
        subject = counter_accumulator.CounterAccumulator(
            counter, MAX_WATTS, MAX_GAP
        )
        true = (1000 + position) * counter.resolution
        monotonic, billed, seconds = 0.0, 0.0, 0.0

        def read(load):
            nonlocal billed, seconds
            value = int(true // counter.resolution) * counter.step
            if counter.rollover is not None:
                value %= counter.rollover
            delta = subject.add(ticks(value, counter, load), monotonic)
            billed += delta.joules
            seconds += delta.seconds

        # when it is read at intervals in which it cannot pass its range,
        read(None)
        first = int(true // counter.resolution)
        for pause, load, error in readings:
            if counter.rollover is not None:
                pause = min(
                    pause,
                    0.999
                    * counter.rollover
                    * counter.joules_per_tick
                    / MAX_WATTS,
                )
            monotonic += pause
            true += load * MAX_WATTS * pause
            read(None if error is None else load * MAX_WATTS * error)

        # then exactly its increase is billed, and all of the time covered.
        increase = int(true // counter.resolution) - first
        self.assertTrue(
            math.isclose(
                increase * counter.resolution,
                billed,
                rel_tol=1e-9,
                abs_tol=1e-6,
            )
        )
        self.assertTrue(math.isclose(monotonic, seconds, rel_tol=1e-9))

    @hypothesis.given(
        update=strategies.floats(1.0, MAX_GAP),
        share=strategies.floats(0, 0.45),
    )
    @hypothesis.settings(max_examples=50)
    def test_counter_that_is_updated_rarely_loses_nothing(self, update, share):
        # Given a wattmeter that updates its counter less often than it is
        # read, under less than half of the maximum power,
        subject = counter_accumulator.CounterAccumulator(
            FINE, MAX_WATTS, MAX_GAP
        )
        billed = value = 0.0

        # when it is read every second,
        for second in range(1000):
            value = int(second // update * update * share * MAX_WATTS)
            billed += subject.add(ticks(value), second + 1.0).joules

        # then each update is billed.
        self.assertEqual(value, billed)

    def test_frozen_counter_is_not_metered(self):
        # Given a counter that stands still at 250 W,
        seconds = sum(
            self.accumulator.add(ticks(5, watts=250.0), float(second)).seconds
            for second in range(1, 101)
        )

        # then the time after max_gap is not metered,
        self.assertEqual(MAX_GAP, seconds)

        # and is metered if the counter makes up for it.
        late = self.accumulator.add(ticks(25_005, watts=250.0), 101.0)
        self.assertEqual((25_000.0, 100.0 - seconds), late)

    def test_power_of_a_counter_that_is_not_trusted_is_unknown(self):
        # Given a counter from which power is derived,
        self.read(1000, 1100, 1200)

        # when it shows increases that are not plausible,
        self.read(*range(10**6, 10**6 + 59 * 5000, 5000))
        self.assertEqual(100.0, self.accumulator.watts)
        self.read(*range(2 * 10**6, 2 * 10**6 + 5 * 5000, 5000))

        # then its last power does not persist.
        self.assertIsNone(self.accumulator.watts)

    def test_idle_power_below_the_threshold_is_metered(self):
        # PDUs show up to 20 W more or less than they count.
        for shown, step in ((20.0, 0), (0.0, 20)):
            subject = counter_accumulator.CounterAccumulator(
                FINE, MAX_WATTS, MAX_GAP
            )
            deltas = [
                subject.add(ticks(step * second, watts=shown), float(second))
                for second in range(1, 1001)
            ]

            self.assertEqual(
                (step * 999.0, 999.0),
                (
                    sum(delta.joules for delta in deltas),
                    sum(delta.seconds for delta in deltas),
                ),
            )

    def test_power_is_not_used_if_a_counter_is_required(self):
        first = ticks(0, watts=0.0)
        subject = accumulator.make_accumulator(
            first, 'counter', MAX_WATTS, MAX_GAP
        )

        deltas = [
            subject.add(ticks(1000 * second, watts=0.0), float(second))
            for second in range(1, 11)
        ]

        self.assertEqual(9000.0, sum(delta.joules for delta in deltas))


class CoarseCounter:
    """Device with a counter of tenths of a kilowatt hour."""

    def __init__(self, position):
        self.joules = (1000 + position) * COARSE.joules_per_tick

    def read(self, watts):
        return ticks(int(self.joules // COARSE.joules_per_tick), COARSE, watts)


positions = strategies.floats(0, 1, exclude_max=True)


class CoarseCounterAccumulatorTest(base.BaseTestCase):
    INTERVAL = 60.0
    STEP = COARSE.resolution

    def meter(self, device, watts, seconds, subject, begin=0.0):
        """Meter a constant load, and return the joules billed."""
        billed = subject.add(device.read(watts), begin).joules
        for i in range(1, int(seconds / self.INTERVAL) + 1):
            device.joules += watts * self.INTERVAL
            billed += subject.add(
                device.read(watts), begin + i * self.INTERVAL
            ).joules
        return billed

    def make(self):
        return accumulator.CoarseCounterAccumulator(
            COARSE, MAX_WATTS, 3 * self.INTERVAL
        )

    def test_integrated_power_fills_the_steps(self):
        # 250 W for ten minutes are far less than a step.
        billed = self.meter(CoarseCounter(0.5), 250.0, 600.0, self.make())

        self.assertEqual(150_000.0, billed)

    def test_energy_exceeds_counter_by_at_most_one_step(self):
        # Given a counter that stands still while power is read,
        subject = self.make()

        billed = sum(
            subject.add(ticks(5, COARSE, 250.0), monotonic * 60.0).joules
            for monotonic in range(100)
        )

        self.assertEqual(self.STEP, billed)

    def test_first_increase_without_power_only_aligns_the_step(self):
        subject = self.make()

        billed = [
            subject.add(ticks(value, COARSE), monotonic * 1000.0).joules
            for monotonic, value in enumerate((7, 8, 9, 10))
        ]

        self.assertEqual([0.0, 0.0, self.STEP, self.STEP], billed)

    def test_increase_across_gap_of_power_is_billed(self):
        subject = self.make()
        device = CoarseCounter(0.0)
        self.meter(device, 250.0, 4000.0, subject)

        # After ten hours without readings, the counter is 25 steps higher.
        device.joules += 25 * self.STEP
        billed = subject.add(device.read(250.0), 40_000.0).joules

        self.assertAlmostEqual(25 * self.STEP, billed, delta=self.STEP)

    @hypothesis.given(
        position=positions,
        watts=strategies.floats(0, MAX_WATTS),
        hours=strategies.integers(1, 60),
    )
    @hypothesis.settings(max_examples=50)
    def test_energy_is_correct_from_any_position_within_step(
        self, position, watts, hours
    ):
        seconds = hours * 3600.0
        billed = self.meter(
            CoarseCounter(position), watts, seconds, self.make()
        )

        # An increase is seen up to one interval later.
        self.assertAlmostEqual(
            watts * seconds, billed, delta=watts * self.INTERVAL + 0.001
        )

    def test_daily_restarts_for_a_year_do_not_distort_the_energy(self):
        self.useFixture(unmeasured.Unmeasured())
        # Given days that are a minute too long, to cover all positions,
        device, seconds = CoarseCounter(0.37), 86_460.0

        billed = sum(
            self.meter(device, 250.0, seconds, self.make()) for _ in range(365)
        )

        true = 250.0 * seconds * 365
        self.assertLess(abs(billed - true) / true, 0.001)

    @hypothesis.given(
        position=positions,
        reset_to=positions,
        watts=strategies.floats(100, MAX_WATTS),
        hours=strategies.integers(0, 30),
    )
    @hypothesis.settings(max_examples=30)
    def test_reset_does_not_distort_the_energy(
        self, position, reset_to, watts, hours
    ):
        # Given a device that is reset at any position within its step,
        device, subject = CoarseCounter(position), self.make()
        before = hours * 3600.0
        billed = self.meter(device, watts, before, subject)
        device.joules = reset_to * self.STEP

        # when its new baseline is accepted,
        after = 40 * 3600.0
        billed += self.meter(device, watts, after, subject, before + 1e-6)

        # then no energy is lost or billed twice.
        self.assertAlmostEqual(
            watts * (before + after), billed, delta=2 * watts * self.INTERVAL
        )

    @hypothesis.given(any_readings)
    @hypothesis.settings(max_examples=300)
    def test_any_sequence_bills_at_most_max_watts_and_one_step(self, readings):
        subject = self.make()
        subject.add(ticks(0, COARSE), 0.0)
        billed = 0.0
        for monotonic, value, load in walk(readings, COARSE):
            billed += subject.add(ticks(value, COARSE, load), monotonic).joules

            self.assertLessEqual(
                billed, (MAX_WATTS * monotonic + self.STEP) * (1 + 1e-4)
            )

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.floats(1, 3000),
                strategies.integers(0, 20),
                strategies.one_of(strategies.none(), watts),
            ),
            max_size=60,
        )
    )
    def test_energy_never_decreases(self, readings):
        subject = self.make()
        monotonic = 0.0
        for pause, value, load in readings:
            monotonic += pause
            delta = subject.add(ticks(value, COARSE, load), monotonic)

            self.assertGreaterEqual(delta.joules, 0.0)
            self.assertGreaterEqual(delta.seconds, 0.0)


class MakeAccumulatorTest(base.BaseTestCase):
    def make_type(self, reading, energy='auto'):
        return type(
            accumulator.make_accumulator(reading, energy, MAX_WATTS, MAX_GAP)
        )

    def test_power_is_integrated_without_counter(self):
        self.assertIs(
            power_integrator.PowerIntegrator, self.make_type(power(1.0))
        )

    def test_counter_is_preferred(self):
        self.assertIs(
            counter_accumulator.CounterAccumulator, self.make_type(ticks(1))
        )

    def test_coarse_counter_is_filled_from_power(self):
        self.assertIs(
            accumulator.CoarseCounterAccumulator,
            self.make_type(ticks(1, COARSE)),
        )
        # The step is decisive, not the tick.
        coarse_step = measurement.Counter(joules_per_tick=1.0, step=40_000)
        self.assertIs(
            accumulator.CoarseCounterAccumulator,
            self.make_type(ticks(1, coarse_step)),
        )

    def test_power_can_be_required(self):
        self.assertIs(
            power_integrator.PowerIntegrator,
            self.make_type(ticks(1), 'integrate'),
        )

    def test_counter_can_be_required(self):
        self.assertIs(
            counter_accumulator.CounterAccumulator,
            self.make_type(ticks(1, COARSE), 'counter'),
        )

    def test_power_does_not_replace_required_counter(self):
        subject = accumulator.make_accumulator(
            power(100.0), 'counter', MAX_WATTS, MAX_GAP
        )

        for monotonic in range(1, 5):
            self.assertEqual(
                measurement.NO_ENERGY, subject.add(power(100.0), monotonic)
            )
