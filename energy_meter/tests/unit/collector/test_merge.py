# SPDX-License-Identifier: Apache-2.0

"""Rules for merging, case by case; test_model.py tests random cases."""

from oslotest import base

from energy_meter import measurement
from energy_meter.collector import merge

A1 = measurement.RegisterKey('agent-a', 'a1', 1)
A2 = measurement.RegisterKey('agent-a', 'a2', 2)
B1 = measurement.RegisterKey('agent-b', 'b1', 1)
PROBE = measurement.Probe('p', 'node', 'p', 'w', 'dummy', 'agent')
TAKEOVER = 60.0


def measure(
    key: measurement.RegisterKey,
    opened_at: float,
    elapsed: float,
    millijoules: int,
    watts: float = 1.0,
) -> measurement.Measurement:
    return measurement.Measurement(
        PROBE, key, opened_at + elapsed, elapsed, millijoules, elapsed, watts
    )


class MergeTest(base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.account = merge.ProbeAccount()

    def merge(
        self,
        received: measurement.Measurement,
        db_now: float | None = None,
    ) -> merge.Outcome:
        return merge.merge(
            self.account,
            received,
            received.timestamp if db_now is None else db_now,
            TAKEOVER,
        )

    def test_first_register_becomes_the_owner(self):
        self.assertEqual('billed', self.merge(measure(A1, 0, 10, 1000)))
        self.assertEqual(A1, self.account.owner.key)
        self.assertEqual(1000, self.account.millijoules)

    def test_measurement_of_a_newly_opened_register_is_merged(self):
        self.assertEqual('billed', self.merge(measure(A1, 0, 0, 0)))
        self.assertEqual(A1, self.account.owner.key)
        self.assertEqual('duplicate', self.merge(measure(A1, 0, 0, 0)))

    def test_duplicate_measurement_changes_nothing(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.assertEqual('duplicate', self.merge(measure(A1, 0, 10, 1000), 99))
        self.assertEqual(1000, self.account.millijoules)
        self.assertEqual(10, self.account.last_seen_at)

    def test_older_measurement_does_not_replace_the_latest(self):
        self.merge(measure(A1, 0, 10, 1000, watts=5.0))
        self.merge(measure(A1, 0, 9, 900, watts=4.0))
        self.assertEqual(5.0, self.account.latest.watts)

    def test_older_measurement_of_a_previous_owner_changes_nothing(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(A2, 20, 5, 300))
        self.assertEqual('duplicate', self.merge(measure(A1, 0, 9, 900), 26))
        self.assertEqual(10, self.account.others['agent-a', 'a1'].elapsed)

    def test_next_incarnation_takes_over_at_once_despite_its_clock(self):
        self.merge(measure(A1, 5000, 10, 1000))
        self.merge(measure(A2, 100, 5, 300, watts=7.0), db_now=5011)
        self.assertEqual(A2, self.account.owner.key)
        self.assertEqual(7.0, self.account.latest.watts)
        self.assertEqual(1300, self.account.millijoules)

    def test_late_measurement_of_an_earlier_incarnation_is_billed(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(A2, 20, 5, 300))
        self.assertEqual('billed', self.merge(measure(A1, 0, 15, 1500), 26))
        self.assertEqual(1800, self.account.millijoules)
        self.assertEqual(A2, self.account.owner.key)

    def test_later_register_becomes_the_owner_of_a_moved_probe(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.assertEqual('billed', self.merge(measure(B1, 11, 2, 200)))
        self.assertEqual(B1, self.account.owner.key)

    def test_late_measurement_from_before_a_move_is_billed(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 30, 2, 200))
        self.assertEqual('billed', self.merge(measure(A1, 0, 25, 2500), 33))
        self.assertEqual(2700, self.account.millijoules)

    def test_late_measurement_from_after_a_move_is_overlap(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 30, 2, 200))
        self.assertEqual('overlap', self.merge(measure(A1, 0, 31, 3100), 33))
        self.assertEqual(1200, self.account.millijoules)
        self.assertEqual(2100, self.account.overlap)

    def test_first_measurement_from_before_the_owner_is_billed(self):
        self.merge(measure(B1, 30, 2, 200))
        self.assertEqual('billed', self.merge(measure(A1, 0, 30, 3000), 33))
        self.assertEqual(3200, self.account.millijoules)

    def test_period_that_was_billed_late_is_not_billed_again(self):
        self.merge(measure(B1, 30, 2, 200))
        self.merge(measure(A1, 0, 30, 3000), 33)
        other = measurement.RegisterKey('agent-c', 'c1', 1)
        self.assertEqual(
            'overlap', self.merge(measure(other, 10, 10, 1000), 34)
        )

    def test_second_agent_is_pending_while_the_owner_is_stale(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 5, 6, 600), db_now=11)
        self.assertEqual('pending', self.merge(measure(B1, 5, 7, 700), 12))
        self.assertEqual(1000, self.account.millijoules)

    def test_pending_becomes_overlap_when_the_owner_is_updated(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 5, 6, 600), db_now=11)
        self.merge(measure(B1, 5, 7, 700), db_now=12)
        self.merge(measure(A1, 0, 13, 1300), db_now=13)
        self.assertEqual(1300, self.account.millijoules)
        self.assertEqual(700, self.account.overlap)

    def test_second_agent_takes_over_from_a_stale_owner(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 5, 6, 600), db_now=11)
        self.assertEqual(
            'pending', self.merge(measure(B1, 5, 65, 6500), db_now=70)
        )
        self.assertEqual(
            'billed', self.merge(measure(B1, 5, 66, 6600), db_now=71)
        )
        # The energy that both metered until second 11 is billed once.
        self.assertEqual(1000 + 6000, self.account.millijoules)
        self.assertEqual(B1, self.account.owner.key)

    def test_takeover_does_not_bill_overlap(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 5, 6, 600), db_now=11)
        self.merge(measure(B1, 5, 7, 700), db_now=12)
        self.merge(measure(A1, 0, 7.5, 750), db_now=12)
        self.merge(measure(A1, 0, 12, 1200), db_now=12)
        self.merge(measure(B1, 5, 8, 800), db_now=13)
        self.merge(measure(B1, 5, 80, 8000), db_now=85)
        self.assertEqual(1200 + 7300, self.account.millijoules)

    def test_previous_owner_that_returns_is_not_billed_twice(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(B1, 5, 6, 600), db_now=11)
        self.merge(measure(B1, 5, 70, 7000), db_now=75)
        self.assertEqual('overlap', self.merge(measure(A1, 0, 76, 7600), 76))
        self.assertEqual(1000 + 6400, self.account.millijoules)

    def test_folded_register_is_rejected(self):
        self.merge(measure(A2, 0, 10, 1000))
        self.account.floors['agent-a'] = 1
        self.assertEqual(
            'stale_incarnation', self.merge(measure(A1, 0, 10, 1000), 11)
        )
        self.assertEqual(1000, self.account.millijoules)

    def test_voided_owner_is_subtracted_and_rejected(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.assertEqual(1000, merge.void(self.account, 'agent-a', 'a1'))
        self.assertEqual('void', self.merge(measure(A1, 0, 11, 1100)))
        self.assertEqual(0, self.account.millijoules)

    def test_register_after_a_voided_one_becomes_the_owner(self):
        self.merge(measure(A1, 0, 10, 1000))
        merge.void(self.account, 'agent-a', 'a1')
        self.assertEqual('billed', self.merge(measure(B1, 5, 7, 700)))
        self.assertEqual(700, self.account.millijoules)

    def test_voiding_twice_subtracts_once(self):
        self.merge(measure(A1, 0, 10, 1000))
        self.merge(measure(A2, 20, 5, 300))
        merge.void(self.account, 'agent-a', 'a1')
        self.assertEqual(0, merge.void(self.account, 'agent-a', 'a1'))
        self.assertEqual(300, self.account.millijoules)

    def test_voiding_an_unknown_register_fails(self):
        self.assertRaises(KeyError, merge.void, self.account, 'x', 'y')


class NewestTest(base.BaseTestCase):
    def test_newest_measurement_of_each_register_is_returned_sorted(self):
        measurements = [
            measure(B1, 0, 2, 20),
            measure(A1, 0, 3, 30),
            measure(A1, 0, 2, 20),
        ]
        self.assertEqual(
            [measurements[1], measurements[0]], merge.newest(measurements)
        )


class OpenedAtTest(base.BaseTestCase):
    def test_timestamp_in_the_future_is_clamped(self):
        self.assertEqual(90, merge.opened_at(measure(A1, 5000, 10, 0), 100))
