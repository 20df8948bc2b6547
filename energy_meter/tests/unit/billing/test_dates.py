# SPDX-License-Identifier: Apache-2.0

"""Dates come from the agent's clock, within what arrival times allow."""

import dataclasses

from oslotest import base

from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import lines
from energy_meter.tests.unit.billing import stories
from energy_meter.tests.unit.billing.stories import after
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import key
from energy_meter.tests.unit.billing.stories import MINUTE
from energy_meter.tests.unit.billing.stories import SECOND

#: The bus works again.
BACK = DAY + 12 * HOUR


def openings(*histories):
    found = dates.openings(histories, lines.Lines(histories))
    return {key.id: opening for key, opening in found.items()}


def opening(**fields):
    return openings(stories.register(DAY, DAY + HOUR, **fields))['1']


class LiveTest(base.BaseTestCase):
    def assert_live(self, expected, lags):
        known = stories.register(DAY, DAY + HOUR)
        lags = [history.NO_LAG if lag is None else DAY + lag for lag in lags]
        known = dataclasses.replace(known, lags=tuple(lags))
        self.assertIs(expected, dates.is_live(known))

    def test_two_timely_measurements_a_minute_apart_are_live(self):
        self.assert_live(True, [200, None, 12_200, None, None])
        self.assert_live(True, [None, 12_200, None, None, 200])

    def test_a_late_one_is_not(self):
        self.assert_live(False, [200, None, 12_201, None, None])

    def test_neighboring_minutes_are_not(self):
        self.assert_live(False, [200, 200, None, None, None])
        self.assert_live(False, [200, None, None, None, 200])

    def test_a_drained_backlog_is_not(self):
        known = stories.register(DAY, DAY + HOUR, arrives=BACK)

        self.assertFalse(dates.is_live(known))


class LiveOpeningTest(base.BaseTestCase):
    def test_a_right_clock_is_used(self):
        self.assertEqual((DAY, True, None), opening())

    def test_a_clock_less_than_30_s_behind_is_used(self):
        self.assertEqual(
            (DAY - 29_800, True, None), opening(clock=-29_800, delay=200)
        )

    def test_a_clock_behind_is_corrected(self):
        self.assertEqual(
            (DAY + 200, True, 'clock_behind'), opening(clock=-29_801)
        )

    def test_a_clock_1_s_ahead_of_arrival_is_used(self):
        self.assertEqual((DAY + 1_200, True, None), opening(clock=1_200))

    def test_a_clock_ahead_is_corrected(self):
        self.assertEqual(
            (DAY + 200, True, 'clock_ahead'), opening(clock=1_201)
        )

    def test_a_clock_that_is_not_set_may_be_right(self):
        self.assertEqual((DAY, True, None), opening(synced=False))


