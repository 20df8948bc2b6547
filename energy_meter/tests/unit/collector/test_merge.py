# SPDX-License-Identifier: Apache-2.0

"""Stories of registers, told one by one; test_model.py tells all others."""

from oslotest import base

from energy_meter import measurement
from energy_meter.collector import merge

A1 = measurement.RegisterKey('agent-a', 'a1', 1)
A2 = measurement.RegisterKey('agent-a', 'a2', 2)
B1 = measurement.RegisterKey('agent-b', 'b1', 1)
PROBE = measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent')
TAKEOVER = 60.0


def word(
    key: measurement.RegisterKey,
    began: float,
    elapsed: float,
    millijoules: int,
    watts: float = 1.0,
) -> measurement.Measurement:
    return measurement.Measurement(
        PROBE, key, began + elapsed, elapsed, millijoules, elapsed, watts
    )


class MergeTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.account = merge.Account()

    def merge(
        self,
        item: measurement.Measurement,
        now: float | None = None,
    ) -> str:
        return merge.merge(
            self.account, item, item.time if now is None else now, TAKEOVER
        )

    def test_first_register_owns_the_probe(self):
        self.assertEqual('credited', self.merge(word(A1, 0, 10, 1000)))
        self.assertEqual(A1, self.account.owner.key)
        self.assertEqual(1000, self.account.millijoules)

    def test_register_that_speaks_as_it_opens_is_heard(self):
        self.assertEqual('credited', self.merge(word(A1, 0, 0, 0)))
        self.assertEqual(A1, self.account.owner.key)
        self.assertEqual('nothing-new', self.merge(word(A1, 0, 0, 0)))

    def test_repeated_word_changes_nothing(self):
        self.merge(word(A1, 0, 10, 1000))
        self.assertEqual('nothing-new', self.merge(word(A1, 0, 10, 1000), 99))
        self.assertEqual(1000, self.account.millijoules)
        self.assertEqual(10, self.account.heard_at)

    def test_older_word_does_not_hide_the_newer(self):
        self.merge(word(A1, 0, 10, 1000, watts=5.0))
        self.merge(word(A1, 0, 9, 900, watts=4.0))
        self.assertEqual(5.0, self.account.latest.watts)

    def test_older_word_of_a_former_owner_changes_nothing(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(A2, 20, 5, 300))
        self.assertEqual('nothing-new', self.merge(word(A1, 0, 9, 900), 26))
        self.assertEqual(10, self.account.others['agent-a', 'a1'].elapsed)

    def test_next_incarnation_takes_over_at_once_whatever_its_clock(self):
        self.merge(word(A1, 5000, 10, 1000))
        self.merge(word(A2, 100, 5, 300, watts=7.0), now=5011)
        self.assertEqual(A2, self.account.owner.key)
        self.assertEqual(7.0, self.account.latest.watts)
        self.assertEqual(1300, self.account.millijoules)

    def test_late_word_of_earlier_incarnation_is_credited(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(A2, 20, 5, 300))
        self.assertEqual('credited', self.merge(word(A1, 0, 15, 1500), 26))
        self.assertEqual(1800, self.account.millijoules)
        self.assertEqual(A2, self.account.owner.key)

    def test_probe_that_moved_is_owned_by_the_later_register(self):
        self.merge(word(A1, 0, 10, 1000))
        self.assertEqual('credited', self.merge(word(B1, 11, 2, 200)))
        self.assertEqual(B1, self.account.owner.key)

    def test_late_word_from_before_the_move_is_credited(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 30, 2, 200))
        self.assertEqual('credited', self.merge(word(A1, 0, 25, 2500), 33))
        self.assertEqual(2700, self.account.millijoules)

    def test_late_word_from_after_the_move_is_overlap(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 30, 2, 200))
        self.assertEqual('overlap', self.merge(word(A1, 0, 31, 3100), 33))
        self.assertEqual(1200, self.account.millijoules)
        self.assertEqual(2100, self.account.overlap)

    def test_first_word_of_a_register_from_before_the_owner_is_credited(self):
        self.merge(word(B1, 30, 2, 200))
        self.assertEqual('credited', self.merge(word(A1, 0, 30, 3000), 33))
        self.assertEqual(3200, self.account.millijoules)

    def test_time_that_was_credited_late_is_not_credited_again(self):
        self.merge(word(B1, 30, 2, 200))
        self.merge(word(A1, 0, 30, 3000), 33)
        other = measurement.RegisterKey('agent-c', 'c1', 1)
        self.assertEqual('overlap', self.merge(word(other, 10, 10, 1000), 34))

    def test_second_agent_is_pending_while_the_owner_is_silent(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 5, 6, 600), now=11)
        self.assertEqual('pending', self.merge(word(B1, 5, 7, 700), 12))
        self.assertEqual(1000, self.account.millijoules)

    def test_pending_becomes_overlap_when_the_owner_speaks(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 5, 6, 600), now=11)
        self.merge(word(B1, 5, 7, 700), now=12)
        self.merge(word(A1, 0, 13, 1300), now=13)
        self.assertEqual(1300, self.account.millijoules)
        self.assertEqual(700, self.account.overlap)

    def test_owner_that_stays_silent_loses_the_probe(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 5, 6, 600), now=11)
        self.assertEqual('pending', self.merge(word(B1, 5, 65, 6500), now=70))
        self.assertEqual('credited', self.merge(word(B1, 5, 66, 6600), now=71))
        # What both metered until second 11 is billed once.
        self.assertEqual(1000 + 6000, self.account.millijoules)
        self.assertEqual(B1, self.account.owner.key)

    def test_takeover_credits_nothing_that_had_become_overlap(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 5, 6, 600), now=11)
        self.merge(word(B1, 5, 7, 700), now=12)
        self.merge(word(A1, 0, 7.5, 750), now=12)
        self.merge(word(A1, 0, 12, 1200), now=12)
        self.merge(word(B1, 5, 8, 800), now=13)
        self.merge(word(B1, 5, 80, 8000), now=85)
        self.assertEqual(1200 + 7300, self.account.millijoules)

    def test_former_owner_that_returns_is_not_billed_for_the_same_time(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(B1, 5, 6, 600), now=11)
        self.merge(word(B1, 5, 70, 7000), now=75)
        self.assertEqual('overlap', self.merge(word(A1, 0, 76, 7600), 76))
        self.assertEqual(1000 + 6400, self.account.millijoules)

    def test_folded_register_is_refused(self):
        self.merge(word(A2, 0, 10, 1000))
        self.account.floors['agent-a'] = 1
        self.assertEqual('folded', self.merge(word(A1, 0, 10, 1000), 11))
        self.assertEqual(1000, self.account.millijoules)

    def test_void_owner_is_struck_and_refused(self):
        self.merge(word(A1, 0, 10, 1000))
        self.assertEqual(1000, merge.void(self.account, 'agent-a', 'a1'))
        self.assertEqual('voided', self.merge(word(A1, 0, 11, 1100)))
        self.assertEqual(0, self.account.millijoules)

    def test_register_after_a_void_one_owns_the_probe(self):
        self.merge(word(A1, 0, 10, 1000))
        merge.void(self.account, 'agent-a', 'a1')
        self.assertEqual('credited', self.merge(word(B1, 5, 7, 700)))
        self.assertEqual(700, self.account.millijoules)

    def test_voiding_twice_strikes_once(self):
        self.merge(word(A1, 0, 10, 1000))
        self.merge(word(A2, 20, 5, 300))
        merge.void(self.account, 'agent-a', 'a1')
        self.assertEqual(0, merge.void(self.account, 'agent-a', 'a1'))
        self.assertEqual(300, self.account.millijoules)

    def test_voiding_an_unknown_register_is_an_error(self):
        self.assertRaises(KeyError, merge.void, self.account, 'x', 'y')


class NewestTest(base.BaseTestCase):
    def test_keeps_the_newest_of_each_register_sorted(self):
        words = [word(B1, 0, 2, 20), word(A1, 0, 3, 30), word(A1, 0, 2, 20)]
        self.assertEqual([words[1], words[0]], merge.newest(words))


class BeganTest(base.BaseTestCase):
    def test_register_from_the_future_began_no_later_than_now(self):
        self.assertEqual(90, merge.began(word(A1, 5000, 10, 0), 100))
