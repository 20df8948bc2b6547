# SPDX-License-Identifier: Apache-2.0

"""Sets of time behave as sets of instants."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter.billing import intervals

instants = strategies.sets(strategies.integers(0, 30))


def as_intervals(times):
    return intervals.union([(time, time + 1) for time in sorted(times)])


def as_instants(time):
    return {each for start, until in time for each in range(start, until)}


class IntervalsTest(base.BaseTestCase):
    def test_neighbors_become_one_interval(self):
        self.assertEqual([(1, 4)], intervals.union([(1, 2)], [(2, 4)]))

    def test_time_before_a_date_is_kept(self):
        self.assertEqual(
            [(1, 2), (4, 5)], intervals.clip([(1, 2), (4, 6), (7, 8)], 5)
        )

    @hypothesis.given(instants, instants)
    def test_union_has_the_instants_of_both(self, one, other):
        time = intervals.union(as_intervals(one), as_intervals(other))

        self.assertEqual(one | other, as_instants(time))
        self.assertEqual(len(one | other), intervals.length(time))
        self.assertEqual(as_intervals(one | other), time)

    @hypothesis.given(instants, instants)
    def test_difference_has_the_instants_of_the_first_only(self, one, other):
        time = intervals.difference(as_intervals(one), as_intervals(other))

        self.assertEqual(as_intervals(one - other), time)
