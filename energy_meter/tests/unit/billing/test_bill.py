# SPDX-License-Identifier: Apache-2.0

"""Each instant of a probe is billed once, whatever is known of it when."""

import dataclasses

from oslotest import base

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.tests.unit.billing.stories import after
from energy_meter.tests.unit.billing.stories import CELL
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import key
from energy_meter.tests.unit.billing.stories import KWH
from energy_meter.tests.unit.billing.stories import MINUTE
from energy_meter.tests.unit.billing.stories import register
from energy_meter.tests.unit.billing.stories import SECOND

#: 0.0002 kWh, in mJ.
ERROR = KWH // 5_000


class UnionTest(base.BaseTestCase):
    """What was billed twice, or lost, when registers had owners."""

    def assert_kwh(self, expected, result, error=ERROR):
        self.assertLessEqual(
            abs(result.total.millijoules - round(expected * KWH)), error
        )

    def test_two_agents_one_with_a_clock_an_hour_behind(self):
        result = bill.bill(
            [
                register(DAY, DAY + HOUR),
                register(DAY, DAY + HOUR, 'b', clock=-HOUR),
            ]
        )

        self.assert_kwh(1, result)
        self.assertEqual({'clock_behind', 'concurrent_agents'}, result.alarms)

    def test_a_move_to_an_agent_with_a_clock_behind(self):
        for behind in (HOUR, 24 * HOUR):
            result = bill.bill(
                [
                    register(DAY, DAY + HOUR),
                    register(DAY + HOUR, DAY + 2 * HOUR, 'b', clock=-behind),
                ]
            )

            self.assert_kwh(2, result)
            self.assertEqual(key('b', '1'), result.displayed)
            self.assertEqual({'clock_behind'}, result.alarms)

    def test_a_standby_pair_after_an_outage(self):
        # B's backlog arrives first. Of A, what arrived before is known.
        until = DAY + 7_319 * SECOND
        a, b = (register(DAY, until, agent) for agent in 'ab')
        a_before = register(DAY, DAY + 59 * SECOND)

        for known in ([a_before, b], [a, b]):
            result = bill.bill(known)

            self.assertEqual(7_319_000_000, result.total.millijoules)

    def test_a_move_during_an_outage(self):
        back = DAY + 90 * MINUTE
        for skew in (-SECOND, SECOND):
            result = bill.bill(
                [
                    register(DAY, DAY + HOUR),
                    register(
                        DAY + HOUR,
                        DAY + 80 * MINUTE,
                        'b',
                        clock=skew,
                        arrives=back,
                    ),
                ]
            )

            self.assert_kwh(1 + 20 / 60, result, 1_000 * SECOND)

    def test_state_restored_from_a_backup(self):
        result = bill.bill(
            [
                register(DAY, DAY + 48 * HOUR),
                register(
                    DAY + 49 * HOUR,
                    DAY + 73 * HOUR,
                    name='2',
                    follows=after('1', 24 * HOUR),
                ),
            ]
        )

        self.assert_kwh(72, result)
        self.assertEqual({'copied_state'}, result.alarms)

    def test_state_copied_to_a_second_machine(self):
        result = bill.bill(
            [
                register(DAY, DAY + HOUR),
                register(
                    DAY + 20 * MINUTE,
                    DAY + HOUR,
                    name='2',
                    follows=after('1', 20 * MINUTE),
                ),
            ]
        )

        self.assert_kwh(1, result)
        self.assertEqual({'copied_state'}, result.alarms)

    def test_a_virtual_machine_that_was_paused(self):
        paused, resumed = DAY + HOUR, DAY + 2 * HOUR
        a = [
            register(DAY, paused),
            register(
                resumed, resumed + HOUR, name='2', follows=after('1', HOUR)
            ),
        ]

        self.assert_kwh(2, bill.bill(a))
        self.assert_kwh(3, bill.bill([*a, register(DAY, resumed + HOUR, 'b')]))

    def test_three_boots_with_one_time_in_an_outage(self):
        boots = [
            register(
                DAY,
                DAY + HOUR,
                name=name,
                arrives=DAY + 9 * HOUR,
                follows=follows,
            )
            for name, follows in (
                ('1', None),
                ('2', after('1', HOUR)),
                ('3', after('2', HOUR)),
            )
        ]

        self.assertEqual(3 * KWH, bill.bill(boots).total.millijoules)


