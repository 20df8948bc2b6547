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
KEY = measurement.RegisterKey('uuid', '0123456789abcdef', 1)


class RegisterTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.register = register.Register(KEY, 1000.0)
        self.register.accumulator = power_integrator.PowerIntegrator(MAX_GAP)

    def snapshot(self):
        return self.register.snapshot(PROBE, 1.7e9)

    def test_snapshot_contains_energy_since_opening(self):
        self.register.update(power(100.0), 1010.0)
        self.register.update(power(100.0), 1020.5)

        self.assertEqual(
            (PROBE, KEY, 1.7e9, 20.5, 1_050_000, 10.5, 100.0, None, None),
            self.snapshot(),
        )

    def test_snapshot_contains_volts_and_amperes_of_last_reading(self):
        self.register.update(
            measurement.Reading('p', 100.0, volts=230.0, amperes=0.5), 1010.0
        )
        self.assertEqual((230.0, 0.5), self.snapshot()[-2:])

        self.register.update(power(100.0), 1011.0)
        self.assertEqual((None, None), self.snapshot()[-2:])

    def test_gap_is_missing_from_metered_seconds(self):
        self.register.update(power(100.0), 1010.0)
        self.register.update(power(100.0), 1020.0)
        self.register.update(power(100.0), 1100.0)
        self.register.update(power(100.0), 1110.0)

        self.assertEqual(
            (110.0, 20.0),
            (self.snapshot().elapsed, self.snapshot().metered_seconds),
        )

    def test_unknown_power_is_none(self):
        self.register.update(power(100.0), 1010.0)
        self.register.update(ticks(5), 1011.0)

        self.assertIsNone(self.snapshot().watts)

    def test_reading_that_is_not_newer_is_ignored(self):
        self.register.update(power(100.0), 1010.0)
        self.register.update(power(100.0), 1020.0)
        before = self.snapshot()

        for monotonic in (1020.0, 1015.0, 900.0):
            self.assertFalse(self.register.update(power(500.0), monotonic))
        self.assertEqual(before, self.snapshot())

    def test_new_accumulator_continues_from_the_same_energy(self):
        self.register.update(power(100.0), 1010.0)
        self.register.update(power(100.0), 1020.0)

        self.register.accumulator = counter_accumulator.CounterAccumulator(
            FINE, MAX_WATTS, MAX_GAP
        )
        self.register.update(ticks(500_000), 1030.0)
        self.register.update(ticks(500_050), 1040.0)

        self.assertEqual(1_050_000, self.snapshot().millijoules)

    def test_fractions_of_a_millijoule_are_accumulated(self):
        # 0.1 mJ per second
        for seconds in range(10_001):
            self.register.update(power(0.0001), 1001.0 + seconds)

        self.assertIn(self.snapshot().millijoules, (999, 1000))

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
        opened = register.Register(KEY, 0.0)
        monotonic = 0.0
        previous = opened.snapshot(PROBE, 0.0)
        for pause, reading, reconfigured in readings:
            if reconfigured or opened.accumulator is None:
                opened.accumulator = accumulator.make_accumulator(
                    reading, 'auto', MAX_WATTS, MAX_GAP
                )
            monotonic += pause
            opened.update(reading, monotonic)

            latest = opened.snapshot(PROBE, 0.0)
            self.assertGreaterEqual(latest.millijoules, previous.millijoules)
            self.assertGreaterEqual(
                latest.metered_seconds, previous.metered_seconds
            )
            self.assertGreaterEqual(latest.elapsed, previous.elapsed)
            self.assertLessEqual(
                latest.metered_seconds, latest.elapsed * (1 + 1e-9)
            )
            previous = latest
