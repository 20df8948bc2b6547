# SPDX-License-Identifier: Apache-2.0

"""Whole numbers are divided without loss."""

import fractions

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.billing import apportionment

amounts = strategies.integers(0, 2**62)
weights = strategies.lists(
    strategies.integers(0, 3) | strategies.integers(0, 2**50), min_size=1
).filter(any)


class LargestRemainderTest(base.BaseTestCase):
    def test_parts_are_in_proportion_to_weights(self):
        parts = apportionment.largest_remainder(100, [1, 3, 0])

        self.assertEqual([25, 75, 0], parts)

    def test_largest_remainder_is_rounded_up(self):
        # Exact parts are 1.4, 2.1 and 3.5.
        parts = apportionment.largest_remainder(7, [2, 3, 5])

        self.assertEqual([1, 2, 4], parts)

    def test_first_of_equal_remainders_is_rounded_up(self):
        parts = apportionment.largest_remainder(11, [1, 1, 1])

        self.assertEqual([4, 4, 3], parts)

    @hypothesis.given(amounts, weights)
    def test_no_part_is_off_by_one_and_nothing_is_lost(self, amount, given):
        parts = apportionment.largest_remainder(amount, given)

        self.assertEqual(amount, sum(parts))
        for part, weight in zip(parts, given, strict=True):
            exact = fractions.Fraction(amount * weight, sum(given))
            self.assertLess(abs(part - exact), 1)