class TotalTest(base.BaseTestCase):
    def test_one_register_is_billed(self):
        result = bill.bill([register(DAY, DAY + HOUR)])

        self.assertEqual((KWH, HOUR, HOUR), result.total)
        self.assertEqual({}, result.overlaps)
        self.assertFalse(result.plural)

    def test_no_registers_have_no_energy(self):
        result = bill.bill([])

        self.assertEqual((0, 0, 0), result.total)
        self.assertIsNone(result.tip)
        self.assertIsNone(result.displayed)

    def test_voided_registers_are_dated_but_not_billed(self):
        result = bill.bill([register(DAY, DAY + HOUR, voided=True)])

        self.assertEqual((0, 0, 0), result.total)
        self.assertEqual({key('a', '1')}, set(result.openings))
        self.assertIsNone(result.tip)
        self.assertIsNone(result.displayed)


class TipTest(base.BaseTestCase):
    def test_of_one_line_it_is_the_newest(self):
        # Dates do not matter: those of the restart are far too early.
        line = [
            register(DAY, DAY + HOUR),
            register(
                DAY - 9 * HOUR,
                DAY - 8 * HOUR,
                name='2',
                follows=after('1', HOUR),
            ),
        ]

        result = bill.bill(line)

        self.assertEqual(key('a', '2'), result.tip)
        self.assertEqual(key('a', '2'), result.displayed)
        self.assertFalse(result.plural)

    def test_of_two_that_run_there_is_none(self):
        pair = [register(DAY, DAY + HOUR), register(DAY, DAY + HOUR, 'b')]

        result = bill.bill(pair)

        self.assertIsNone(result.tip)
        self.assertTrue(result.plural)

    def test_it_is_fixed_by_a_mark_after_the_last_cell_that_is_shared(self):
        moved = DAY + 3 * MINUTE
        a = register(DAY, moved)

        def tip(until):
            return bill.bill([a, register(moved, until, 'b')]).tip

        self.assertIsNone(tip(moved + MINUTE))
        self.assertIsNone(tip(DAY + CELL))
        self.assertEqual(key('b', '1'), tip(DAY + CELL + 1))

    def test_one_that_is_a_few_seconds_ahead_is_none(self):
        # Or a standby pair would have one at the start of each quarter-hour.
        a = register(DAY, DAY + HOUR)

        def tip(until):
            return bill.bill([a, register(DAY, until, 'b')]).tip

        self.assertIsNone(tip(DAY + HOUR + MINUTE - 1))
        self.assertEqual(key('b', '1'), tip(DAY + HOUR + MINUTE))

    def test_without_a_mark_there_is_none(self):
        moved = DAY + 3 * MINUTE
        b = register(moved, DAY + HOUR, 'b', lost_marks=True)

        self.assertIsNone(bill.bill([register(DAY, moved), b]).tip)

    def test_a_register_that_ended_is_none_even_if_its_successor_is_void(
        self,
    ):
        line = [
            register(DAY, DAY + HOUR),
            register(
                DAY + HOUR,
                DAY + 2 * HOUR,
                name='2',
                follows=after('1', HOUR),
                voided=True,
            ),
        ]

        result = bill.bill(line)

        self.assertIsNone(result.tip)
        self.assertEqual(key('a', '1'), result.displayed)

    def test_voided_registers_do_not_keep_others_from_it(self):
        pair = [
            register(DAY, DAY + HOUR),
            register(DAY, DAY + HOUR, 'b', voided=True),
        ]

        result = bill.bill(pair)

        self.assertEqual(key('a', '1'), result.tip)
        self.assertFalse(result.plural)


class DisplayedTest(base.BaseTestCase):
    def displayed(self, *histories):
        return bill.bill(histories).displayed

    def test_it_is_of_the_line_that_is_billed_last(self):
        until = DAY + HOUR
        b = register(DAY, until, 'b')

        self.assertEqual(
            key('a', '1'), self.displayed(register(DAY, until), b)
        )
        self.assertEqual(
            key('a', '1'), self.displayed(register(DAY, until - MINUTE), b)
        )
        self.assertEqual(
            key('b', '1'),
            self.displayed(register(DAY, until - MINUTE - 1), b),
        )

    def test_it_does_not_change_with_the_quarter_hour(self):
        # A meters nothing. Its measurement is the first of the quarter-hour.
        a = register(DAY, DAY + HOUR + SECOND, gaps=[(DAY, DAY + 2 * HOUR)])

        self.assertEqual(
            key('b', '1'), self.displayed(a, register(DAY, DAY + HOUR, 'b'))
        )

    def test_of_registers_that_were_just_opened_it_is_one(self):
        self.assertEqual(
            key('b', '1'),
            self.displayed(register(DAY, DAY), register(DAY, DAY, 'b')),
        )

    def test_it_is_the_newest_of_its_line(self):
        until = DAY + HOUR
        restart = DAY + 55 * MINUTE

        self.assertEqual(
            key('a', '0'),
            self.displayed(
                register(DAY, restart),
                register(
                    restart,
                    until,
                    name='0',
                    follows=after('1', 55 * MINUTE),
                ),
                register(DAY, until, 'b'),
            ),
        )


