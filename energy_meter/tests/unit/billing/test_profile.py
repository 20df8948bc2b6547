# SPDX-License-Identifier: Apache-2.0

"""Each interval states its energy, and how well that is known."""

import dataclasses

from oslotest import base

from energy_meter.billing import bill
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.tests.unit.billing.stories import after
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import KWH
from energy_meter.tests.unit.billing.stories import MINUTE
from energy_meter.tests.unit.billing.stories import register
from energy_meter.tests.unit.billing.stories import SECOND

NONE = profile.Clock(0)
#: Energy of a quarter-hour at 1 kW.
QUARTER = KWH // 4


def timeline_of(*histories):
    result = bill.bill(histories)
    return timeline.Timeline(histories, result.openings, result.overlaps)


def intervals(*histories, start=DAY, until=DAY + HOUR, step=CELL):
    return profile.intervals(
        timeline_of(*histories), range(start, until + 1, step)
    )


def without_marks(known, *dates):
    """Return a register of which the marks of some dates are lost."""
    elapsed = {date - DAY for date in dates}
    marks = (mark for mark in known.marks if mark.elapsed not in elapsed)
    return dataclasses.replace(known, marks=tuple(marks))


class IntervalTest(base.BaseTestCase):
    """The limits of quality."""

    def interval(self, **changes):
        return profile.Interval(0, 1000, 1000, 1000, 0, NONE)._replace(
            **changes
        )

    def test_interval_that_was_metered_is_measured(self):
        self.assertEqual('measured', self.interval().quality)
        self.assertEqual('measured', self.interval(metered=980).quality)

    def test_interval_metered_for_less_than_98_percent_is_partial(self):
        self.assertEqual('partial', self.interval(metered=979).quality)
        self.assertEqual('partial', self.interval(metered=10).quality)

    def test_interval_metered_for_less_than_1_percent_is_missing(self):
        self.assertEqual('missing', self.interval(metered=9).quality)

    def test_interval_uncertain_by_more_than_1_percent_is_estimated(self):
        self.assertEqual('measured', self.interval(uncertain=10).quality)
        self.assertEqual('estimated', self.interval(uncertain=11).quality)

    def test_interval_without_energy_is_estimated_if_it_may_have_any(self):
        idle = self.interval(millijoules=0)

        self.assertEqual('measured', idle.quality)
        self.assertEqual('estimated', idle._replace(uncertain=1).quality)

    def test_coverage_is_a_share(self):
        # A clock that was set back meters the same dates twice.
        self.assertEqual(1.0, self.interval(metered=1900).coverage)
        self.assertEqual(0.25, self.interval(metered=250).coverage)


