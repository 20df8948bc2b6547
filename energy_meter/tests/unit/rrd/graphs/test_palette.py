# SPDX-License-Identifier: Apache-2.0

"""Tests of graph colors."""

import itertools

from oslotest import base

from energy_meter.rrd.graphs import palette


class PaletteTest(base.BaseTestCase):
    def test_first_35_colors_are_distinct(self):
        self.assertEqual(
            35, len({palette.color(number) for number in range(35)})
        )

    def test_hues_are_distinguishable_with_color_blindness(self):
        for first, second in itertools.combinations(range(7), 2):
            for simulate in (_without_red, _without_green):
                distance = max(
                    abs(one - other)
                    for one, other in zip(
                        simulate(palette.color(first)),
                        simulate(palette.color(second)),
                        strict=True,
                    )
                )
                self.assertGreater(distance, 20, (first, second))

    def test_colors_repeat(self):
        self.assertEqual(palette.color(0), palette.color(35 * 1000))


def _channels(color):
    return [int(color[place : place + 2], 16) for place in (0, 2, 4)]


def _without_red(color):
    """Simulate protanopia (Viénot, Brettel and Mollon, 1999)."""
    red, green, blue = _channels(color)
    mixed = 0.11238 * red + 0.88762 * green
    return mixed, 0.00401 * red - 0.00401 * green + blue


def _without_green(color):
    """Simulate deuteranopia with the same method."""
    red, green, blue = _channels(color)
    mixed = 0.29275 * red + 0.70725 * green
    return mixed, -0.02234 * red + 0.02234 * green + blue