class AlarmsTest(base.BaseTestCase):
    def alarms(self, *histories):
        return bill.bill(histories).alarms

    def test_an_agent_alone_has_none(self):
        self.assertEqual(frozenset(), self.alarms(register(DAY, DAY + HOUR)))

    def test_a_wrong_clock_has_one(self):
        self.assertEqual(
            {'clock_ahead'},
            self.alarms(register(DAY, DAY + HOUR, clock=HOUR)),
        )
        self.assertEqual(
            {'clock_unset'},
            self.alarms(
                register(DAY, DAY + HOUR, synced=False, arrives=DAY + 9 * HOUR)
            ),
        )

    def test_the_clock_of_an_agent_that_moved_away_has_none(self):
        self.assertEqual(
            frozenset(),
            self.alarms(
                register(DAY, DAY + HOUR, clock=HOUR),
                register(DAY + HOUR, DAY + 2 * HOUR, 'b'),
            ),
        )

    def test_two_agents_have_one_as_long_as_both_run(self):
        a = register(DAY, DAY + HOUR)

        def alarms(until):
            b = register(DAY, until, 'b', lost_marks=True)
            return self.alarms(a, b)

        self.assertEqual({'concurrent_agents'}, alarms(DAY + HOUR))
        self.assertEqual({'concurrent_agents'}, alarms(DAY + HOUR + CELL - 1))
        self.assertEqual(frozenset(), alarms(DAY + HOUR + CELL))

    def test_a_tip_ends_those_of_other_registers(self):
        # The probe may not be billed again for as long as the tip goes on.
        a = register(DAY, DAY + HOUR - SECOND, clock=HOUR)
        b = register(DAY, DAY + HOUR + MINUTE, 'b')

        result = bill.bill([a, b])

        self.assertEqual(b.key, result.tip)
        self.assertEqual(frozenset(), result.alarms)

    def test_a_move_has_none(self):
        moved = DAY + 55 * MINUTE
        a = register(DAY, moved)

        def alarms(start):
            return self.alarms(a, register(start, DAY + HOUR, 'b'))

        self.assertEqual(frozenset(), alarms(moved - MINUTE + 1))
        self.assertEqual({'concurrent_agents'}, alarms(moved - MINUTE))

    def test_copies_have_one_after_both_restarted(self):
        copied, restart, until = DAY + HOUR, DAY + 2 * HOUR, DAY + 3 * HOUR
        copies = [register(DAY, copied)]
        for name in '23':
            copies += [
                register(copied, restart, name=name, follows=after('1', HOUR)),
                register(
                    restart,
                    until,
                    name=name + name,
                    follows=after(name, HOUR),
                ),
            ]

        self.assertEqual({'copied_state'}, self.alarms(*copies))

    def test_restarts_with_one_time_are_no_copies(self):
        self.assertEqual(
            {'concurrent_agents'},
            self.alarms(
                register(DAY, DAY + HOUR),
                register(DAY, DAY + HOUR, name='2', follows=after('1', HOUR)),
                register(DAY, DAY + HOUR, 'b'),
            ),
        )

    def test_voiding_the_copy_ends_it(self):
        a = register(DAY, DAY + HOUR)
        copy = register(DAY, DAY + HOUR, name='2', follows=after('1', MINUTE))

        self.assertEqual({'copied_state'}, self.alarms(a, copy))
        self.assertEqual(
            frozenset(),
            self.alarms(a, dataclasses.replace(copy, voided=True)),
        )


class PurgedTest(base.BaseTestCase):
    def test_what_was_purged_is_billed_as_before(self):
        a, b = (register(DAY, DAY + 2 * HOUR, agent) for agent in 'ab')
        pair = bill.bill([a, b])
        purged = [
            dataclasses.replace(
                each,
                base=measurement.Point(HOUR, KWH, HOUR),
                marks=each.marks[5:],
                pinned_opened=DAY,
            )
            for each in (a, b)
        ]

        result = bill.bill(purged)

        recent = {
            place: share
            for place, share in pair.overlaps.items()
            if place[0] >= DAY + HOUR
        }
        self.assertEqual(recent, result.overlaps)
        self.assertEqual(3 * KWH, result.total.millijoules)
        self.assertEqual(
            [2 * KWH, 2 * KWH, 3 * KWH],
            [
                bill.energy_at(purged, result, DAY + date)
                for date in (0, HOUR, 2 * HOUR)
            ],
        )
