# SPDX-License-Identifier: Apache-2.0

"""Watts Up? over a pair of pseudo-terminals."""

from oslotest import base

from energy_meter import exception
from energy_meter.drivers import wattsup
from energy_meter.tests import drivers
from energy_meter.tests.functional.services import descriptors
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
        """Open the driver, and check that the meter receives its command."""
        self.driver.open()
        self.assertEqual(
            wattsup.START, self.line.meter.read(len(wattsup.START))
        )
        return drivers.readings(self.driver)

    def error_text(self, readings):
        return str(
            self.assertRaises(exception.DeviceUnreachable, next, readings)
        )

    def test_frame_is_a_reading(self):
        readings = self.start()
        self.line.meter.write(frame())

        reading = next(readings)

        self.assertEqual(
            ('desk', 123.4, 230.1, 0.54),
            (reading.probe, reading.watts, reading.volts, reading.amperes),
        )
        self.assertEqual(
            7.7 * 3600, reading.ticks * reading.counter.joules_per_tick
        )

    def test_file_descriptors_above_1023_work(self):
        self.useFixture(descriptors.Descriptors())
        readings = self.start()
        self.line.meter.write(frame(b'1234'))

        self.assertEqual(123.4, next(readings).watts)

    def test_frames_may_be_followed_by_line_ends(self):
        readings = self.start()
        self.line.meter.write(frame(b'10') + b'\r\n' + frame(b'20') + b'\r\n')

        self.assertEqual(
            [1.0, 2.0], [next(readings).watts, next(readings).watts]
        )

    def test_partial_frame_at_the_start_is_skipped(self):
        readings = self.start()
        self.line.meter.write(frame(b'99999')[15:] + frame(b'10'))

        self.assertEqual(1.0, next(readings).watts)

    def test_frame_may_arrive_in_two_parts(self):
        readings = self.start()
        self.line.meter.write(frame(b'10')[:20])
        self.assertEqual([], self.driver.read())
        self.line.meter.write(frame(b'10')[20:])

        self.assertEqual(1.0, next(readings).watts)

    def test_corrupt_frame_is_skipped(self):
        readings = self.start()
        self.line.meter.write(frame(b'1x0') + frame(b'10'))

        self.assertEqual(1.0, next(readings).watts)

    def test_earlier_input_is_discarded(self):
        self.line.leave(frame(b'99999') * 3)
        readings = self.start()
        self.line.meter.write(frame(b'10'))

        self.assertEqual(1.0, next(readings).watts)

    def test_value_that_is_not_recorded_is_omitted(self):
        readings = self.start()
        self.line.meter.write(frame(watthours=b'_'))

        reading = next(readings)

        self.assertEqual(
            (123.4, None, None),
            (reading.watts, reading.ticks, reading.counter),
        )

    def test_silence_is_an_error(self):
        self.driver.timeout_s = 0.2
        readings = self.start()

        self.assertEqual(
            f'{self.line.port} did not answer: 0 bytes, but no '
            f'valid frame came in 0.2 s',
            self.error_text(readings),
        )

    def test_invalid_data_is_an_error(self):
        self.driver.timeout_s = 0.2
        readings = self.start()
        self.line.meter.write(100 * b'\xff')

        self.assertEqual(
            f'{self.line.port} did not answer: 100 bytes, but '
            f'no valid frame came in 0.2 s',
            self.error_text(readings),
        )

    def test_unplugged_meter_is_an_error(self):
        readings = self.start()
        self.line.unplug()

        self.assertIn(
            f'{self.line.port} did not answer: ', self.error_text(readings)
        )

    def test_missing_port_is_an_error(self):
        self.line.unplug()

        error = self.assertRaises(exception.DeviceUnreachable, self.start)

        self.assertIn('No such file or directory', str(error))

    def test_replugged_meter_is_read(self):
        readings = self.start()
        self.line.unplug()
        self.error_text(readings)
        self.driver.close()
        self.line.plug()

        readings = self.start()
        self.line.meter.write(frame(b'10'))

        self.assertEqual(1.0, next(readings).watts)

    def test_port_in_use_is_an_error(self):
        self.start()
        second = drivers.make(
            wattsup.WattsUp, 'desk', port=str(self.line.port)
        )

        error = self.assertRaises(exception.DeviceUnreachable, second.open)

        self.assertIn('exclusively lock port', str(error))
