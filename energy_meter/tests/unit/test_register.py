# SPDX-License-Identifier: Apache-2.0

"""Registers add energy, and never decrease."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import accumulator
from energy_meter import counter_accumulator
from energy_meter import measurement
from energy_meter import power_integrator
from energy_meter import register

MAX_WATTS = 2000.0
MAX_GAP = 60.0

#: Counters of 1 J and of 0.1 kWh for each tick.
FINE = measurement.Counter(joules_per_tick=1.0)
COARSE = measurement.Counter(joules_per_tick=360_000.0)

watts = strategies.floats(0, MAX_WATTS)


def power(value):
    return measurement.Reading('p', value)


def ticks(value, counter=FINE, watts=None):
    return measurement.Reading('p', watts, value, counter)


PROBE = measurement.Probe('p', 'node', 'p', 'meter', 'dummy', 'agent')
KEY = measurement.RegisterKey('uuid', '0123456789abcdef')
AFTER = measurement.Predecessor('fedcba9876543210', 5000)
#: Wall clock minus boot time.
WALL = 1.7e9 - 1000.0


class RegisterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.register = register.Register(KEY, AFTER, 1000.0)
        self.register.accumulator = power_integrator.PowerIntegrator(MAX_GAP)

    def snapshot(self):
        return self.register.snapshot(PROBE, True)

    def update(self, reading, boottime, timestamp=None):
        return self.register.update(
            reading,
            boottime,
            boottime + WALL if timestamp is None else timestamp,
        )

    def test_snapshot_contains_energy_since_opening(self):
        self.update(power(100.0), 1010.0)
        self.update(power(100.0), 1020.5)

        self.assertEqual(
            measurement.Measurement(
                measurement.Series(PROBE, KEY, AFTER, True),
                1_700_000_020_500,
                20_500,
                1_050_000,
                10_500,
                100.0,
            ),
            self.snapshot(),
        )

    def test_snapshot_contains_volts_and_amperes_of_last_reading(self):
        self.update(
            measurement.Reading('p', 100.0, volts=230.0, amperes=0.5), 1010.0
        )
        self.assertEqual((230.0, 0.5), self.snapshot()[6:8])

        self.update(power(100.0), 1011.0)
        self.assertEqual((None, None), self.snapshot()[6:8])

    def test_gap_is_missing_from_metered_time(self):
        self.update(power(100.0), 1010.0)
        self.update(power(100.0), 1020.0)
        self.update(power(100.0), 1100.0)
        self.update(power(100.0), 1110.0)

        self.assertEqual(
            (110_000, 20_000),
            (self.snapshot().elapsed, self.snapshot().metered),
        )

    def test_unknown_power_is_none(self):
        self.update(power(100.0), 1010.0)
        self.update(ticks(5), 1011.0)

        self.assertIsNone(self.snapshot().watts)

    def test_reading_that_is_not_newer_is_ignored(self):
        self.update(power(100.0), 1010.0)
        self.update(power(100.0), 1020.0)
        before = self.snapshot()

        for monotonic in (1020.0, 1015.0, 900.0):
            self.assertFalse(self.update(power(500.0), monotonic))
        self.assertEqual(before, self.snapshot())

    def test_new_accumulator_continues_from_the_same_energy(self):
        self.update(power(100.0), 1010.0)
        self.update(power(100.0), 1020.0)

        self.register.accumulator = counter_accumulator.CounterAccumulator(
            FINE, MAX_WATTS, MAX_GAP
        )
        self.update(ticks(500_000), 1030.0)
        self.update(ticks(500_050), 1040.0)

        self.assertEqual(1_050_000, self.snapshot().millijoules)

    def test_fractions_of_a_millijoule_are_accumulated(self):
        # 0.1 mJ per second
        for seconds in range(10_001):
            self.update(power(0.0001), 1001.0 + seconds)

        self.assertIn(self.snapshot().millijoules, (999, 1000))

    def test_date_of_opening_is_that_of_the_first_reading(self):
        self.update(power(100.0), 1010.0, 1.7e9 + 10.0)

        # The wall clock is set, but the register keeps its offset.
        self.update(power(100.0), 1020.0, 1.8e9)

        self.assertEqual(1_700_000_000_000, self.register.opened_timestamp)
        self.assertEqual(1_700_000_020_000, self.snapshot().timestamp)

    def test_deviation_is_the_step_of_the_wall_clock(self):
        self.update(power(100.0), 1010.0)

        self.assertAlmostEqual(
            0.0, self.register.deviation(1500.0, 1500.0 + WALL), 3
        )
        self.assertAlmostEqual(
            -3600.0, self.register.deviation(1500.0, 1500.0 + WALL - 3600), 3
        )

    def test_successor_continues_without_loss_of_energy(self):
        # Given a register that metered 1 kJ,
        self.update(power(100.0), 1010.0)
        self.update(power(100.0), 1020.0)

        # when another one succeeds it,
        other = measurement.RegisterKey('uuid', '1' * 16)
        following = self.register.successor(other)
        following.update(power(100.0), 1030.0, 1.8e9)

        # then that opens at the last reading, and meters from there on.
        self.assertEqual(
            measurement.Measurement(
                measurement.Series(
                    PROBE, other, measurement.Predecessor(KEY.id, 20_000), True
                ),
                1_800_000_000_000,
                10_000,
                1_000_000,
                10_000,
                100.0,
            ),
            following.snapshot(PROBE, True),
        )

    def test_successor_meters_no_more_time_than_it_exists(self):
        # Given a counter that stands still although power flows,
        self.register.accumulator = counter_accumulator.CounterAccumulator(
            FINE, MAX_WATTS, MAX_GAP
        )
        self.update(ticks(0, watts=100.0), 1010.0)
        for boottime in range(1020, 1120, 10):
            self.update(ticks(0, watts=100.0), float(boottime))

        # when it moves again in the next register,
        following = self.register.successor(KEY)
        following.update(ticks(11_000, watts=100.0), 1120.0, 1.8e9)

        # then the energy is there, and the time is that of this register.
        self.assertEqual(
            measurement.Point(10_000, 11_000_000, 10_000), following.latest
        )

    def test_mark_is_a_point_of_the_curve_without_power(self):
        self.update(power(100.0), 1010.0)

        self.assertEqual(
            measurement.Measurement(
                measurement.Series(PROBE, KEY, AFTER, False),
                1_700_000_005_000,
                5000,
                70,
                4000,
                is_mark=True,
            ),
            self.register.mark(
                PROBE, False, measurement.Point(5000, 70, 4000)
            ),
        )

    @hypothesis.given(
        strategies.lists(
            strategies.tuples(
                strategies.floats(-10, 100),
                strategies.one_of(
                    watts.map(power),
                    strategies.integers(0, 70_000).map(ticks),
                    strategies.builds(
                        ticks,
                        strategies.integers(0, 50),
                        strategies.just(COARSE),
                        strategies.none() | watts,
                    ),
                ),
                strategies.booleans(),
            ),
            max_size=60,
        )
    )
    def test_register_never_decreases(self, readings):
        opened = register.Register(KEY, None, 0.0)
        monotonic = 0.0
        previous = opened.snapshot(PROBE, True)
        for pause, reading, reconfigured in readings:
            if reconfigured or opened.accumulator is None:
                opened.accumulator = accumulator.make_accumulator(
                    reading, 'auto', MAX_WATTS, MAX_GAP
                )
            monotonic += pause
            opened.update(reading, monotonic, monotonic)

            latest = opened.snapshot(PROBE, True)
            self.assertGreaterEqual(latest.millijoules, previous.millijoules)
            self.assertGreaterEqual(latest.metered, previous.metered)
            self.assertGreaterEqual(latest.elapsed, previous.elapsed)
            self.assertLessEqual(latest.metered, latest.elapsed)
            previous = latest
