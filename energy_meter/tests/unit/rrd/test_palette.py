# SPDX-License-Identifier: Apache-2.0


"""Colours of graphs."""

import itertools

from oslotest import base

from energy_meter.rrd import palette


class PaletteTest(base.BaseTestCase):
    def test_first_colours_are_distinct(self):
        self.assertEqual(
            35, len({palette.colour(number) for number in range(35)})
        )

    def test_first_colours_differ_for_those_who_see_no_red_or_green(self):
        for first, second in itertools.combinations(range(7), 2):
            for seen in (_without_red, _without_green):
                distance = max(
                    abs(one - other)
                    for one, other in zip(
                        seen(palette.colour(first)),
                        seen(palette.colour(second)),
                        strict=True,
                    )
                )
                self.assertGreater(distance, 20, (first, second))

    def test_there_is_a_colour_for_any_number(self):
        self.assertEqual(palette.colour(0), palette.colour(35 * 1000))


def _parts(colour):
    return [int(colour[place : place + 2], 16) for place in (0, 2, 4)]


def _without_red(colour):
    """Simulate protanopia, roughly: Viénot, Brettel and Mollon (1999)."""
    red, green, blue = _parts(colour)
    mixed = 0.11238 * red + 0.88762 * green
    return mixed, 0.00401 * red - 0.00401 * green + blue


def _without_green(colour):
    """Simulate deuteranopia in the same way."""
    red, green, blue = _parts(colour)
    mixed = 0.29275 * red + 0.70725 * green
    return mixed, -0.02234 * red + 0.02234 * green + blue
