# SPDX-License-Identifier: Apache-2.0

"""Watts Up?: what a frame says, and what is no frame."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
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
    def test_a_frame_is_scaled_to_units(self):
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

    def test_what_is_not_recorded_is_not_zero(self):
        (frame,) = decode(b'#d,-,18,1234,_,,_,_,_,_,_,_,_,_,_,_,_,_,_,_,_;')

        reading = wattsup._reading('desk', frame)

        self.assertEqual(
            ('desk', 123.4, None, None, None, None, None), reading
        )

    @hypothesis.given(cut=strategies.integers(0, 2 * len(FRAME)))
    def test_frames_may_come_in_pieces(self, cut):
        data = 2 * FRAME

        self.assertEqual(2, len(decode(data[:cut], data[cut:])))

    @hypothesis.given(begin=strategies.integers(1, len(FRAME) - 1))
    def test_half_a_frame_at_the_start_is_passed_over(self, begin):
        self.assertEqual(1, len(decode(FRAME[begin:] + FRAME)))

    @hypothesis.given(end=strategies.integers(0, len(FRAME) - 4))
    def test_a_frame_that_was_cut_short_is_passed_over(self, end):
        self.assertEqual(1, len(decode(FRAME[:end] + FRAME)))

    def test_a_frame_that_lacks_values_is_dropped(self):
        self.assertEqual(
            [],
            decode(
                b'#d,-,18,1234,2301,540,77,0;', b'#d,-,18,1;', b'#d,-;', b'#d;'
            ),
        )

    def test_values_that_are_no_numbers_spoil_the_frame(self):
        self.assertEqual(
            [],
            decode(
                FRAME.replace(b'1234', b'12x4'), FRAME.replace(b',18,', b',x,')
            ),
        )

    def test_other_answers_are_passed_over(self):
        self.assertEqual(
            [],
            decode(b'#h,-,18,W,V,A,WH,Cost,WH/Mo,Cost/Mo;', b'#l,-,3,0,1,1;'),
        )

    @hypothesis.given(noise=strategies.binary(max_size=500))
    def test_noise_is_never_an_error(self, noise):
        decode(noise, noise)

    def test_noise_does_not_pile_up(self):
        decoder = wattsup.Decoder()
        for _ in range(100):
            list(decoder.decode(1000 * b'x'))

        self.assertEqual(1024, len(decoder._rest))


class WattsUpTest(base.BaseTestCase):
    def test_it_has_one_outlet(self):
        driver = drivers.make(wattsup.WattsUp, 'one', 'two', port='/dev/null')

        error = self.assertRaises(exception.DriverError, driver.open)

        self.assertEqual(
            'a Watts Up? has one outlet, but probes names 2', str(error)
        )
