# SPDX-License-Identifier: Apache-2.0

"""Properties of the bill of any registers, plausible or not."""

import dataclasses
import itertools

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import cells
from energy_meter.billing import intervals
from energy_meter.billing import timeline
from energy_meter.tests.unit.billing import stories
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import MINUTE
from energy_meter.tests.unit.billing.stories import SECOND

#: A date before and after all others.
BEFORE, AFTER = -(2**62), 2**62

clocks = strategies.sampled_from([0, 0, 0, SECOND, -45 * SECOND, -HOUR, HOUR])
arrivals = strategies.sampled_from([0, 0, DAY + 4 * HOUR])
dates = strategies.integers(DAY - HOUR, DAY + 6 * HOUR)
points = strategies.builds(
    measurement.Point,
    strategies.integers(0, 2 * HOUR),
    strategies.integers(0, 2 * stories.KWH),
    strategies.integers(0, 2 * HOUR),
)


@strategies.composite
def registers(draw, name, agents):
    """Return a register that an honest agent could have."""
    start = DAY + draw(strategies.integers(0, 180)) * MINUTE
    until = start + draw(strategies.integers(10 * SECOND, 2 * HOUR))
    begin, end = sorted(
        draw(strategies.tuples(*[strategies.integers(start, until)] * 2))
    )
    known = stories.register(
        start,
        until,
        draw(strategies.sampled_from(agents)),
        name,
        watts=draw(strategies.integers(0, 2_000)),
        clock=draw(clocks),
        arrives=draw(arrivals),
        gaps=draw(strategies.sampled_from([[], [], [(begin, end)]])),
        lost_marks=draw(strategies.sampled_from([False, False, True])),
        synced=draw(strategies.sampled_from([True, True, False])),
    )
    return dataclasses.replace(
        known, voided=draw(strategies.sampled_from([False] * 5 + [True]))
    )


