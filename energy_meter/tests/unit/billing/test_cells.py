# SPDX-License-Identifier: Apache-2.0

"""In a quarter-hour, one line is billed first, and others fill the rest."""

from oslotest import base

from energy_meter.billing import bill
from energy_meter.billing import cells
from energy_meter.billing import curve
from energy_meter.billing import lines
from energy_meter.tests.unit.billing.stories import after
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import key
from energy_meter.tests.unit.billing.stories import MINUTE
from energy_meter.tests.unit.billing.stories import register
from energy_meter.tests.unit.billing.stories import SECOND

END = DAY + CELL


class CellTest(base.BaseTestCase):
    """Registers in one cell."""

    def overlaps(self, *histories):
        """Return the seconds for which registers are not billed.

        Metered, if that differs from the elapsed time.
        """
        seconds = {}
        for (start, known), share in bill.bill(histories).overlaps.items():
            self.assertEqual(DAY, start)
            self.assertEqual(1_000 * share.metered, share.millijoules)
            seconds[known.agent + known.id] = share.elapsed / SECOND
        return {name[len('uuid-') :]: each for name, each in seconds.items()}

    def test_the_first_by_name_is_billed(self):
        self.assertEqual(
            {'b1': 900},
            self.overlaps(register(DAY, END, 'b'), register(DAY, END)),
        )

    def test_less_than_a_minute_more_changes_nothing(self):
        self.assertEqual(
            {'b1': 840},
            self.overlaps(
                register(DAY + MINUTE, END), register(DAY, END, 'b')
            ),
        )

    def test_the_one_that_covers_a_minute_more_is_billed(self):
        start = DAY + MINUTE + 1

        self.assertEqual(
            {'a1': 839.999},
            self.overlaps(register(start, END), register(DAY, END, 'b')),
        )

    def test_what_the_first_left_is_filled(self):
        gap = (DAY + MINUTE, DAY + MINUTE + 50 * SECOND)

        self.assertEqual(
            {'a1': 50, 'b1': 850},
            self.overlaps(
                register(DAY, END, gaps=[gap]), register(DAY, END, 'b')
            ),
        )

    def test_a_gap_of_both_elapses_once(self):
        gap = (DAY + MINUTE, DAY + 2 * MINUTE)

        result = bill.bill(
            [
                register(DAY, END, gaps=[gap]),
                register(DAY, END, 'b', gaps=[gap]),
            ]
        )

        self.assertEqual((840_000_000, 840_000, 900_000), result.total)

    def test_a_restart_does_not_pass_the_cell_on(self):
        restart = DAY + 5 * MINUTE

        self.assertEqual(
            {'b1': 870},
            self.overlaps(
                register(DAY, restart),
                register(
                    restart + 30 * SECOND,
                    END,
                    name='2',
                    follows=after('1', 5 * MINUTE),
                ),
                register(DAY, END, 'b'),
            ),
        )

    def test_the_rest_of_the_first_line_comes_before_better_ones(self):
        # C covers more than each of A's registers, and than B.
        restart = DAY + 5 * MINUTE

        self.assertEqual(
            {'b1': 890, 'c1': 900},
            self.overlaps(
                register(DAY, restart),
                register(restart, END, name='2', follows=after('1', 300_000)),
                register(DAY + 10 * SECOND, END, 'b'),
                register(DAY, END, 'c'),
            ),
        )

    def test_the_next_is_the_one_that_covers_most(self):
        # A ends early. C, which leaves 5 min less open than B, fills it.
        self.assertEqual(
            {'b1': 360, 'c1': 600},
            self.overlaps(
                register(DAY, DAY + 12 * MINUTE),
                register(DAY + 9 * MINUTE, END, 'b'),
                register(DAY + 2 * MINUTE, END, 'c'),
            ),
        )

    def test_of_two_that_cover_as_much_the_next_is_the_first_by_name(self):
        gap = (DAY + 6 * MINUTE, DAY + 9 * MINUTE)

        self.assertEqual(
            {'a1': 180, 'b1': 300, 'c1': 480},
            self.overlaps(
                register(DAY, END, gaps=[gap]),
                register(DAY + 5 * MINUTE, DAY + 13 * MINUTE, 'b'),
                register(DAY + 2 * MINUTE, DAY + 10 * MINUTE, 'c'),
            ),
        )

    def test_dates_within_a_line_do_not_matter(self):
        # Two boots of which the clock says the same.
        self.assertEqual(
            {},
            self.overlaps(
                register(DAY, END, arrives=DAY + HOUR),
                register(
                    DAY,
                    END,
                    name='2',
                    arrives=DAY + HOUR,
                    follows=after('1', CELL),
                ),
            ),
        )

    def test_of_copies_the_better_one_is_billed(self):
        copied = DAY + 5 * MINUTE

        self.assertEqual(
            {'a2': 480},
            self.overlaps(
                register(DAY, copied),
                register(
                    copied + 2 * MINUTE,
                    END,
                    name='2',
                    follows=after('1', 5 * MINUTE),
                ),
                register(copied, END, name='3', follows=after('1', 300_000)),
            ),
        )

    def test_whole_segments_come_before_partial_ones(self):
        # A lost the marks of its gap, so its energy may be anywhere.
        gap = (DAY + MINUTE, DAY + 10 * MINUTE)
        spread = register(DAY, END, gaps=[gap], lost_marks=True)

        result = bill.bill([spread, register(DAY + MINUTE, END, 'b')])

        overlap = result.overlaps[DAY, key('a', '1')]
        self.assertEqual({(DAY, key('a', '1'))}, set(result.overlaps))
        self.assertEqual(840_000, overlap.elapsed)
        self.assertEqual(
            840_000_000 + 360_000_000 * 60 // 900, result.total.millijoules
        )

    def test_voided_registers_take_nothing(self):
        result = bill.bill(
            [register(DAY, END, voided=True), register(DAY, END, 'b')]
        )

        self.assertEqual({}, result.overlaps)
        self.assertEqual(900_000, result.total.elapsed)


