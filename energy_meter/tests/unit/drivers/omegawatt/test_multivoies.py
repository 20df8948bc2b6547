# SPDX-License-Identifier: Apache-2.0

"""Extraction of a Multivoies' frames from a stream of bytes."""

import itertools
import math

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.drivers.omegawatt import multivoies
from energy_meter.tests import multivoies as device

POWERS = [100.0, 200.5, 0.0, 50.0, 25.0, 12.5]
CURRENTS = [0.5, 1.0, 0.0, 0.25, 0.125, 2.0]

FRAME = device.frame(POWERS, CURRENTS, samples=40, age=0.25)

NEW_LINE = b'1671527189.314,true,232.3,0.0,0.0,0.5,20.9,,,1.0,nan\r\n'
OLD_LINE = b'wattmetre,1,1540562403.02,OK,20.5,,nan,250.125\n'


def decode(decoder, data, cuts=()):
    """Decode data that arrives in parts."""
    ends = [0, *sorted(cuts), len(data)]
    return [
        frame
        for begin, end in itertools.pairwise(ends)
        for frame in decoder.decode(data[begin:end])
    ]


cuts = strategies.lists(strategies.integers(0, 3 * len(FRAME)), max_size=20)


class BinaryTest(base.BaseTestCase):
    def decode(self, data, cuts=()):
        return decode(multivoies.BinaryDecoder(), data, cuts)

    def test_frame_has_the_sums_of_all_channels(self):
        (frame,) = self.decode(FRAME)

        self.assertEqual(0.25, frame.age)
        self.assertEqual(40, frame.samples)
        self.assertEqual([40 * power for power in POWERS], frame.powers)
        self.assertEqual([40 * i * i for i in CURRENTS], frame.squares)

    def test_channels_continue_in_the_next_module(self):
        powers = [float(channel) for channel in range(42)]

        (frame,) = self.decode(device.frame(powers, powers, samples=1))

        self.assertEqual(powers, frame.powers)
        self.assertEqual([i * i for i in powers], frame.squares)

    @hypothesis.given(cuts=cuts)
    def test_frames_may_arrive_in_parts(self, cuts):
        self.assertEqual(3, len(self.decode(3 * FRAME, cuts)))

    @hypothesis.given(begin=strategies.integers(1, len(FRAME) - 1))
    def test_partial_frame_at_the_start_is_skipped(self, begin):
        self.assertEqual(1, len(self.decode(FRAME[begin:] + FRAME)))

    @hypothesis.given(
        place=strategies.integers(0, len(FRAME) - 1),
        flip=strategies.integers(1, 255),
    )
    def test_corrupt_frame_is_dropped(self, place, flip):
        corrupt = bytearray(FRAME)
        corrupt[place] ^= flip

        # A corrupt length also discards frames within that length.
        frames = self.decode(bytes(corrupt) + 20 * FRAME)

        self.assertIn(len(frames), range(15, 21))
        self.assertEqual({40}, {frame.samples for frame in frames})

    @hypothesis.given(noise=strategies.binary(max_size=2000), cuts=cuts)
    def test_noise_is_not_an_error(self, noise, cuts):
        decoder = multivoies.BinaryDecoder()

        decode(decoder, noise, cuts)

        self.assertLess(len(decoder._rest), 1024)

    def test_frame_without_samples_has_zero_samples(self):
        (frame,) = self.decode(device.frame(POWERS, CURRENTS, samples=0))

        self.assertEqual(0, frame.samples)


class TextTest(base.BaseTestCase):
    def decode(self, data, cuts=()):
        return decode(multivoies.TextDecoder(), data, cuts)

    def test_line_has_currents_and_powers(self):
        (frame,) = self.decode(NEW_LINE)

        self.assertEqual(1, frame.samples)
        self.assertEqual('[20.9, nan, nan]', str(frame.powers))
        self.assertEqual('[0.25, nan, 1.0]', str(frame.squares))

    def test_line_without_frame_has_zero_samples(self):
        (frame,) = self.decode(b'1671527189.294241015,false,,,,,,,,\n')

        self.assertEqual(0, frame.samples)

    def test_line_of_older_format_has_only_powers(self):
        (frame,) = self.decode(OLD_LINE)

        self.assertEqual('[20.5, nan, nan, 250.125]', str(frame.powers))
        self.assertTrue(all(map(math.isnan, frame.squares)))
        self.assertEqual(4, len(frame.squares))

    def test_other_lines_are_skipped(self):
        self.assertEqual(
            [],
            self.decode(
                b'#timestamp,#frame_is_ok,#U1,#U2,#U3,#current1,#activepow1\n'
                b'wattmetre,1,1540562403.02,KO,20.5\n'
                b'9.3,232.3,0.0,0.0,0.1,20.9\n'
                b'1671527189.3,true,232.3,0.0,0.0,0.1,2o.9\n'
                b'1671527189.3,true,232.3,0.0,0.0,0.1,2_0.9\n'
                b'\n'
            ),
        )

    @hypothesis.given(cuts=cuts)
    def test_lines_may_arrive_in_parts(self, cuts):
        self.assertEqual(4, len(self.decode(2 * (NEW_LINE + OLD_LINE), cuts)))

    @hypothesis.given(noise=strategies.binary(max_size=2000), cuts=cuts)
    def test_noise_is_not_an_error(self, noise, cuts):
        self.decode(noise, cuts)

    def test_noise_does_not_accumulate(self):
        decoder = multivoies.TextDecoder()

        decode(decoder, b'x' * 100_000, range(0, 100_000, 1000))

        self.assertLess(len(decoder._rest), 10_000)