@strategies.composite
def probes(draw, agents='abc', edges=True):
    """Return the registers of a probe, some with edges and wrong marks."""
    histories = []
    for number in range(draw(strategies.integers(1, 6))):
        known = draw(registers(str(number), agents))
        if draw(strategies.booleans()):
            marks = {*known.marks, *draw(strategies.lists(points))}
            unique = {mark.elapsed: mark for mark in sorted(marks)}
            known = dataclasses.replace(known, marks=tuple(unique.values()))
        own = [each for each in histories if each.key.agent == known.key.agent]
        if edges and own and draw(strategies.booleans()):
            previous = draw(strategies.sampled_from(own))
            saved = draw(
                strategies.sampled_from(
                    [previous.last.elapsed, previous.last.elapsed // 2]
                )
            )
            follows = stories.after(previous.key.id, saved)
            known = dataclasses.replace(known, after=follows)
        histories.append(known)
    return histories


def curves_of(histories, result):
    return timeline.curves(histories, result.openings)


class BillTest(base.BaseTestCase):
    @hypothesis.given(probes(), strategies.randoms())
    def test_the_order_does_not_matter(self, histories, random):
        shuffled = random.sample(histories, len(histories))

        self.assertEqual(bill.bill(histories), bill.bill(shuffled))

    @hypothesis.given(probes())
    def test_overlap_is_at_most_what_the_register_has_in_the_cell(
        self, histories
    ):
        result = bill.bill(histories)

        curves = {each.key: each for each in curves_of(histories, result)}
        for (start, known), overlap in result.overlaps.items():
            share = curves[known].within([(start, start + CELL)])
            self.assertEqual(0, start % CELL)
            self.assertGreater(overlap.elapsed, 0)
            for part, most in zip(overlap, share, strict=True):
                self.assertLessEqual(0, part)
                self.assertLessEqual(part, most)

    @hypothesis.given(probes())
    def test_every_instant_is_billed_at_least_once(self, histories):
        result = bill.bill(histories)

        curves = curves_of(histories, result)
        covered = intervals.length(
            intervals.union([(each.start, each.end) for each in curves])
        )
        everything = sum(each.end - each.start for each in curves)
        self.assertLessEqual(covered, result.total.elapsed)
        self.assertLessEqual(result.total.elapsed, everything)

    @hypothesis.given(probes(edges=False))
    def test_without_lines_every_instant_is_billed_once(self, histories):
        result = bill.bill(histories)

        covered = intervals.union(
            [(each.start, each.end) for each in curves_of(histories, result)]
        )
        self.assertEqual(intervals.length(covered), result.total.elapsed)

    @hypothesis.given(probes(agents='a', edges=False))
    def test_a_line_is_billed_in_full(self, histories):
        line = histories[:1]
        for known in histories[1:]:
            previous = line[-1]
            follows = stories.after(previous.key.id, previous.last.elapsed)
            line.append(dataclasses.replace(known, after=follows))

        result = bill.bill(line)

        self.assertEqual({}, result.overlaps)
        self.assertFalse(result.plural)
        self.assertEqual(
            sum(each.last.millijoules for each in line if not each.voided),
            result.total.millijoules,
        )

    @hypothesis.given(probes(agents='a'))
    def test_a_copy_under_another_name_changes_nothing(self, histories):
        copies = [
            dataclasses.replace(
                each, key=stories.key('b', each.key.id), agent_name='b'
            )
            for each in histories
        ]

        alone, both = bill.bill(histories), bill.bill(histories + copies)

        self.assertEqual(alone.total, both.total)

    @hypothesis.given(probes(), dates)
    def test_cells_since_a_date_are_the_same(self, histories, since):
        every = bill.bill(histories).overlaps

        self.assertEqual(
            {
                place: overlap
                for place, overlap in every.items()
                if place[0] + CELL > since
            },
            bill.bill(histories, since).overlaps,
        )


class TipTest(base.BaseTestCase):
    @hypothesis.given(
        probes(),
        strategies.integers(1, 5 * HOUR),
        strategies.integers(0, stories.KWH),
        strategies.integers(0, 100),
        strategies.lists(strategies.integers(0, 100)),
    )
    def test_it_goes_on_without_a_change_to_others(
        self, histories, elapsed, millijoules, percent, marks
    ):
        before = bill.bill(histories)
        hypothesis.assume(before.tip)
        tip = next(each for each in histories if each.key == before.tip)

        advanced = self.advance(tip, elapsed, millijoules, percent, marks)
        others = [each for each in histories if each is not tip]
        after = bill.bill([*others, advanced])

        self.assertEqual(before.overlaps, after.overlaps)
        self.assertEqual(before.openings, after.openings)
        self.assertEqual(before.tip, after.tip)
        self.assertEqual(before.plural, after.plural)
        self.assertEqual(
            before.total.millijoules + millijoules, after.total.millijoules
        )

    def advance(self, tip, elapsed, millijoules, percent, marks):
        """Return the tip with a new last measurement, and marks before it."""

        def point(share):
            return measurement.Point(
                tip.last.elapsed + elapsed * share // 100,
                tip.last.millijoules + millijoules * share // 100,
                tip.last.metered + elapsed * percent * share // 10_000,
            )

        kept = {mark.elapsed: mark for mark in map(point, marks)}
        kept.update((mark.elapsed, mark) for mark in tip.marks)
        return dataclasses.replace(
            tip, last=point(100), marks=tuple(sorted(kept.values()))
        )


class EnergyTest(base.BaseTestCase):
    @hypothesis.given(probes(), strategies.lists(dates))
    def test_it_never_falls_and_adds_up_to_the_total(self, histories, some):
        result = bill.bill(histories)

        energies = [
            bill.energy_at(histories, result, date)
            for date in [BEFORE, *sorted(some), AFTER]
        ]

        self.assertEqual(0, energies[0])
        self.assertEqual(result.total.millijoules, energies[-1])
        for earlier, later in itertools.pairwise(energies):
            self.assertLessEqual(earlier, later)

    @hypothesis.given(probes(), strategies.lists(dates), strategies.data())
    def test_cells_keep_what_was_settled_if_others_are_voided(
        self, histories, some, data
    ):
        # Cells that are older than the horizon are not settled again.
        voided = data.draw(strategies.sampled_from(histories)).key
        settled = bill.bill(histories)
        overlaps = {
            (start, known): overlap
            for (start, known), overlap in settled.overlaps.items()
            if known != voided
        }
        left = [
            dataclasses.replace(each, voided=each.voided or each.key == voided)
            for each in histories
        ]

        line = timeline.Timeline(left, settled.openings, overlaps)

        shares = [line.until(date) for date in [BEFORE, *sorted(some), AFTER]]
        total = sum(each.last.millijoules for each in left if not each.voided)
        total -= sum(each.millijoules for each in overlaps.values())
        self.assertEqual((0, 0, 0), shares[0])
        self.assertEqual(total, shares[-1].millijoules)
        for earlier, later in itertools.pairwise(shares):
            self.assertGreaterEqual(min(later.minus(earlier)), 0)

    @hypothesis.given(probes(), dates)
    def test_a_cell_has_what_is_not_overlap(self, histories, date):
        result = bill.bill(histories)
        start = cells.start_of(date)

        share = sum(
            each.within([(start, start + CELL)]).millijoules
            for each in curves_of(histories, result)
        )
        overlap = sum(
            each.millijoules
            for (cell, _), each in result.overlaps.items()
            if cell == start
        )

        energy = bill.energy_at(histories, result, start + CELL)
        energy -= bill.energy_at(histories, result, start)
        self.assertEqual(share - overlap, energy)
