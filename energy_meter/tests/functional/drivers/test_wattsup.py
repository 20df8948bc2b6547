# SPDX-License-Identifier: Apache-2.0

"""Watts Up? over a pair of terminals."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import wattsup
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import pty


def frame(watts=b'1234', watthours=b'77'):
    return (
        b'#d,-,18,'
        + watts
        + b',2301,540,'
        + watthours
        + b',0,0,0,1250,2310,560,0,2290,0,99,0,1,500,1243;'
    )


class WattsUpTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.line = self.useFixture(pty.Line())
        self.driver = drivers.make(
            wattsup.WattsUp, 'desk', port=str(self.line.port)
        )
        self.addCleanup(self.driver.close)

    def start(self):
        """Open the driver; its command must reach the meter."""
        self.driver.open()
        self.assertEqual(
            wattsup.START, self.line.meter.read(len(wattsup.START))
        )
        return self.driver.stream()

    def watts(self, stream):
        return pty.reading(stream).watts

    def fail(self, stream):
        return str(
            self.assertRaises(exception.DeviceUnreachable, pty.reading, stream)
        )

    def test_values(self):
        stream = self.start()
        self.line.meter.write(frame())

        reading = pty.reading(stream)

        self.assertEqual(
            ('desk', 123.4, 230.1, 0.54),
            (reading.probe, reading.watts, reading.volts, reading.amperes),
        )
        self.assertEqual(7.7 * 3600, reading.ticks * reading.counter.joules)

    def test_frames_that_end_a_line(self):
        stream = self.start()
        self.line.meter.write(frame(b'10') + b'\r\n' + frame(b'20') + b'\r\n')

        self.assertEqual([1.0, 2.0], [self.watts(stream), self.watts(stream)])

    def test_half_a_frame_at_the_start(self):
        stream = self.start()
        self.line.meter.write(frame(b'99999')[15:] + frame(b'10'))

        self.assertEqual(1.0, self.watts(stream))

    def test_a_frame_in_two_halves(self):
        stream = self.start()
        self.line.meter.write(frame(b'10')[:20])
        self.assertIsNone(next(stream))
        self.line.meter.write(frame(b'10')[20:])

        self.assertEqual(1.0, self.watts(stream))

    def test_a_damaged_frame(self):
        stream = self.start()
        self.line.meter.write(frame(b'1x0') + frame(b'10'))

        self.assertEqual(1.0, self.watts(stream))

    def test_what_came_before_the_start(self):
        self.line.leave(frame(b'99999') * 3)
        stream = self.start()
        self.line.meter.write(frame(b'10'))

        self.assertEqual(1.0, self.watts(stream))

    def test_values_that_are_not_recorded(self):
        stream = self.start()
        self.line.meter.write(frame(watthours=b'_'))

        reading = pty.reading(stream)

        self.assertEqual(
            (123.4, None, None),
            (reading.watts, reading.ticks, reading.counter),
        )

    def test_silence(self):
        self.driver.silence = 0.2
        stream = self.start()

        self.assertEqual(
            f'{self.line.port} did not answer: 0 bytes, but no '
            f'valid frame came in 0.2 s',
            self.fail(stream),
        )

    def test_nonsense_is_no_better_than_silence(self):
        self.driver.silence = 0.2
        stream = self.start()
        self.line.meter.write(100 * b'\xff')

        self.assertEqual(
            f'{self.line.port} did not answer: 100 bytes, but '
            f'no valid frame came in 0.2 s',
            self.fail(stream),
        )

    def test_unplugging(self):
        stream = self.start()
        self.line.unplug()

        self.assertIn(f'{self.line.port} did not answer: ', self.fail(stream))

    def test_unplugged(self):
        self.line.unplug()

        error = self.assertRaises(exception.DeviceUnreachable, self.start)

        self.assertIn('No such file or directory', str(error))

    def test_replugging(self):
        stream = self.start()
        self.line.unplug()
        self.fail(stream)
        self.driver.close()
        self.line.plug()

        stream = self.start()
        self.line.meter.write(frame(b'10'))

        self.assertEqual(1.0, self.watts(stream))

    def test_a_port_in_use(self):
        self.start()
        second = drivers.make(
            wattsup.WattsUp, 'desk', port=str(self.line.port)
        )

        error = self.assertRaises(exception.DeviceUnreachable, second.open)

        self.assertIn('exclusively lock port', str(error))
