# SPDX-License-Identifier: Apache-2.0

"""OmegaWatt Multivoies over a pair of terminals."""

import threading
import time

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import omegawatt
from energy_meter.tests import drivers
from energy_meter.tests import multivoies
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

    def start(self, *probes, interval=0.001, **options):
        """Start a driver that makes a reading of every frame."""
        self.driver = drivers.make(
            omegawatt.OmegaWatt,
            *(probes or ['node']),
            interval=interval,
            port=str(self.line.port),
            **options,
        )
        self.addCleanup(self.driver.close)
        self.driver.open()
        return self.driver.stream()

    def say(self, *data):
        self.line.meter.write(b''.join(data))

    def watts(self, stream):
        return pty.reading(stream).watts

    def fail(self, stream):
        return str(
            self.assertRaises(exception.DeviceUnreachable, pty.reading, stream)
        )

    def test_values(self):
        stream = self.start(None, 'two', 'three')
        self.say(frame(1.0, 200.5, 300.0))

        two, three = pty.reading(stream), pty.reading(stream)

        self.assertEqual(
            ('two', 200.5, 0.5, None, None),
            (two.probe, two.watts, two.amperes, two.volts, two.ticks),
        )
        self.assertEqual(('three', 300.0), (three.probe, three.watts))

    def test_the_age_of_samples(self):
        stream = self.start()
        began = time.monotonic()
        self.say(frame(1.0, age=0.75))

        at = pty.reading(stream).at

        self.assertLess(began - 0.75, at)
        self.assertLess(at, time.monotonic() - 0.75)

    def test_half_a_frame_at_the_start(self):
        stream = self.start()
        self.say(frame(9.0)[30:], frame(1.0))

        self.assertEqual(1.0, self.watts(stream))

    def test_a_bad_checksum(self):
        stream = self.start()
        damaged = bytearray(frame(9.0))
        damaged[-1] ^= 1
        self.say(bytes(damaged), frame(1.0))

        self.assertEqual(1.0, self.watts(stream))

    def test_what_came_before_the_start(self):
        self.line.leave(frame(9.0) * 3)
        stream = self.start()
        self.say(frame(1.0))

        self.assertEqual(1.0, self.watts(stream))

    def test_a_frame_without_samples(self):
        stream = self.start()
        self.say(frame(9.0, samples=0), frame(1.0))

        self.assertEqual(1.0, self.watts(stream))

    def test_a_channel_without_a_number(self):
        stream = self.start('one', 'two')
        self.say(frame(NAN, 2.0))

        self.assertEqual('two', pty.reading(stream).probe)

    def test_silence(self):
        stream = self.start()
        self.driver.silence = 0.2

        self.assertIn('no valid frame came in 0.2 s', self.fail(stream))

    def test_unplugging_and_replugging(self):
        stream = self.start()
        self.line.unplug()
        self.assertIn(f'{self.line.port} did not answer', self.fail(stream))
        self.driver.close()
        error = self.assertRaises(
            exception.DeviceUnreachable, self.driver.open
        )
        self.assertIn('No such file or directory', str(error))
        self.line.plug()

        stream = self.start()
        self.say(frame(1.0))

        self.assertEqual(1.0, self.watts(stream))

    def test_lines_of_the_vendors_reader(self):
        stream = self.start('one', 'two', format='csv')
        self.say(
            b'#timestamp,#frame_is_ok,#U1,#U2,#U3,#current1\r\n',
            b'1671527189.294241015,false,,,,,,,\r\n',
            b'1671527189.314471465,true,232.3,0.0,0.0,0.1,20.9,,nan\r\n',
            b'1671527189.324185946,true,233.0,0.0,0.0,0.1,21.0,0.2,9\r\n',
        )

        readings = [pty.reading(stream) for _ in range(3)]

        self.assertEqual(
            [('one', 20.9), ('one', 21.0), ('two', 9.0)],
            [(each.probe, each.watts) for each in readings],
        )

    def test_lines_of_its_predecessor(self):
        stream = self.start('one', 'two', format='csv')
        self.say(
            b'wattmetre,1,1540562403.02,OK,20.5,\n'
            b'wattmetre,1,1540562403.04,OK,20.75,7\n'
        )

        readings = [pty.reading(stream) for _ in range(3)]

        self.assertEqual(
            [('one', 20.5), ('one', 20.75), ('two', 7.0)],
            [(each.probe, each.watts) for each in readings],
        )

    def test_nothing_is_lost_at_full_rate(self):
        """Of thirty-six channels, a hundred times a second."""
        channels = [f'channel-{number}' for number in range(36)]
        stream = self.start(*channels)
        frames = [
            multivoies.frame(
                [float(step + number) for number in range(36)], 36 * [1.0]
            )
            for step in range(200)
        ]
        meter = threading.Thread(target=self.talk, args=(frames,))
        meter.start()
        self.addCleanup(meter.join)

        readings = [pty.reading(stream) for _ in range(200 * 36)]

        self.assertEqual(
            [
                (channel, float(step + number))
                for step in range(200)
                for number, channel in enumerate(channels)
            ],
            [(each.probe, each.watts) for each in readings],
        )

    def talk(self, frames):
        """Send a frame each hundredth of a second, as the meter does."""
        began = time.monotonic()
        for number, data in enumerate(frames):
            time.sleep(max(0.0, began + number / 100 - time.monotonic()))
            self.say(data)
