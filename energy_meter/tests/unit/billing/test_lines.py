# SPDX-License-Identifier: Apache-2.0

"""Registers follow each other as their agents saved it, not by their dates."""

from oslotest import base

from energy_meter.billing import lines
from energy_meter.tests.unit.billing import stories
from energy_meter.tests.unit.billing.stories import after
from energy_meter.tests.unit.billing.stories import DAY
from energy_meter.tests.unit.billing.stories import HOUR
from energy_meter.tests.unit.billing.stories import key
from energy_meter.tests.unit.billing.stories import MINUTE


def register(name, follows=None, agent='a', **fields):
    return stories.register(
        DAY, DAY + HOUR, agent, name, follows=follows, **fields
    )


class LinesTest(base.BaseTestCase):
    def are_related(self, histories, name, other):
        known = lines.Lines(histories)
        return known.are_related(key('a', name), key('a', other))

    def test_a_restart_continues_the_line(self):
        restarts = [
            register('3', after('2', HOUR)),
            register('1'),
            register('2', after('1', HOUR)),
        ]

        known = lines.Lines(restarts)

        self.assertTrue(self.are_related(restarts, '1', '3'))
        self.assertTrue(self.are_related(restarts, '3', '1'))
        self.assertEqual([key('a', name) for name in '123'], known.order)
        self.assertTrue(known.is_one_line(known.order))
        self.assertEqual(frozenset(), known.copied)

    def test_registers_without_an_edge_are_concurrent(self):
        self.assertFalse(
            self.are_related([register('1'), register('2')], '1', '2')
        )

    def test_what_was_not_saved_before_a_crash_keeps_the_edge(self):
        crash = [register('1'), register('2', after('1', HOUR - 15_000))]

        self.assertTrue(self.are_related(crash, '1', '2'))

    def test_a_register_that_went_on_has_a_copied_state(self):
        copy = [register('1'), register('2', after('1', HOUR - 15_001))]

        self.assertFalse(self.are_related(copy, '1', '2'))
        self.assertEqual(
            {key('a', '1'), key('a', '2')}, lines.Lines(copy).copied
        )

    def test_an_end_of_which_a_little_did_not_arrive_keeps_the_edge(self):
        outage = [register('1'), register('2', after('1', HOUR + 15_000))]

        self.assertTrue(self.are_related(outage, '1', '2'))

    def test_an_end_that_did_not_arrive_is_not_followed(self):
        # It arrives later, or a forged register names it.
        early = [register('1'), register('2', after('1', HOUR + 15_001))]

        self.assertFalse(self.are_related(early, '1', '2'))
        self.assertEqual(frozenset(), lines.Lines(early).copied)

    def test_two_that_follow_one_are_concurrent(self):
        copy = [
            register('1'),
            register('2', after('1', HOUR)),
            register('3', after('1', HOUR)),
            register('4', after('3', HOUR)),
        ]

        known = lines.Lines(copy)

        self.assertTrue(self.are_related(copy, '1', '2'))
        self.assertTrue(self.are_related(copy, '1', '4'))
        self.assertFalse(self.are_related(copy, '2', '3'))
        self.assertFalse(self.are_related(copy, '2', '4'))
        self.assertEqual({key('a', '2'), key('a', '3')}, known.copied)
        self.assertFalse(known.is_one_line(known.order))

    def test_edges_through_voided_registers_stand(self):
        histories = [
            register('1'),
            register('2', after('1', HOUR), voided=True),
            register('3', after('2', HOUR)),
        ]

        self.assertTrue(self.are_related(histories, '1', '3'))

    def test_voiding_the_copy_ends_the_copied_state(self):
        copy = [
            register('1'),
            register('2', after('1', MINUTE), voided=True),
        ]

        self.assertEqual(frozenset(), lines.Lines(copy).copied)

    def test_registers_of_another_agent_are_not_followed(self):
        known = lines.Lines(
            [register('1', agent='b'), register('2', after('1', HOUR))]
        )

        self.assertFalse(known.are_related(key('b', '1'), key('a', '2')))

    def test_an_unknown_predecessor_is_not_followed(self):
        known = lines.Lines([register('2', after('1', HOUR))])

        self.assertEqual({}, known.predecessors)

    def test_forged_circles_have_no_edges(self):
        known = lines.Lines(
            [
                register('1', after('2', HOUR)),
                register('2', after('1', HOUR)),
                register('3', after('2', HOUR)),
                register('4', after('4', HOUR)),
            ]
        )

        self.assertEqual({}, known.predecessors)
        self.assertEqual({key('a', name) for name in '1234'}, set(known.order))
