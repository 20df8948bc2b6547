# SPDX-License-Identifier: Apache-2.0

"""Properties of the profile of any registers, plausible or not."""

import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.billing import bill
from energy_meter.billing import intervals
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.test_properties import AFTER
from energy_meter.tests.unit.billing.test_properties import BEFORE
from energy_meter.tests.unit.billing.test_properties import probes

#: Many of them at the ends of cells.
dates = strategies.integers(DAY - HOUR, DAY + 6 * HOUR) | strategies.integers(
    -4, 24
).map(lambda number: DAY + number * CELL)
tilings = strategies.sets(dates, min_size=2).map(sorted)
spans = strategies.tuples(*[strategies.integers(0, 20)] * 2)


def timeline_of(histories, result):
    return timeline.Timeline(histories, result.openings, result.overlaps)


def dividing(each, date):
    """Return the energies, in mJ, before and after a date in its segment."""
    points = itertools.pairwise(zip(each._dates, each._points, strict=True))
    for (start, before), (until, after) in points:
        if start < date < until:
            part = each.until(date).millijoules - before.millijoules
            return part, after.millijoules - before.millijoules - part
    return 0, 0


class ProfileTest(base.BaseTestCase):
    @hypothesis.given(probes(), tilings)
    def test_intervals_of_any_tiling_add_up_to_the_total(
        self, histories, some
    ):
        result = bill.bill(histories)
        line = timeline_of(histories, result)

        tested = profile.intervals(line, [BEFORE, *some, AFTER])

        self.assertEqual(
            (result.total.millijoules, result.total.metered),
            tuple(
                sum(each[number] for each in tested) for number in range(2, 4)
            ),
        )
        (whole,) = profile.intervals(line, [some[0], some[-1]])
        self.assertEqual(
            whole.millijoules, sum(each.millijoules for each in tested[1:-1])
        )
        for each in tested:
            self.assertGreaterEqual(min(each[2:5]), 0)

    @hypothesis.given(probes(), tilings, strategies.randoms())
    def test_order_does_not_matter(self, histories, some, random):
        shuffled = random.sample(histories, len(histories))
        mixed = random.sample(some, len(some))
        result = bill.bill(histories)

        line = timeline_of(shuffled, bill.bill(shuffled))

        edges = {date: line.edge(date) for date in mixed}
        self.assertEqual(
            profile.intervals(timeline_of(histories, result), some),
            [
                profile.between(
                    edges[start], edges[until], line.clock(start, until)
                )
                for start, until in itertools.pairwise(some)
            ],
        )

    @hypothesis.given(probes(), dates)
    def test_uncertainty_is_that_of_the_segments_that_are_billed(
        self, histories, date
    ):
        result = bill.bill(histories)

        edge = timeline_of(histories, result).edge(date)

        least = most = 0
        around = {(date - 1) // CELL * CELL, date // CELL * CELL}
        for each in timeline.curves(histories, result.openings):
            uncertain = max(dividing(each, date))
            # Cells in which it is billed for nothing, and for a part.
            nothing, part = set(), set()
            for cell in around:
                overlap = result.overlaps.get((cell, each.key))
                if overlap is not None:
                    share = each.within([(cell, cell + CELL)])
                    (part, nothing)[overlap == share].add(cell)
            least += uncertain if around - nothing - part else 0
            most += uncertain if around - nothing else 0
        self.assertLessEqual(least, edge.uncertain)
        self.assertLessEqual(edge.uncertain, most)

    @hypothesis.given(probes(), tilings)
    def test_clocks_are_those_of_the_parts(self, histories, some):
        line = timeline_of(histories, bill.bill(histories))

        clocks = profile.Clock(0)
        for start, until in itertools.pairwise(some):
            clocks |= line.clock(start, until)

        self.assertEqual(line.clock(some[0], some[-1]), clocks)

    @hypothesis.given(probes(), tilings)
    def test_clock_is_that_of_a_register_there(self, histories, some):
        result = bill.bill(histories)
        start, until = some[0], some[-1]

        clock = timeline_of(histories, result).clock(start, until)

        present = {
            result.openings[each.key].correction
            for each in timeline.curves(histories, result.openings)
            if each.reaches(start, until)
        }
        for correction, flag in (
            ('clock_ahead', profile.Clock.AHEAD),
            ('clock_behind', profile.Clock.BEHIND),
            ('clock_unset', profile.Clock.UNSET),
        ):
            if flag in clock:
                self.assertIn(correction, present)
            if correction in present and not result.overlaps:
                self.assertIn(flag, clock)


class IndexTest(base.BaseTestCase):
    @hypothesis.given(strategies.lists(spans), spans)
    def test_it_finds_what_reaches_into_a_time(self, some, wanted):
        start, until = min(wanted), max(wanted) + 1
        things = [
            ((min(each), max(each)), number)
            for number, each in enumerate(some)
        ]

        found = intervals.Index(things).within(start, until)

        self.assertCountEqual(
            [
                (span, number)
                for span, number in things
                if max(start, span[0]) < min(until, span[1])
            ],
            found,
        )
