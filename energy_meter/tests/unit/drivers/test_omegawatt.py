# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt: readings are means that leave no sample out."""

import math
from unittest import mock

from oslotest import base

from energy_meter import exception
from energy_meter import register
from energy_meter.drivers import _multivoies
from energy_meter.drivers import omegawatt
from energy_meter.tests import drivers

NAN = math.nan


def frame(*powers, samples=10, amperes=2.0):
    return _multivoies.Frame(
        0.0,
        samples,
        [samples * power for power in powers],
        [samples * amperes**2] * len(powers),
    )


class WindowTest(base.BaseTestCase):
    def test_a_reading_is_the_mean_of_all_samples(self):
        window = omegawatt.Window(['node'], 0.03)

        window.add(frame(100.0, samples=10), 5.00)
        window.add(frame(100.0, samples=10), 5.01)
        window.add(frame(100.0, samples=10), 5.02)
        (reading,) = window.add(frame(300.0, samples=20), 5.03)

        self.assertEqual(180.0, reading.watts)
        self.assertEqual(2.0, reading.amperes)
        self.assertIsNone(reading.ticks)

    def test_a_reading_is_of_the_middle_of_its_time(self):
        window = omegawatt.Window(['node'], 1.0)
        for step in range(200):
            readings = window.add(frame(1.0), 5 + step / 100)

        self.assertEqual([], window.add(frame(1.0), 6.99))
        (reading,) = window.add(frame(1.0), 7.0)

        self.assertEqual([], readings)
        self.assertAlmostEqual(6.505, reading.at, places=2)

    def test_each_frame_can_be_a_reading(self):
        window = omegawatt.Window(['node'], 0.01)

        readings = [
            window.add(frame(float(step)), 5 + step * 0.0098)
            for step in range(100)
        ]

        self.assertEqual([1] * 99, [len(each) for each in readings[1:]])

    def test_a_channel_without_a_number_is_not_zero(self):
        window = omegawatt.Window(['one', 'two', 'three'], 0.02)

        window.add(frame(1.0, NAN, NAN), 5.00)
        window.add(frame(1.0, NAN, 6.0), 5.01)
        readings = window.add(frame(1.0, math.inf, 9.0), 5.02)

        self.assertEqual(
            {'one': 1.0, 'three': 7.5},
            {each.probe: each.watts for each in readings},
        )

    def test_a_current_without_a_number_is_left_out(self):
        window = omegawatt.Window(['node'], 0.01)
        window.add(frame(1.0, amperes=NAN), 5.00)

        (reading,) = window.add(frame(1.0, amperes=NAN), 5.01)

        self.assertEqual((1.0, None), (reading.watts, reading.amperes))

    def test_channels_that_are_left_out_are_not_read(self):
        window = omegawatt.Window([None, 'two'], 0.01)
        window.add(frame(1.0, 2.0, 3.0), 5.00)

        (reading,) = window.add(frame(1.0, 2.0, 3.0), 5.01)

        self.assertEqual(('two', 2.0), (reading.probe, reading.watts))

    def test_energy_of_means_is_the_integral_of_the_power(self):
        """Of a load that changes much faster than the interval."""
        window = omegawatt.Window(['node'], 1.0)
        feed = register.PowerFeed(60.0)
        joules, exact, instants = 0.0, [0.0], []
        for step in range(1, 6001):
            watts = 200 + 100 * math.sin(step * 0.71) + step / 60
            exact.append(exact[-1] + watts * 0.01)
            for reading in window.add(frame(watts), step * 0.01):
                joules += feed.read(reading, reading.at).joules
                instants.append(reading.at)

        first, last = (
            exact[round(at * 100)] for at in (instants[0], instants[-1])
        )
        self.assertAlmostEqual(1.0, joules / (last - first), delta=0.0005)


class StreamTest(base.BaseTestCase):
    def stream(self, frames, *probes, **options):
        driver = drivers.make(
            omegawatt.OmegaWatt, *probes, port='/dev/null', **options
        )
        driver._port = mock.Mock(frames=lambda decode, silence: iter(frames))
        return driver.stream()

    def test_the_caller_gets_a_word_while_a_mean_is_made(self):
        stream = self.stream(
            [frame(1.0), None, frame(1.0), None], 'node', interval=60.0
        )

        self.assertEqual([None, None], list(stream))

    def test_a_frame_without_samples_makes_no_reading(self):
        stream = self.stream(
            5 * [frame(0.0, samples=0)], 'node', interval=0.001
        )

        self.assertEqual({None}, set(stream))

    def test_a_probe_without_a_channel_is_an_error(self):
        stream = self.stream([frame(1.0, 2.0)], 'one', 'two', 'three')

        error = self.assertRaises(exception.DriverError, list, stream)

        self.assertEqual(
            '/dev/null has 2 channels, but probes has places for 3', str(error)
        )
