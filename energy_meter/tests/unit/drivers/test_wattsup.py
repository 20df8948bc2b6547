# SPDX-License-Identifier: Apache-2.0

"""Frames of a Watts Up?."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import wattsup
from energy_meter.tests import drivers

FRAME = (
    b'#d,-,18,1234,2301,540,77,0,0,0,1250,2310,560,0,2290,0,99,0,1,500,'
    b'1243;\r\n'
)


def decode(*pieces):
    decoder = wattsup.Decoder()
    return [frame for piece in pieces for frame in decoder.decode(piece)]


class DecoderTest(base.BaseTestCase):
    def test_frame_is_converted_to_units(self):
        (frame,) = decode(FRAME)

        reading = wattsup._reading('desk', frame)

        self.assertEqual(
            ('desk', 123.4, 230.1, 0.54, 77),
            (
                reading.probe,
                reading.watts,
                reading.volts,
                reading.amperes,
                reading.ticks,
            ),
        )
        self.assertEqual(360.0, reading.counter.resolution)

    def test_value_that_is_not_recorded_is_not_zero(self):
        (frame,) = decode(b'#d,-,18,1234,_,,_,_,_,_,_,_,_,_,_,_,_,_,_,_,_;')

        reading = wattsup._reading('desk', frame)

        self.assertEqual(measurement.Reading('desk', 123.4), reading)

    @hypothesis.given(cut=strategies.integers(0, 2 * len(FRAME)))
    def test_frame_may_arrive_in_parts(self, cut):
        data = 2 * FRAME

        self.assertEqual(2, len(decode(data[:cut], data[cut:])))

    @hypothesis.given(begin=strategies.integers(1, len(FRAME) - 1))
    def test_partial_frame_at_the_start_is_skipped(self, begin):
        self.assertEqual(1, len(decode(FRAME[begin:] + FRAME)))

    @hypothesis.given(end=strategies.integers(0, len(FRAME) - 4))
    def test_truncated_frame_is_skipped(self, end):
        self.assertEqual(1, len(decode(FRAME[:end] + FRAME)))

    def test_frame_with_missing_values_is_dropped(self):
        self.assertEqual(
            [],
            decode(
                b'#d,-,18,1234,2301,540,77,0;', b'#d,-,18,1;', b'#d,-;', b'#d;'
            ),
        )

    def test_frame_with_invalid_numbers_is_dropped(self):
        self.assertEqual(
            [],
            decode(
                FRAME.replace(b'1234', b'12x4'),
                FRAME.replace(b'1234', b'1_34'),
                FRAME.replace(b',18,', b',x,'),
                FRAME.replace(b',18,', b',1_8,'),
            ),
        )

    def test_other_responses_are_skipped(self):
        self.assertEqual(
            [],
            decode(b'#h,-,18,W,V,A,WH,Cost,WH/Mo,Cost/Mo;', b'#l,-,3,0,1,1;'),
        )

    @hypothesis.given(noise=strategies.binary(max_size=500))
    def test_noise_is_not_an_error(self, noise):
        decode(noise, noise)

    def test_noise_does_not_accumulate(self):
        decoder = wattsup.Decoder()
        for _ in range(100):
            list(decoder.decode(1000 * b'x'))

        self.assertEqual(1024, len(decoder._rest))


class WattsUpTest(base.BaseTestCase):
    def test_several_probes_are_an_error(self):
        driver = drivers.make(wattsup.WattsUp, 'one', 'two', port='/dev/null')

        error = self.assertRaises(exception.DriverError, driver.open)

        self.assertEqual(
            'a Watts Up? has one outlet, but probes names 2', str(error)
        )
