# SPDX-License-Identifier: Apache-2.0

"""Clocks are read together, and their disturbances are noticed."""

import time

import fixtures
from oslotest import base

from energy_meter.agent import clock


class ClockTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(clock.__name__))

    def set_boottime(self, *seconds):
        """Set the values of CLOCK_BOOTTIME, one after the other."""
        self.useFixture(
            fixtures.MockPatchObject(
                time, 'clock_gettime', side_effect=iter(seconds)
            )
        )

    def set_kernel_state(self, state):
        self.useFixture(
            fixtures.MockPatchObject(clock, '_ADJTIMEX', lambda _: state)
        )

    def test_all_clocks_are_read(self):
        before = time.monotonic(), time.time()

        now = clock.Clock('synced').now()

        self.assertTrue(before[0] <= now.monotonic <= time.monotonic())
        self.assertTrue(before[1] <= now.timestamp <= time.time())
        self.assertLessEqual(
            now.boottime, time.clock_gettime(time.CLOCK_BOOTTIME)
        )
        self.assertEqual((True, 0), (now.synced, now.generation))

    def test_process_stopped_between_two_clocks_reads_them_again(self):
        self.set_boottime(100.0, 160.0, 161.0, 161.0)

        self.assertEqual(161.0, clock.Clock('synced').now().boottime)

    def test_boot_time_that_falls_begins_a_generation(self):
        self.set_boottime(100.0, 100.0, 101.0, 101.0, 40.0, 40.0, 41.0, 41.0)
        tested = clock.Clock('synced')

        self.assertEqual(
            [0, 0, 1, 1], [tested.now().generation for _ in range(4)]
        )

    def test_earlier_instant_is_earlier_on_all_clocks(self):
        now = clock.Instant(100.0, 200.0, 300.0, True, 2)

        self.assertEqual(
            clock.Instant(96.0, 196.0, 296.0, True, 2), now.before(4.0)
        )


class SyncedTest(ClockTest):
    def test_kernel_is_asked(self):
        # TIME_OK, TIME_ERROR, and a sandbox that forbids the call
        for state, expected in ((0, True), (5, False), (-1, False)):
            self.set_kernel_state(state)

            self.assertIs(expected, clock.Clock('auto').now().synced, state)

    def test_kernel_answers_without_privileges(self):
        self.assertIn(clock.is_kernel_synced(), (True, False))

    def test_operator_overrules_the_kernel(self):
        for state in (0, 5):
            self.set_kernel_state(state)

            self.assertTrue(clock.Clock('synced').now().synced)
            self.assertFalse(clock.Clock('unsynced').now().synced)

    def test_clock_that_is_not_synchronized_is_logged_once(self):
        self.set_kernel_state(5)
        tested = clock.Clock('auto')

        for _ in range(100):
            tested.now()
        self.set_kernel_state(0)
        for _ in range(100):
            tested.now()

        first, second = self.log.output.splitlines()
        self.assertIn('is not synchronized', first)
        self.assertIn('[agent] clock', first)
        self.assertEqual('The clock of this machine is synchronized', second)
