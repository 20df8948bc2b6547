# SPDX-License-Identifier: Apache-2.0

"""The dummy: its energy is known, and nothing it shows is impossible."""

import typing
from unittest import mock

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter.drivers import dummy
from energy_meter.tests import drivers

WAVEFORMS = sorted(dummy.SHAPES)

waves = strategies.builds(
    lambda waveform, ends, period: dummy.Wave(
        waveform, *sorted(ends), period, 'seed'
    ),
    strategies.sampled_from(WAVEFORMS),
    strategies.tuples(strategies.floats(0, 1e5), strategies.floats(0, 1e5)),
    strategies.floats(0.1, 1e4),
)
instants = strategies.floats(0, 1e7)


def make(*probes: str | None, **options: typing.Any) -> dummy.Dummy:
    driver = drivers.make(dummy.Dummy, *probes, **options)
    driver.open()
    return driver


class WaveTest(base.BaseTestCase):
    @hypothesis.given(wave=waves, at=instants)
    def test_power_stays_between_its_ends(self, wave, at):
        self.assertLessEqual(wave._low, wave.power(at))
        self.assertLessEqual(wave.power(at), wave._high)

    def test_rounding_never_lifts_power_above_its_upper_end(self):
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
        wave=waves, at=instants, seconds=strategies.floats(0.001, 1e5)
    )
    def test_energy_grows_as_power_between_its_ends_allows(
        self, wave, at, seconds
    ):
        joules = wave.energy(at + seconds) - wave.energy(at)

        rounding = 1e-6 + wave.energy(at + seconds) * 1e-14
        self.assertLessEqual(joules, wave._high * seconds + rounding)
        self.assertGreaterEqual(joules, wave._low * seconds - rounding)

    def test_energy_is_the_integral_of_power(self):
        for waveform in WAVEFORMS:
            wave = dummy.Wave(waveform, 75.0, 125.0, 60.0, 'seed')
            steps = 100_000
            summed = (
                sum(
                    wave.power((step + 0.5) * 300 / steps)
                    for step in range(steps)
                )
                * 300
                / steps
            )
            self.assertAlmostEqual(wave.energy(300.0), summed, places=3)

    def test_all_waveforms_use_the_same_energy_in_whole_periods(self):
        for waveform in WAVEFORMS:
            wave = dummy.Wave(waveform, 75.0, 125.0, 60.0, 'seed')
            self.assertAlmostEqual(18_000.0, wave.energy(180.0))

    def test_a_sine_is_at_its_top_after_a_quarter_of_the_period(self):
        wave = dummy.Wave('sine', 75.0, 125.0, 60.0)

        self.assertEqual(100.0, wave.power(0.0))
        self.assertEqual(125.0, wave.power(15.0))
        self.assertEqual(75.0, wave.power(45.0))

    def test_random_repeats_itself_with_its_seed_only(self):
        first, again, other = (
            [
                dummy.Wave('random', 75.0, 125.0, 2.0, seed).power(at)
                for at in range(100)
            ]
            for seed in ('seed', 'seed', 'other')
        )

        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertEqual(100, len(set(first)))


class DummyTest(base.BaseTestCase):
    def test_every_probe_is_read(self):
        driver = make('desk-1', None, 'desk-2')

        self.assertEqual(
            ['desk-1', 'desk-2'], [reading.probe for reading in driver.read()]
        )

    def test_a_reading_shows_the_power_of_its_instant(self):
        driver = make('desk', waveform='square', period=10.0)

        with mock.patch('time.monotonic', side_effect=[12.0, 17.0]):
            (early,), (late,) = driver.read(), driver.read()

        self.assertEqual((125.0, 12.0), (early.watts, early.at))
        self.assertEqual((75.0, 17.0), (late.watts, late.at))

    def test_a_counter_is_shown_only_when_asked_for(self):
        for energy in ('auto', 'integrate'):
            (reading,) = make('desk', energy=energy).read()
            self.assertIsNone(reading.ticks)
            self.assertIsNone(reading.counter)

    def test_the_counter_shows_the_energy_in_millijoules(self):
        driver = make('desk', energy='counter', waveform='constant')

        with mock.patch('time.monotonic', return_value=3600.0):
            (reading,) = driver.read()

        self.assertEqual(360_000_000, reading.ticks)
        self.assertEqual(0.001, reading.counter.resolution)
        self.assertEqual(100.0, reading.watts)

    def test_max_watts_is_the_upper_end(self):
        driver = make(
            'desk', waveform='constant', min_watts=100.0, max_watts=300.0
        )

        (reading,) = driver.read()

        self.assertEqual(200.0, reading.watts)

    def test_random_probes_differ(self):
        one, other = make('desk-1', 'desk-2', waveform='random').read()

        self.assertNotEqual(one.watts, other.watts)

    def test_ends_the_wrong_way_round_are_refused(self):
        error = self.assertRaises(
            exception.DriverError, make, 'desk', max_watts=50.0
        )

        self.assertEqual('min_watts = 75 is above max_watts = 50', str(error))
