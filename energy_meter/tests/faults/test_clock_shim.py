# SPDX-License-Identifier: Apache-2.0

"""Tests of the library that adjusts the clocks of a process."""

import json
import subprocess
import sys
import time
import typing

from oslotest import base as test_base

from energy_meter.tests.faults import clock_shim
from energy_meter.tests.functional.services import base

HOUR = 3600.0

#: Prints its clocks for each line that it reads, then how long waits last.
PROGRAM = """
import ctypes, json, sys, threading, time

def lasts(wait):
    since = time.monotonic()
    wait(0.1)
    return time.monotonic() - since

for _ in sys.stdin:
    print(json.dumps({
        'wall': time.time(),
        'monotonic': time.monotonic(),
        'boottime': time.clock_gettime(time.CLOCK_BOOTTIME),
        'adjtimex': ctypes.CDLL(None).adjtimex(bytes(256)),
        'waits': [lasts(time.sleep), lasts(threading.Event().wait)],
    }), flush=True)
"""


class ClockShimTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.clocks = self.useFixture(clock_shim.ClockShim())
        self.process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM],
            env=self.clocks.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)

    def read(self) -> dict[str, typing.Any]:
        """Return the clocks of the process, and how long its waits lasted.

        Clocks are returned as their difference from those of the test.
        """
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        clocks = json.loads(self.process.stdout.readline())
        clocks['wall'] -= time.time()
        clocks['monotonic'] -= time.monotonic()
        clocks['boottime'] -= time.clock_gettime(time.CLOCK_BOOTTIME)
        return clocks

    def check(self, clocks, wall, running):
        """Check differences, less the time that the answer took."""
        for name, seconds in (
            ('wall', wall),
            ('monotonic', running),
            ('boottime', running),
        ):
            self.assertLess(abs(clocks[name] - seconds), HOUR / 2, name)

    def test_clocks_are_right_and_synchronized_at_first(self):
        clocks = self.read()

        self.check(clocks, wall=0.0, running=0.0)
        self.assertEqual(0, clocks['adjtimex'])

    def test_stepped_wall_clock_leaves_other_clocks_alone(self):
        for hours in (1, -1, -400_000):
            self.clocks.set_wall(hours * HOUR)

            self.check(self.read(), wall=hours * HOUR, running=0.0)

    def test_skipped_time_is_missing_in_clocks_of_running_time_only(self):
        self.clocks.skip(HOUR)
        self.clocks.skip(2 * HOUR)

        self.check(self.read(), wall=0.0, running=-3 * HOUR)

    def test_unset_clock_is_not_synchronized_until_it_is_set(self):
        self.clocks.set_synced(False)
        unset = self.read()
        self.clocks.set_synced(True)

        self.assertEqual(5, unset['adjtimex'])
        self.assertEqual(0, self.read()['adjtimex'])

    def test_waits_last_as_long_as_they_should_after_a_pause(self):
        self.read()
        self.clocks.skip(HOUR)

        for seconds in self.read()['waits']:
            self.assertGreater(seconds, 0.09)
            self.assertLess(seconds, HOUR / 2)

    def test_accelerated_clocks_run_ahead_until_the_wall_clock_is_right(self):
        self.read()

        self.clocks.accelerate(10 * HOUR, factor=36_000)

        base.wait_for(
            lambda: abs(self.read()['wall']) < HOUR / 60,
            60.0,
            'the wall clock to be right',
        )
        self.check(self.read(), wall=0.0, running=10 * HOUR)

    def test_waits_take_as_long_as_accelerated_clocks_show(self):
        self.read()

        self.clocks.accelerate(24 * HOUR, factor=10)

        for seconds in self.read()['waits']:
            self.assertGreater(seconds, 0.09)
            self.assertLess(seconds, HOUR / 2)
