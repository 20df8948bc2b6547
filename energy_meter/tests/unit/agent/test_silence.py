# SPDX-License-Identifier: Apache-2.0

"""A wattmeter that answers, but never with a value."""

import logging
import threading

import fixtures
from oslotest import base as test_base

from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter
from energy_meter.drivers import base

HANG_TIMEOUT = 60.0


class Mute(base.PolledDriver):
    """Shows 'na' until it is told to speak."""

    reads = threading.Semaphore(0)
    speaks = threading.Event()

    def open(self) -> None:
        pass

    def read(self) -> list[measurement.Reading]:
        self.reads.release()
        return [measurement.Reading('p', 1.0)] if self.speaks.is_set() else []


class SilenceTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        Mute.speaks.clear()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.taken = threading.Event()
        self.supervisor = supervisor.Supervisor(
            lambda readings: readings and self.taken.set(),
            lambda item: None,
            HANG_TIMEOUT,
            1.0,
            counters.Counters(),
        )
        self.addCleanup(self.supervisor.stop)
        self.supervisor.engage(
            [wattmeter.Wattmeter('mute', Mute, {'interval': 0.01}, ('p',), ())]
        )
        self.worker = self.supervisor._workers['mute']

    def pass_time(self) -> None:
        """Let a long time pass."""
        Mute.reads.acquire(timeout=10)
        self.worker._heard_at -= 2 * HANG_TIMEOUT
        self.supervisor.check()

    def test_long_silence_is_told_and_nothing_is_replaced(self):
        self.pass_time()
        self.assertIn(
            'Wattmeter mute has shown no value for 120 s', self.log.output
        )
        self.assertIs(self.worker, self.supervisor._workers['mute'])

    def test_short_silence_is_not_told(self):
        Mute.reads.acquire(timeout=10)
        self.supervisor.check()
        self.assertNotIn('no value', self.log.output)

    def test_end_of_the_silence_is_told(self):
        self.pass_time()
        Mute.speaks.set()
        self.assertTrue(self.taken.wait(10))
        # The word comes after the readings were taken.
        Mute.reads.acquire(timeout=10)
        Mute.reads.acquire(timeout=10)
        self.assertIn('Wattmeter mute can be read again', self.log.output)
