# SPDX-License-Identifier: Apache-2.0

"""The energy of a time is the difference of what was billed by two dates."""

import dataclasses
import itertools

from oslotest import base

from energy_meter.billing import bill
from energy_meter.billing import timeline
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import KWH
from energy_meter.tests.unit.billing.stories import MINUTE
from energy_meter.tests.unit.billing.stories import register
from energy_meter.tests.unit.billing.stories import SECOND

#: B meters A's probe, too, and goes on alone. A has a gap of 5 min.
GAP = (DAY + 20 * MINUTE, DAY + 25 * MINUTE)
HISTORIES = [
    register(DAY, DAY + HOUR, gaps=[GAP]),
    register(DAY + 10 * MINUTE, DAY + 90 * MINUTE, 'b', watts=2_000),
]


class TimelineTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.bill = bill.bill(HISTORIES)

    def kilowatt_minutes(self, date):
        energy = bill.energy_at(HISTORIES, self.bill, DAY + date)
        return energy * 60 / KWH

    def test_cells_without_overlap_need_no_ranking(self):
        self.assertEqual(0, self.kilowatt_minutes(0))
        self.assertEqual(5, self.kilowatt_minutes(5 * MINUTE))

    def test_inside_of_a_cell_each_instant_is_billed_once(self):
        # A is billed in the first cell, B in the second: A's gap is longer
        # than a minute. A is billed again in the third.
        self.assertEqual(12, self.kilowatt_minutes(12 * MINUTE))
        self.assertEqual(15 + 2 * 7, self.kilowatt_minutes(22 * MINUTE))
        self.assertEqual(15 + 2 * 15 + 10, self.kilowatt_minutes(40 * MINUTE))

    def test_what_was_settled_for_a_cell_stays(self):
        # B was voided when the cell was too old to be settled again. A has
        # energy left in the cell before its gap, and it is not billed.
        a, b = HISTORIES
        overlaps = {
            place: overlap
            for place, overlap in self.bill.overlaps.items()
            if place[1] == a.key
        }
        line = timeline.Timeline(
            [a, dataclasses.replace(b, voided=True)],
            self.bill.openings,
            overlaps,
        )

        billed = [
            line.until(DAY + date * MINUTE).millijoules * 60 // KWH
            for date in (15, 17, 25, 30, 31)
        ]

        self.assertEqual([15, 15, 15, 15, 16], billed)

    def test_after_the_end_it_is_the_total(self):
        total = 15 + 2 * 15 + 30 + 2 * 30

        self.assertEqual(total, self.kilowatt_minutes(2 * HOUR))
        self.assertEqual(
            self.bill.total.millijoules,
            bill.energy_at(HISTORIES, self.bill, 2**62),
        )

    def test_metered_and_elapsed_time_are_billed_alike(self):
        line = timeline.Timeline(
            HISTORIES, self.bill.openings, self.bill.overlaps
        )

        for date in range(0, 90 * MINUTE, 7 * SECOND):
            self.assertEqual(date, line.until(DAY + date).elapsed)
            self.assertEqual(date, line.until(DAY + date).metered)

    def test_the_end_of_a_cell_is_the_start_of_the_next(self):
        steps = [
            self.kilowatt_minutes(number * CELL + offset)
            for number in range(1, 6)
            for offset in (-1, 0, 1)
        ]

        for before, after in itertools.pairwise(steps):
            self.assertGreater(after, before)
