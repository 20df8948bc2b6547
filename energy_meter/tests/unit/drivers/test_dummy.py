# SPDX-License-Identifier: Apache-2.0

"""Simulated wattmeter: power, energy and options."""

import typing
from unittest import mock

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import dummy
from energy_meter.tests import drivers

WAVEFORMS = sorted(dummy.WAVEFORMS)

waves = strategies.builds(
    lambda waveform, ends, period: dummy.Wave(
        waveform, *sorted(ends), period, 'seed'
    ),
    strategies.sampled_from(WAVEFORMS),
    strategies.tuples(strategies.floats(0, 1e5), strategies.floats(0, 1e5)),
    strategies.floats(0.1, 1e4),
)
times = strategies.floats(0, 1e7)


def make(*probes: str | None, **options: typing.Any) -> dummy.Dummy:
    driver = drivers.make(dummy.Dummy, *probes, **options)
    driver.open()
    return driver


class WaveTest(base.BaseTestCase):
    @hypothesis.given(wave=waves, monotonic=times)
    def test_power_stays_between_minimum_and_maximum(self, wave, monotonic):
        self.assertLessEqual(wave._low, wave.power(monotonic))
        self.assertLessEqual(wave.power(monotonic), wave._high)

    def test_rounding_does_not_exceed_the_maximum(self):
        # (0.5 + 0.6) / 2 + (0.6 - 0.5) / 2 is more than 0.6 in binary.
        ends = [
            (low / 10, high / 10)
            for low in range(10)
            for high in range(low, 30)
        ]

        for low, high in ends:
            wave = dummy.Wave('square', low, high, 2.0)
            self.assertLessEqual(wave.power(0.5), high)
            self.assertGreaterEqual(wave.power(1.5), low)

    @hypothesis.given(
        wave=waves, monotonic=times, seconds=strategies.floats(0.001, 1e5)
    )
    def test_energy_increases_within_the_limits_of_power(
        self, wave, monotonic, seconds
    ):
        joules = wave.energy(monotonic + seconds) - wave.energy(monotonic)

        rounding = 1e-6 + wave.energy(monotonic + seconds) * 1e-14
        self.assertLessEqual(joules, wave._high * seconds + rounding)
        self.assertGreaterEqual(joules, wave._low * seconds - rounding)

    def test_energy_is_the_integral_of_power(self):
        for waveform in WAVEFORMS:
            wave = dummy.Wave(waveform, 75.0, 125.0, 60.0, 'seed')
            steps = 100_000
            total = (
                sum(
                    wave.power((step + 0.5) * 300 / steps)
                    for step in range(steps)
                )
                * 300
                / steps
            )
            self.assertAlmostEqual(wave.energy(300.0), total, places=3)

    def test_waveforms_have_equal_energy_over_whole_periods(self):
        for waveform in WAVEFORMS:
            wave = dummy.Wave(waveform, 75.0, 125.0, 60.0, 'seed')
            self.assertAlmostEqual(18_000.0, wave.energy(180.0))

    def test_sine_has_its_maximum_after_a_quarter_period(self):
        wave = dummy.Wave('sine', 75.0, 125.0, 60.0)

        self.assertEqual(100.0, wave.power(0.0))
        self.assertEqual(125.0, wave.power(15.0))
        self.assertEqual(75.0, wave.power(45.0))

    def test_shares_of_parts_stay_within_the_amplitude(self):
        for parts in dummy.WAVEFORMS.values():
            self.assertLessEqual(sum(part.share for part in parts), 1.0)

    def test_load_of_probes_differs_but_follows_the_same_day(self):
        day, noon = 86_400.0, 86_400.0 / 4
        waves = [
            dummy.Wave('load', 0.0, 200.0, day, seed) for seed in ('a', 'b')
        ]

        def mean(wave, at):
            return (wave.energy(at + 3600) - wave.energy(at - 3600)) / 7200

        one, other = (wave.power(noon) for wave in waves)
        self.assertNotEqual(one, other)
        for wave in waves:
            self.assertGreater(mean(wave, noon), mean(wave, noon + day / 2))

    def test_random_repeats_only_with_the_same_seed(self):
        first, again, other = (
            [
                dummy.Wave('random', 75.0, 125.0, 2.0, seed).power(second)
                for second in range(100)
            ]
            for seed in ('seed', 'seed', 'other')
        )

        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertEqual(100, len(set(first)))


class DummyTest(base.BaseTestCase):
    def test_reads_every_probe(self):
        driver = make('desk-1', None, 'desk-2')

        self.assertEqual(
            ['desk-1', 'desk-2'], [reading.probe for reading in driver.read()]
        )

    def test_reading_has_the_power_at_its_time(self):
        driver = make('desk', waveform='square', period=10.0)

        with mock.patch('time.monotonic', side_effect=[12.0, 17.0]):
            (early,), (late,) = driver.read(), driver.read()

        self.assertEqual((125.0, 12.0), (early.watts, early.monotonic))
        self.assertEqual((75.0, 17.0), (late.watts, late.monotonic))

    def test_counter_is_read_only_if_configured(self):
        for energy in ('auto', 'integrate'):
            (reading,) = make('desk', energy=energy).read()
            self.assertIsNone(reading.ticks)
            self.assertIsNone(reading.counter)

    def test_counter_is_the_energy_in_millijoules(self):
        driver = make('desk', energy='counter', waveform='constant')

        with mock.patch('time.monotonic', return_value=3600.0):
            (reading,) = driver.read()

        self.assertEqual(360_000_000, reading.ticks)
        self.assertEqual(0.001, reading.counter.resolution)
        self.assertEqual(100.0, reading.watts)

    def test_max_watts_is_the_maximum(self):
        driver = make(
            'desk', waveform='constant', min_watts=100.0, max_watts=300.0
        )

        (reading,) = driver.read()

        self.assertEqual(200.0, reading.watts)

    def test_probes_with_random_waveform_differ(self):
        one, other = make('desk-1', 'desk-2', waveform='random').read()

        self.assertNotEqual(one.watts, other.watts)

    def test_minimum_above_maximum_is_an_error(self):
        error = self.assertRaises(
            exception.DriverError, make, 'desk', max_watts=50.0
        )

        self.assertEqual('min_watts = 75 is above max_watts = 50', str(error))
