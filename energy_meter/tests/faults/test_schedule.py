# SPDX-License-Identifier: Apache-2.0

"""Schedules of faults."""

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

    def test_other_seeds_give_other_schedules(self):
        self.assertNotEqual(
            schedule.draw(1, NAMES, 10.0), schedule.draw(2, NAMES, 10.0)
        )

    @hypothesis.given(seeds, strategies.permutations(NAMES))
    def test_keeps_the_order_that_was_asked_for(self, seed, names):
        self.assertEqual(
            names,
            [
                injection.fault
                for injection in schedule.draw(seed, names, 10.0)
            ],
        )

    @hypothesis.given(seeds, strategies.sampled_from(NAMES))
    def test_fault_can_be_had_again_alone(self, seed, name):
        self.assertLessEqual(
            set(schedule.draw(seed, [name], 10.0)),
            set(schedule.draw(seed, NAMES, 10.0)),
        )

    @hypothesis.given(seeds, strategies.floats(0.1, 1e4))
    def test_lasts_about_as_long_as_asked_for(self, seed, duration):
        for injection in schedule.draw(seed, NAMES, duration):
            self.assertGreaterEqual(injection.duration, duration * 0.79)
            self.assertLessEqual(injection.duration, duration * 1.21)
