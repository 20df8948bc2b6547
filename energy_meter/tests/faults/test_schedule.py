# SPDX-License-Identifier: Apache-2.0

"""Tests of fault schedules."""

import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter.tests.faults import schedule

NAMES = ['kill-agent', 'stop-database', 'network-cut']
seeds = strategies.integers()


class ScheduleTest(test_base.BaseTestCase):
    @hypothesis.given(seeds)
    def test_same_seed_gives_the_same_schedule(self, seed):
        self.assertEqual(
            schedule.draw(seed, NAMES, 10.0), schedule.draw(seed, NAMES, 10.0)
        )

    def test_different_seeds_give_different_schedules(self):
        self.assertNotEqual(
            schedule.draw(1, NAMES, 10.0), schedule.draw(2, NAMES, 10.0)
        )

    @hypothesis.given(seeds, strategies.permutations(NAMES))
    def test_order_of_the_arguments_is_kept(self, seed, names):
        self.assertEqual(
            names,
            [
                injection.fault
                for injection in schedule.draw(seed, names, 10.0)
            ],
        )

    @hypothesis.given(seeds, strategies.sampled_from(NAMES))
    def test_one_fault_can_be_reproduced_alone(self, seed, name):
        self.assertLessEqual(
            set(schedule.draw(seed, [name], 10.0)),
            set(schedule.draw(seed, NAMES, 10.0)),
        )

    @hypothesis.given(seeds, strategies.floats(0.1, 1e4))
    def test_duration_is_within_the_spread(self, seed, duration):
        for injection in schedule.draw(seed, NAMES, duration):
            self.assertGreaterEqual(injection.duration, duration * 0.79)
            self.assertLessEqual(injection.duration, duration * 1.21)