class LateOpeningTest(base.BaseTestCase):
    """All measurements arrive after an outage."""

    def test_a_clock_within_its_bounds_is_used(self):
        self.assertEqual((DAY, False, None), opening(arrives=BACK))

    def test_a_clock_ahead_of_arrival_is_corrected(self):
        by = BACK + 200 - HOUR

        self.assertEqual(
            (by, False, 'clock_ahead'),
            opening(arrives=BACK, clock=12 * HOUR),
        )

    def test_a_clock_that_was_never_set_is_not_used(self):
        by = BACK + 200 - HOUR

        self.assertEqual(
            (by, False, 'clock_unset'),
            opening(arrives=BACK, clock=-HOUR, synced=False),
        )

    def test_registers_end_before_those_that_follow_them_begin(self):
        # Three boots of a machine whose clock does not run while it is off.
        found = openings(
            stories.register(DAY, DAY + HOUR, clock=20 * HOUR, arrives=BACK),
            stories.register(
                DAY + HOUR,
                DAY + 3 * HOUR,
                name='2',
                clock=19 * HOUR,
                arrives=BACK,
                follows=after('1', HOUR),
            ),
            stories.register(
                DAY + 4 * HOUR,
                BACK + HOUR,
                name='3',
                arrives=BACK,
                follows=after('2', 2 * HOUR),
            ),
        )

        self.assertTrue(found['3'].live)
        self.assertEqual((DAY + 2 * HOUR, False), found['2'][:2])
        self.assertEqual((DAY + HOUR, False), found['1'][:2])

    def test_the_nearest_live_one_before_is_a_lower_bound(self):
        found = openings(
            stories.register(DAY, DAY + HOUR),
            stories.register(
                DAY + HOUR,
                DAY + 3 * HOUR,
                name='2',
                clock=-2 * HOUR,
                arrives=BACK,
                follows=after('1', HOUR),
            ),
            stories.register(
                DAY + 4 * HOUR,
                DAY + 5 * HOUR,
                name='3',
                clock=-20 * HOUR,
                arrives=BACK,
                follows=after('2', 2 * HOUR),
            ),
        )

        self.assertEqual((DAY + HOUR, False, 'clock_behind'), found['2'])
        self.assertEqual((DAY + 3 * HOUR, False, 'clock_behind'), found['3'])

    def test_arrival_wins_over_the_lower_bound(self):
        # The first register claims to have run for longer than it could.
        found = openings(
            stories.register(DAY, DAY + 24 * HOUR),
            stories.register(
                DAY + HOUR,
                DAY + 3 * HOUR,
                name='2',
                arrives=BACK,
                follows=after('1', 24 * HOUR),
            ),
        )

        self.assertEqual(BACK + 200 - 2 * HOUR, found['2'].opened)
        self.assertEqual('clock_behind', found['2'].correction)

    def test_the_earliest_of_two_copies_is_an_upper_bound(self):
        found = openings(
            stories.register(DAY, DAY + HOUR, clock=HOUR, arrives=BACK),
            stories.register(
                DAY + 2 * HOUR,
                DAY + 3 * HOUR,
                name='2',
                follows=after('1', HOUR),
            ),
            stories.register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='3',
                follows=after('1', HOUR),
            ),
        )

        self.assertEqual((DAY, False, 'clock_ahead'), found['1'])

    def test_without_a_clock_a_register_ends_where_the_next_begins(self):
        # The clock was set between the second and the third, in the outage.
        found = openings(
            stories.register(DAY, DAY + HOUR, arrives=BACK, synced=False),
            stories.register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='2',
                clock=20 * HOUR,
                arrives=BACK,
                follows=after('1', HOUR),
            ),
            stories.register(
                DAY + 2 * HOUR,
                DAY + 3 * HOUR,
                name='3',
                arrives=BACK,
                follows=after('2', HOUR),
            ),
        )

        self.assertEqual((DAY + 2 * HOUR, False, None), found['3'])
        self.assertEqual((DAY + HOUR, False, 'clock_ahead'), found['2'])
        self.assertEqual((DAY, False, 'clock_unset'), found['1'])

    def test_the_nearest_live_one_after_is_an_upper_bound(self):
        # The clock of the first is ahead, but not of arrival.
        found = openings(
            stories.register(DAY, DAY + HOUR, clock=9 * HOUR, arrives=BACK),
            stories.register(
                DAY + HOUR,
                DAY + 3 * HOUR,
                name='2',
                arrives=BACK,
                follows=after('1', HOUR),
            ),
            stories.register(
                DAY + 4 * HOUR,
                BACK + HOUR,
                name='3',
                arrives=BACK,
                follows=after('2', 2 * HOUR),
            ),
        )

        self.assertEqual((DAY + HOUR, False, None), found['2'])
        self.assertEqual((DAY, False, 'clock_ahead'), found['1'])

    def test_a_clock_that_can_be_right_is_used_whatever_the_next_says(self):
        found = openings(
            stories.register(DAY, DAY + HOUR, arrives=BACK),
            stories.register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='2',
                clock=-20 * HOUR,
                arrives=BACK,
                follows=after('1', HOUR),
            ),
        )

        self.assertEqual((DAY, False, None), found['1'])

    def test_without_a_clock_a_register_does_not_begin_before_a_live_one(self):
        found = openings(
            stories.register(DAY, DAY + HOUR),
            stories.register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='2',
                arrives=BACK,
                follows=after('1', HOUR),
                synced=False,
            ),
            stories.register(
                DAY + 2 * HOUR,
                DAY + 3 * HOUR,
                name='3',
                pinned_opened=DAY,
                arrives=BACK,
                follows=after('2', HOUR),
            ),
        )

        self.assertEqual(DAY + HOUR, found['2'].opened)

    def test_voided_registers_are_bounds(self):
        found = openings(
            stories.register(DAY, DAY + HOUR, clock=HOUR, arrives=BACK),
            stories.register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='2',
                follows=after('1', HOUR),
                voided=True,
            ),
        )

        self.assertEqual(DAY, found['1'].opened)

    def test_a_few_ms_are_not_worth_an_alarm(self):
        by = BACK + 200 - HOUR

        self.assertEqual(
            (by, False, None),
            opening(arrives=BACK, clock=by + SECOND - DAY),
        )


class PinnedOpeningTest(base.BaseTestCase):
    def test_a_pinned_date_wins(self):
        for arrives in (0, BACK):
            pinned = opening(arrives=arrives, pinned_opened=DAY - MINUTE)

            self.assertEqual(DAY - MINUTE, pinned.opened)
            self.assertEqual('clock_ahead', pinned.correction)

    def test_a_pinned_date_of_a_live_register_is_a_bound(self):
        found = openings(
            stories.register(DAY, DAY + HOUR, pinned_opened=DAY + MINUTE),
            stories.register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='2',
                arrives=BACK,
                follows=after('1', HOUR),
            ),
        )

        self.assertEqual(DAY + HOUR + MINUTE, found['2'].opened)


class OpeningOfAllTest(base.BaseTestCase):
    def test_every_register_has_an_opening(self):
        histories = [
            stories.register(DAY, DAY + HOUR),
            stories.register(DAY, DAY + HOUR, 'b', voided=True),
        ]

        found = dates.openings(histories, lines.Lines(histories))

        self.assertEqual({key('a', '1'), key('b', '1')}, set(found))
