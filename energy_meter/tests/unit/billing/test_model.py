# SPDX-License-Identifier: Apache-2.0

"""Bills of histories, checked against a model that knows the true energy."""

import dataclasses
import itertools
import random

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter import measurement
from energy_meter.billing import bill as billing
from energy_meter.billing import history
from energy_meter.tests import unmeasured
from energy_meter.tests.model import bounds
from energy_meter.tests.model import bus
from energy_meter.tests.model import histories
from energy_meter.tests.model import joined
from energy_meter.tests.model import relations
from energy_meter.tests.model import world

#: Generators whose values hypothesis chooses, to find the smallest history.
GENERATORS = strategies.randoms(use_true_random=False)
HISTORIES = strategies.builds(
    histories.generate,
    strategies.sampled_from([*histories.FAMILIES]),
    GENERATORS,
)
PARTS = strategies.floats(0.0, 1.0)
EVER = 2**62
INTERVALS = 20

settings = hypothesis.settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        hypothesis.HealthCheck.large_base_example,
        hypothesis.HealthCheck.too_slow,
    ],
)


def first_part(of: world.History, part: float) -> list[bus.Arrival]:
    """Return what arrived first."""
    return of.arrivals[: 1 + int(part * len(of.arrivals))]


class BillTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.useFixture(unmeasured.Unmeasured())

    @hypothesis.settings(settings, max_examples=150)
    @hypothesis.given(HISTORIES, PARTS)
    def test_energy_is_that_of_the_union(
        self, of: world.History, part: float
    ) -> None:
        """What arrived by any time is billed, once, within the bounds."""
        known = joined.join(first_part(of, part))

        bill = billing.bill(known)

        error = bill.total.millijoules - of.due(known)
        self.assertLessEqual(abs(error), bounds.total(of, known, bill))

    @hypothesis.settings(settings, max_examples=100)
    @hypothesis.given(HISTORIES, PARTS)
    def test_dates_are_those_of_the_openings(
        self, of: world.History, part: float
    ) -> None:
        known = joined.join(first_part(of, part))

        bill = billing.bill(known)

        for key, bound in relations.errors_of_dates(of, known).items():
            error = bill.openings[key].opened - of.registers[key].opened
            self.assertLessEqual(bound.least, error)
            self.assertLessEqual(error, bound.largest)
        for register in known:
            live = relations.is_live(register)
            self.assertEqual(live, bill.openings[register.key].live)

    @settings
    @hypothesis.given(HISTORIES, GENERATORS)
    def test_any_order_of_processing_gives_the_same_bill(
        self, of: world.History, generator: random.Random
    ) -> None:
        arrivals = list(of.arrivals)
        random.Random(generator.getrandbits(32)).shuffle(arrivals)

        known = joined.join(arrivals)
        generator.shuffle(known)

        self.assertEqual(billing.bill(of.known), billing.bill(known))

    @settings
    @hypothesis.given(HISTORIES, GENERATORS)
    def test_intervals_are_within_bounds(
        self, of: world.History, generator: random.Random
    ) -> None:
        """Each is not negative, and all of them add up to the total."""
        bill = billing.bill(of.known)
        dates = [of.arrivals[0].time - world.DAY * 60, EVER]
        for _ in range(INTERVALS):
            dates.append(generator.choice(of.arrivals).time)
        dates.sort()

        values = [billing.energy_at(of.known, bill, date) for date in dates]

        self.assertEqual([0, bill.total.millijoules], [values[0], values[-1]])
        for before, after in itertools.pairwise(values):
            self.assertLessEqual(before, after)
        for date, value in zip(dates, values, strict=True):
            error = abs(value - of.due(of.known, date))
            bound = bounds.until(of, of.known, bill, date)
            self.assertLessEqual(error, bound)

    @settings
    @hypothesis.given(HISTORIES)
    def test_overlaps_are_part_of_what_their_registers_metered(
        self, of: world.History
    ) -> None:
        bill = billing.bill(of.known)

        left = {known.key: known.last for known in of.known}
        for (_, key), overlap in bill.overlaps.items():
            self.assertGreaterEqual(min(overlap), 0)
            left[key] = measurement.Point(
                left[key].elapsed - overlap.elapsed,
                left[key].millijoules - overlap.millijoules,
                left[key].metered - overlap.metered,
            )
        for point in left.values():
            self.assertGreaterEqual(min(point), 0)

    @settings
    @hypothesis.given(HISTORIES, PARTS)
    def test_cells_are_the_same_without_those_before(
        self, of: world.History, part: float
    ) -> None:
        since = first_part(of, part)[-1].time
        all_cells = billing.bill(of.known)

        bill = billing.bill(of.known, since)

        self.assertEqual(
            {
                place: overlap
                for place, overlap in all_cells.overlaps.items()
                if place[0] + bounds.CELL > since
            },
            bill.overlaps,
        )

    @settings
    @hypothesis.given(HISTORIES, PARTS)
    def test_tip_goes_on_without_a_change_of_overlaps(
        self, of: world.History, part: float
    ) -> None:
        arrived = first_part(of, part)
        known = joined.join(arrived)
        bill = billing.bill(known)
        hypothesis.assume(bill.tip is not None)
        later = {k.key: k for k in of.known}[bill.tip]

        known = [_advance(k, later) if k.key == bill.tip else k for k in known]
        advanced = billing.bill(known)

        self.assertEqual(bill.overlaps, advanced.overlaps)
        self.assertEqual(bill.openings, advanced.openings)


def _advance(
    known: history.RegisterHistory, later: history.RegisterHistory
) -> history.RegisterHistory:
    """Return a register with its later measurements and newer marks."""
    newest = max((mark.elapsed for mark in known.marks), default=0)
    newer = tuple(mark for mark in later.marks if mark.elapsed > newest)
    return dataclasses.replace(
        known, last=later.last, marks=(*known.marks, *newer)
    )
