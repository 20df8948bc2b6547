# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt: readings are means over all samples."""

import math
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter import power_integrator
from energy_meter.drivers.omegawatt import driver
from energy_meter.drivers.omegawatt import multivoies
from energy_meter.tests import drivers

NAN = math.nan


def frame(*powers, samples=10, amperes=2.0):
    return multivoies.Frame(
        0.0,
        samples,
        [samples * power for power in powers],
        [samples * amperes**2] * len(powers),
    )


class WindowTest(base.BaseTestCase):
    def test_reading_is_the_mean_of_all_samples(self):
        window = driver.Window(['node'], 0.03)

        window.add(frame(100.0, samples=10), 5.00)
        window.add(frame(100.0, samples=10), 5.01)
        window.add(frame(100.0, samples=10), 5.02)
        (reading,) = window.add(frame(300.0, samples=20), 5.03)

        self.assertEqual(180.0, reading.watts)
        self.assertEqual(2.0, reading.amperes)
        self.assertIsNone(reading.ticks)

    def test_reading_is_at_the_middle_of_its_interval(self):
        window = driver.Window(['node'], 1.0)
        for step in range(200):
            readings = window.add(frame(1.0), 5 + step / 100)

        self.assertEqual([], window.add(frame(1.0), 6.99))
        (reading,) = window.add(frame(1.0), 7.0)

        self.assertEqual([], readings)
        self.assertAlmostEqual(6.505, reading.monotonic, places=2)

    def test_each_frame_may_be_a_reading(self):
        window = driver.Window(['node'], 0.01)

        readings = [
            window.add(frame(float(step)), 5 + step * 0.0098)
            for step in range(100)
        ]

        self.assertEqual([1] * 99, [len(batch) for batch in readings[1:]])

    def test_channel_without_value_is_not_zero(self):
        window = driver.Window(['one', 'two', 'three'], 0.02)

        window.add(frame(1.0, NAN, NAN), 5.00)
        window.add(frame(1.0, NAN, 6.0), 5.01)
        readings = window.add(frame(1.0, math.inf, 9.0), 5.02)

        self.assertEqual(
            {'one': 1.0, 'three': 7.5},
            {reading.probe: reading.watts for reading in readings},
        )

    def test_current_without_value_is_omitted(self):
        window = driver.Window(['node'], 0.01)
        window.add(frame(1.0, amperes=NAN), 5.00)

        (reading,) = window.add(frame(1.0, amperes=NAN), 5.01)

        self.assertEqual((1.0, None), (reading.watts, reading.amperes))

    def test_channel_without_probe_is_skipped(self):
        window = driver.Window([None, 'two'], 0.01)
        window.add(frame(1.0, 2.0, 3.0), 5.00)

        (reading,) = window.add(frame(1.0, 2.0, 3.0), 5.01)

        self.assertEqual(('two', 2.0), (reading.probe, reading.watts))

    def test_energy_of_means_is_the_integral_of_power(self):
        """The load changes much faster than the interval."""
        window = driver.Window(['node'], 1.0)
        meter = power_integrator.PowerIntegrator(60.0)
        joules, exact, times = 0.0, [0.0], []
        for step in range(1, 6001):
            watts = 200 + 100 * math.sin(step * 0.71) + step / 60
            exact.append(exact[-1] + watts * 0.01)
            for reading in window.add(frame(watts), step * 0.01):
                joules += meter.add(reading, reading.monotonic).joules
                times.append(reading.monotonic)

        first, last = (
            exact[round(time * 100)] for time in (times[0], times[-1])
        )
        self.assertAlmostEqual(1.0, joules / (last - first), delta=0.0005)


class ReadTest(base.BaseTestCase):
    def read(self, frames, *probes, **options):
        meter = drivers.make(
            driver.OmegaWatt, *probes, port='/dev/null', **options
        )
        meter._port = mock.Mock()
        meter.open()
        meter._frames = mock.Mock(read=lambda: frames)
        return meter.read()

    def test_incomplete_interval_has_no_reading(self):
        self.assertEqual(
            [], self.read([frame(1.0), frame(1.0)], 'node', interval=60.0)
        )

    def test_frame_without_samples_has_no_reading(self):
        self.assertEqual(
            [],
            self.read(5 * [frame(0.0, samples=0)], 'node', interval=0.001),
        )

    def test_probe_without_channel_is_an_error(self):
        error = self.assertRaises(
            exception.DriverError,
            self.read,
            [frame(1.0, 2.0)],
            'one',
            'two',
            'three',
        )

        self.assertEqual(
            '/dev/null has 2 channels, but probes has places for 3', str(error)
        )
