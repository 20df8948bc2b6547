# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt Multivoies over a pair of pseudo-terminals."""

import itertools
import threading
import time

from oslotest import base

from energy_meter import exception
from energy_meter.drivers.omegawatt import driver
from energy_meter.tests import drivers
from energy_meter.tests import multivoies
from energy_meter.tests.functional.services import descriptors
from energy_meter.tests.functional.services import pty

NAN = float('nan')
CURRENTS = 6 * [0.5]


def frame(*powers, **options):
    powers = [*powers, *(6 - len(powers)) * [0.0]]
    return multivoies.frame(powers, CURRENTS, **options)


class OmegaWattTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.line = self.useFixture(pty.Line())

    def start(self, *probes, interval=0.001, timeout=10.0, **options):
        """Start a driver for which each frame is a reading."""
        self.driver = drivers.make(
            driver.OmegaWatt,
            *(probes or ['node']),
            interval=interval,
            port=str(self.line.port),
            **options,
        )
        self.addCleanup(self.driver.close)
        self.driver.timeout_s = timeout
        self.driver.open()
        return drivers.readings(self.driver)

    def send(self, *data):
        self.line.meter.write(b''.join(data))

    def error_text(self, readings):
        return str(
            self.assertRaises(exception.DeviceUnreachable, next, readings)
        )

    def test_file_descriptors_above_1023_work(self):
        self.useFixture(descriptors.Descriptors())
        readings = self.start('node')
        self.send(frame(100.0))

        self.assertEqual(100.0, next(readings).watts)

    def test_frame_is_one_reading_per_channel(self):
        readings = self.start(None, 'two', 'three')
        self.send(frame(1.0, 200.5, 300.0))

        two, three = next(readings), next(readings)

        self.assertEqual(
            ('two', 200.5, 0.5, None, None),
            (two.probe, two.watts, two.amperes, two.volts, two.ticks),
        )
        self.assertEqual(('three', 300.0), (three.probe, three.watts))

    def test_time_of_reading_includes_the_age_of_samples(self):
        readings = self.start()
        started = time.monotonic()
        self.send(frame(1.0, age=0.75))

        monotonic = next(readings).monotonic

        self.assertLess(started - 0.75, monotonic)
        self.assertLess(monotonic, time.monotonic() - 0.75)

    def test_partial_frame_at_the_start_is_skipped(self):
        readings = self.start()
        self.send(frame(9.0)[30:], frame(1.0))

        self.assertEqual(1.0, next(readings).watts)

    def test_frame_with_wrong_checksum_is_skipped(self):
        readings = self.start()
        corrupt = bytearray(frame(9.0))
        corrupt[-1] ^= 1
        self.send(bytes(corrupt), frame(1.0))

        self.assertEqual(1.0, next(readings).watts)

    def test_earlier_input_is_discarded(self):
        self.line.leave(frame(9.0) * 3)
        readings = self.start()
        self.send(frame(1.0))

        self.assertEqual(1.0, next(readings).watts)

    def test_frame_without_samples_is_skipped(self):
        readings = self.start()
        self.send(frame(9.0, samples=0), frame(1.0))

        self.assertEqual(1.0, next(readings).watts)

    def test_channel_without_value_is_omitted(self):
        readings = self.start('one', 'two')
        self.send(frame(NAN, 2.0))

        self.assertEqual('two', next(readings).probe)

    def test_silence_is_an_error(self):
        readings = self.start(timeout=0.2)

        self.assertIn(
            'no valid frame came in 0.2 s', self.error_text(readings)
        )

    def test_unplugged_meter_is_an_error_until_replugged(self):
        readings = self.start()
        self.line.unplug()
        self.assertIn(
            f'{self.line.port} did not answer', self.error_text(readings)
        )
        self.driver.close()
        error = self.assertRaises(
            exception.DeviceUnreachable, self.driver.open
        )
        self.assertIn('No such file or directory', str(error))
        self.line.plug()

        readings = self.start()
        self.send(frame(1.0))

        self.assertEqual(1.0, next(readings).watts)

    def test_lines_of_the_vendors_reader_are_read(self):
        readings = self.start('one', 'two', format='csv')
        self.send(
            b'#timestamp,#frame_is_ok,#U1,#U2,#U3,#current1\r\n',
            b'1671527189.294241015,false,,,,,,,\r\n',
            b'1671527189.314471465,true,232.3,0.0,0.0,0.1,20.9,,nan\r\n',
            b'1671527189.324185946,true,233.0,0.0,0.0,0.1,21.0,0.2,9\r\n',
        )

        first_readings = list(itertools.islice(readings, 3))

        self.assertEqual(
            [('one', 20.9), ('one', 21.0), ('two', 9.0)],
            [(reading.probe, reading.watts) for reading in first_readings],
        )

    def test_lines_of_the_older_reader_are_read(self):
        readings = self.start('one', 'two', format='csv')
        self.send(
            b'wattmetre,1,1540562403.02,OK,20.5,\n'
            b'wattmetre,1,1540562403.04,OK,20.75,7\n'
        )

        first_readings = list(itertools.islice(readings, 3))

        self.assertEqual(
            [('one', 20.5), ('one', 20.75), ('two', 7.0)],
            [(reading.probe, reading.watts) for reading in first_readings],
        )

    def test_no_frame_is_lost_at_full_rate(self):
        """The meter has 36 channels and sends 100 frames per second."""
        channels = [f'channel-{number}' for number in range(36)]
        readings = self.start(*channels)
        frames = [
            multivoies.frame(
                [float(step + number) for number in range(36)], 36 * [1.0]
            )
            for step in range(200)
        ]
        meter = threading.Thread(target=self.send_frames, args=(frames,))
        meter.start()
        self.addCleanup(meter.join)

        all_readings = list(itertools.islice(readings, 200 * 36))

        self.assertEqual(
            [
                (channel, float(step + number))
                for step in range(200)
                for number, channel in enumerate(channels)
            ],
            [(reading.probe, reading.watts) for reading in all_readings],
        )

    def send_frames(self, frames):
        """Send 100 frames per second, as the meter does."""
        started = time.monotonic()
        for number, data in enumerate(frames):
            time.sleep(max(0.0, started + number / 100 - time.monotonic()))
            self.send(data)