class GridTest(base.BaseTestCase):
    def test_cells_begin_at_quarter_hours(self):
        self.assertEqual(DAY, cells.start_of(DAY))
        self.assertEqual(DAY, cells.start_of(END - 1))
        self.assertEqual(END, cells.start_of(END))
        self.assertEqual(DAY, cells.end_of(DAY))
        self.assertEqual(END, cells.end_of(DAY + 1))
        self.assertEqual(END, cells.end_of(END))

    def test_only_cells_that_concurrent_registers_share_have_overlap(self):
        result = bill.bill(
            [
                register(DAY, DAY + HOUR),
                register(DAY + 40 * MINUTE, DAY + 2 * HOUR, 'b'),
            ]
        )

        self.assertEqual(
            {
                (DAY + 2 * CELL, key('b', '1')): 300,
                (DAY + 3 * CELL, key('b', '1')): 900,
            },
            {
                place: share.elapsed // SECOND
                for place, share in result.overlaps.items()
            },
        )

    def test_a_line_shares_no_cells(self):
        line = [
            register(DAY, DAY + HOUR),
            register(DAY, DAY + HOUR, name='2', follows=after('1', HOUR)),
        ]
        known = lines.Lines(line)
        curves = [curve.Curve(each, DAY) for each in line]

        self.assertEqual([], cells.shared(curves, known, None))

    def test_a_few_milliseconds_are_shared(self):
        result = bill.bill(
            [
                register(DAY, DAY + HOUR + 2),
                register(DAY + HOUR, DAY + 2 * HOUR, 'b'),
            ]
        )

        self.assertEqual(2 * HOUR, result.total.elapsed)

    def test_the_cell_after_the_last_that_is_shared_is_not(self):
        pair = [register(DAY, DAY + HOUR), register(DAY, END, 'b')]
        curves = [curve.Curve(each, DAY) for each in pair]

        shared = cells.shared(curves, lines.Lines(pair), None)

        self.assertEqual([(DAY, curves)], shared)

    def test_only_cells_that_end_after_a_date_are_computed(self):
        histories = [
            register(DAY, DAY + HOUR),
            register(DAY, DAY + HOUR, 'b'),
        ]

        def starts(since):
            overlaps = bill.bill(histories, since).overlaps
            return [(start - DAY) // CELL for start, _ in overlaps]

        self.assertEqual([0, 1, 2, 3], starts(None))
        self.assertEqual([0, 1, 2, 3], starts(DAY - HOUR))
        self.assertEqual([0, 1, 2, 3], starts(END - 1))
        self.assertEqual([1, 2, 3], starts(END))
        self.assertEqual([3], starts(DAY + HOUR - 1))
        self.assertEqual([], starts(DAY + HOUR))