class OneRegisterTest(base.BaseTestCase):
    def test_healthy_register_has_an_exact_profile(self):
        tested = intervals(register(DAY - HOUR, DAY + 2 * HOUR))

        self.assertEqual(
            [
                profile.Interval(
                    date, date + CELL, QUARTER, CELL, 0, profile.Clock(0)
                )
                for date in range(DAY, DAY + HOUR, CELL)
            ],
            tested,
        )
        self.assertEqual({'measured'}, {each.quality for each in tested})

    def test_instant_off_the_grid_is_uncertain_by_the_larger_part(self):
        line = timeline_of(register(DAY, DAY + HOUR))

        early, middle, late = (
            line.edge(DAY + CELL * part // 15).uncertain for part in (1, 8, 14)
        )

        self.assertEqual(QUARTER * 14 // 15, early)
        self.assertEqual(QUARTER * 8 // 15, middle)
        self.assertEqual(QUARTER * 14 // 15, late)

    def test_nothing_is_uncertain_where_nothing_was_metered(self):
        line = timeline_of(register(DAY, DAY + HOUR))

        for date in (DAY - DAY, DAY, DAY + HOUR, DAY + 2 * HOUR):
            self.assertEqual(0, line.edge(date).uncertain)

    def test_lost_mark_makes_the_intervals_beside_it_estimated(self):
        whole = register(DAY, DAY + HOUR)

        tested = intervals(without_marks(whole, DAY + 2 * CELL))

        self.assertEqual(
            ['measured', 'estimated', 'estimated', 'measured'],
            [each.quality for each in tested],
        )
        # Each may have the energy of both.
        self.assertEqual(
            [0, QUARTER, QUARTER, 0], [each.uncertain for each in tested]
        )
        self.assertEqual(KWH, sum(each.millijoules for each in tested))

    def test_interval_around_a_lost_mark_is_exact(self):
        whole = register(DAY, DAY + HOUR)

        (tested,) = intervals(
            without_marks(whole, DAY + 2 * CELL), step=4 * CELL
        )

        self.assertEqual(('measured', KWH), (tested.quality, tested[2]))

    def test_gap_without_energy_adds_no_uncertainty(self):
        # It divides the first two quarter-hours.
        gap = DAY + 10 * MINUTE, DAY + 20 * MINUTE

        tested = intervals(
            without_marks(register(DAY, DAY + HOUR, gaps=[gap]), DAY + CELL)
        )

        self.assertEqual(
            ['partial', 'partial', 'measured', 'measured'],
            [each.quality for each in tested],
        )
        self.assertEqual({0}, {each.uncertain for each in tested})
        self.assertEqual(10 * MINUTE, tested[0].metered)
        self.assertEqual(QUARTER * 2 // 3, tested[0].millijoules)

    def test_lost_ends_of_a_gap_leave_the_energy_uncertain(self):
        gap = DAY + 10 * MINUTE, DAY + 20 * MINUTE
        whole = register(DAY, DAY + HOUR, gaps=[gap])

        tested = intervals(without_marks(whole, *gap, DAY + CELL))

        self.assertEqual(
            [QUARTER * 2 // 3] * 2, [each.millijoules for each in tested[:2]]
        )
        self.assertEqual(
            [QUARTER * 2 // 3] * 2, [each.uncertain for each in tested[:2]]
        )

    def test_two_hours_without_any_readings_are_missing(self):
        gap = DAY + HOUR, DAY + 3 * HOUR

        tested = intervals(
            register(DAY, DAY + 4 * HOUR, gaps=[gap]), until=DAY + 4 * HOUR
        )

        self.assertEqual(
            ['measured'] * 4 + ['missing'] * 8 + ['measured'] * 4,
            [each.quality for each in tested],
        )
        self.assertEqual({0}, {each.millijoules for each in tested[4:12]})

    def test_time_between_registers_is_missing(self):
        stopped = register(DAY, DAY + CELL)
        started = register(
            DAY + 2 * CELL, DAY + HOUR, name='2', follows=after('1', CELL)
        )

        tested = intervals(stopped, started)

        self.assertEqual(
            ['measured', 'missing', 'measured', 'measured'],
            [each.quality for each in tested],
        )

    def test_voided_register_has_no_intervals(self):
        tested = intervals(register(DAY, DAY + HOUR, voided=True))

        self.assertEqual({(0, 0, 0)}, {each[2:5] for each in tested})


class ClockTest(base.BaseTestCase):
    def clocks(self, *histories, **options):
        return [each.clock for each in intervals(*histories, **options)]

    def test_corrected_clock_is_stated_where_it_metered(self):
        for clock, correction in (
            (HOUR, profile.Clock.AHEAD),
            (-HOUR, profile.Clock.BEHIND),
        ):
            known = register(DAY + CELL, DAY + 3 * CELL, clock=clock, delay=0)

            self.assertEqual(
                [NONE, correction, correction, NONE], self.clocks(known)
            )

    def test_clock_that_was_never_set_is_stated(self):
        # It is not heard live: all of it arrives after an outage.
        known = register(DAY, DAY + HOUR, arrives=DAY + 2 * HOUR, synced=False)

        clocks = self.clocks(known, start=DAY + HOUR, until=DAY + 2 * HOUR)

        self.assertEqual([profile.Clock.UNSET] * 4, clocks)

    def test_clock_of_a_standby_agent_does_not_matter(self):
        active = register(DAY, DAY + HOUR)
        standby = register(DAY, DAY + HOUR, 'b', clock=HOUR)

        self.assertEqual([NONE] * 4, self.clocks(active, standby))

    def test_clock_of_the_agent_that_fills_a_gap_matters(self):
        gap = DAY + 20 * MINUTE, DAY + 25 * MINUTE
        active = register(DAY, DAY + HOUR, gaps=[gap])
        standby = register(DAY, DAY + HOUR, 'b', clock=HOUR, delay=0)

        self.assertEqual(
            [NONE, profile.Clock.AHEAD, NONE, NONE],
            self.clocks(active, standby),
        )

    def test_clock_set_back_is_stated_where_dates_repeat(self):
        # The clock, ahead by 30 min, is set at 1:00. The database's clock
        # corrects nothing, as all arrives after an outage.
        late = DAY + 3 * HOUR
        before = register(DAY + 2 * CELL, DAY + 6 * CELL, arrives=late)
        following = register(
            DAY + 4 * CELL,
            DAY + 8 * CELL,
            name='2',
            follows=after('1', HOUR),
            arrives=late,
        )

        tested = intervals(before, following, until=DAY + 2 * HOUR)

        self.assertEqual(
            [NONE] * 4 + [profile.Clock.STEP] * 2 + [NONE] * 2,
            [each.clock for each in tested],
        )
        self.assertEqual(2 * KWH, sum(each.millijoules for each in tested))

    def test_one_second_is_no_step(self):
        before = register(DAY, DAY + 2 * CELL)
        following = register(
            DAY + 2 * CELL - SECOND,
            DAY + HOUR,
            name='2',
            follows=after('1', 2 * CELL),
        )

        self.assertEqual([NONE] * 4, self.clocks(before, following))

    def test_step_is_found_beyond_the_register_before(self):
        # The second and the third register meter the time of the first.
        first = register(DAY, DAY + 3 * CELL)
        second = register(
            DAY + CELL,
            DAY + CELL + MINUTE,
            name='2',
            follows=after('1', 3 * CELL),
        )
        third = register(
            DAY + 2 * CELL, DAY + HOUR, name='3', follows=after('2', MINUTE)
        )

        self.assertEqual(
            [NONE, profile.Clock.STEP, profile.Clock.STEP, NONE],
            self.clocks(first, second, third),
        )

        second = dataclasses.replace(second, voided=True)
        self.assertEqual(
            [NONE, NONE, profile.Clock.STEP, NONE],
            self.clocks(first, second, third),
        )


class PairTest(base.BaseTestCase):
    """A second agent meters the same probe."""

    def test_standby_agent_without_marks_adds_no_uncertainty(self):
        active = register(DAY, DAY + HOUR)
        standby = register(DAY, DAY + HOUR, 'b', lost_marks=True)

        tested = intervals(active, standby)

        self.assertEqual({'measured'}, {each.quality for each in tested})
        self.assertEqual({0}, {each.uncertain for each in tested})

    def test_standby_agent_is_uncertain_where_it_is_billed(self):
        # A stops at 0:30. B meters all the time, but its mark at 0:45 is lost.
        active = register(DAY, DAY + 2 * CELL)
        standby = without_marks(
            register(DAY, DAY + HOUR, 'b', watts=2_000), DAY + 3 * CELL
        )

        tested = intervals(active, standby)

        self.assertEqual(
            [0, 0, 2 * QUARTER, 2 * QUARTER],
            [each.uncertain for each in tested],
        )
        self.assertEqual(
            [QUARTER, QUARTER, 2 * QUARTER, 2 * QUARTER],
            [each.millijoules for each in tested],
        )

    def test_handover_at_a_lost_mark_is_uncertain(self):
        # B's first quarter-hours are one segment, of which A has the first.
        active = register(DAY, DAY + CELL)
        standby = without_marks(register(DAY, DAY + HOUR, 'b'), DAY + CELL)

        tested = intervals(active, standby)

        self.assertEqual(
            [QUARTER, QUARTER, 0, 0], [each.uncertain for each in tested]
        )

    def test_register_that_is_billed_before_a_date_is_uncertain(self):
        # A stops soon after the second cell began, of which B has all.
        active = without_marks(
            register(DAY, DAY + CELL + 5 * MINUTE), DAY + CELL
        )
        standby = register(DAY + CELL, DAY + HOUR, 'b')

        tested = intervals(active, standby)

        self.assertEqual(
            [QUARTER, QUARTER, 0, 0], [each.uncertain for each in tested]
        )

    def test_instants_within_a_cell_are_billed_once(self):
        # B fills a minute of A.
        gap = DAY + 20 * MINUTE, DAY + 21 * MINUTE
        active = register(DAY, DAY + HOUR, gaps=[gap])
        standby = register(DAY, DAY + HOUR, 'b', watts=2_000, lost_marks=True)

        tested = intervals(active, standby, step=MINUTE)

        self.assertEqual(
            [1] * 20 + [2] + [1] * 39,
            [each.millijoules * 60 // KWH for each in tested],
        )

    def test_uncertainty_within_a_cell_is_that_of_the_billed_one(self):
        # A covers the first cell, B none of it, though it is uncertain.
        line = timeline_of(
            register(DAY, DAY + HOUR),
            register(DAY, DAY + HOUR, 'b', watts=2_000, lost_marks=True),
        )

        edges = [line.edge(DAY + minute * MINUTE) for minute in (5, 15, 35)]

        self.assertEqual(
            [QUARTER * 2 // 3, 0, QUARTER * 2 // 3],
            [each.uncertain for each in edges],
        )

    def test_sums_of_two_tilings_are_the_same(self):
        gap = DAY + 20 * MINUTE, DAY + 25 * MINUTE
        histories = [
            register(DAY, DAY + HOUR, gaps=[gap]),
            register(
                DAY + 7 * MINUTE, DAY + 90 * MINUTE, 'b', lost_marks=True
            ),
        ]

        sums = {
            sum(
                each.millijoules
                for each in intervals(
                    *histories, start=DAY, until=DAY + 2 * HOUR, step=step
                )
            )
            for step in (MINUTE, 4 * MINUTE, CELL, HOUR, 2 * HOUR)
        }

        self.assertEqual({bill.bill(histories).total.millijoules}, sums)

    def test_edges_do_not_depend_on_the_dates_before(self):
        # What a cell has is computed once.
        histories = [
            register(DAY, DAY + HOUR, gaps=[(DAY + 90_000, DAY + 300_000)]),
            register(DAY, DAY + HOUR, 'b'),
        ]
        dates = range(DAY, DAY + CELL, 10 * SECOND)
        line = timeline_of(*histories)

        for date in dates:
            self.assertEqual(
                timeline_of(*histories).edge(date), line.edge(date)
            )
