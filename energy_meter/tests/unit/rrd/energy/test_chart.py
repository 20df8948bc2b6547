# SPDX-License-Identifier: Apache-2.0

"""Tests of the geometry and the texts of bars."""

import datetime
import zoneinfo

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter.rrd.energy import chart
from energy_meter.rrd.energy import profile
from energy_meter.tests.unit.rrd.energy import base


def draw(*intervals, step=3600, zone=datetime.UTC, final_until=None):
    total = base.interval()
    return chart.draw(
        profile.Profile(final_until, total, [*intervals]), step, zone
    )


class ChartTest(test_base.BaseTestCase):
    @hypothesis.given(
        strategies.lists(
            strategies.integers(0, 10**15), min_size=1, max_size=130
        )
    )
    @hypothesis.settings(max_examples=100, deadline=None)
    def test_bars_are_in_the_plot_and_proportional(self, energies):
        drawn = draw(
            *(
                base.interval(number, millijoules)
                for number, millijoules in enumerate(energies)
            )
        )

        highest = max(energies)
        tallest = max(bar.height for bar in drawn.bars)
        right = chart.LEFT
        for bar, millijoules in zip(drawn.bars, energies, strict=True):
            self.assertGreaterEqual(bar.x, right)
            right = bar.x + bar.width
            self.assertGreaterEqual(bar.y, chart.TOP - 0.01)
            self.assertAlmostEqual(chart.BOTTOM, bar.y + bar.height, 1)
            if highest:
                self.assertAlmostEqual(
                    tallest * millijoules / highest, bar.height, 1
                )
        self.assertLessEqual(right, chart.RIGHT)
        self.assertLessEqual(sum(bar.label != '' for bar in drawn.bars), 12)
        # One line of the grid is at zero, and one at or above each bar.
        self.assertTrue(2 <= len(drawn.ticks) <= 5 or not highest)
        self.assertEqual('0', drawn.ticks[0].label)
        self.assertLessEqual(drawn.ticks[-1].y, chart.BOTTOM - tallest + 0.01)

    def test_grid_has_round_numbers(self):
        for kwh, labels in (
            (0.00037, ['0', '0.0001', '0.0002', '0.0003', '0.0004']),
            (1.0, ['0', '0.5', '1']),
            (7.3, ['0', '2', '4', '6', '8']),
            (1234.0, ['0', '500', '1000', '1500']),
            (0.0, ['0']),
        ):
            drawn = draw(base.interval(millijoules=round(kwh * base.KWH)))

            self.assertEqual(labels, [tick.label for tick in drawn.ticks])

    def test_partial_bar_is_filled_by_its_coverage(self):
        (bar,) = draw(base.interval(quality='partial', coverage=0.25)).bars

        self.assertAlmostEqual(bar.width / 4, bar.filled, 1)

    def test_missing_bar_is_visible(self):
        missing, _ = draw(
            base.interval(0, 0, quality='missing', coverage=0.0),
            base.interval(1),
        ).bars

        self.assertGreater(missing.height, 10)

    def test_legend_has_what_is_drawn(self):
        drawn = draw(
            base.interval(0),
            base.interval(1, quality='missing', state='open'),
            base.interval(2, quality='partial'),
        )

        self.assertEqual(['measured', 'partial', 'missing'], drawn.qualities)
        self.assertTrue(drawn.has_open)
        self.assertFalse(draw(base.interval()).has_open)

    def test_unknown_quality_is_not_drawn_as_measured(self):
        (bar,) = draw(base.interval(quality='"><script>')).bars

        self.assertEqual('estimated', bar.quality)

    def test_names_are_in_the_zone(self):
        paris = zoneinfo.ZoneInfo('Europe/Paris')
        start = datetime.datetime(2026, 10, 24, 22, tzinfo=datetime.UTC)
        for step, hours, name, label in (
            (900, 0.25, '2026-10-25 00:00\N{EN DASH}00:15', '00:00'),
            (3600, 1, '2026-10-25 00:00\N{EN DASH}01:00', '00:00'),
            ('day', 25, '2026-10-25', '25 Oct'),
            ('month', 180, '2026-10', 'Oct 2026'),
        ):
            (bar,) = draw(
                base.interval(start=start, end=start + hours * base.HOUR),
                step=step,
                zone=paris,
            ).bars

            self.assertEqual((name, label), (bar.name, bar.label))

    def test_bars_lead_to_their_period_unless_they_are_the_shortest(self):
        for step, expected in ((900, None), (3600, '1795132800-1795136400')):
            (bar,) = draw(base.interval(), step=step).bars

            self.assertEqual(expected, bar.period)
