# SPDX-License-Identifier: Apache-2.0

"""Marks that are packed."""

import random

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter.db import packing

numbers = strategies.integers(0, 2**62)
points = strategies.lists(
    strategies.builds(measurement.Point, numbers, numbers, numbers), min_size=1
)


class PackingTest(base.BaseTestCase):
    @hypothesis.given(marks=points)
    def test_marks_survive_packing(self, marks):
        self.assertEqual(marks, packing.unpack(packing.pack(marks)))

    def test_day_of_a_server_needs_a_few_hundred_bytes(self):
        noise = random.Random(1)
        marks = []
        energy = 0
        for quarter in range(96):
            # Given a server of 200 to 400 W, read every second,
            energy += int(900_000 * noise.uniform(200, 400))
            elapsed = 900_000 * quarter + noise.randrange(1)
            marks.append(measurement.Point(elapsed, energy, elapsed))

        # then its day is small.
        self.assertLess(len(packing.pack(marks)), 500)

    @hypothesis.given(packed=strategies.binary())
    def test_other_bytes_are_rejected(self, packed):
        self.assertRaises(ValueError, packing.unpack, packed)

    @hypothesis.given(marks=points, data=strategies.data())
    def test_truncated_marks_are_rejected(self, marks, data):
        packed = packing.pack(marks)
        size = data.draw(strategies.integers(0, len(packed) - 1))

        self.assertRaises(ValueError, packing.unpack, packed[:size])
