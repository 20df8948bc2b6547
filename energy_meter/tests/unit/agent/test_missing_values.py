# SPDX-License-Identifier: Apache-2.0

"""Wattmeters that answer without a value."""

import logging
import threading

import fixtures
from oslotest import base as test_base

from energy_meter import measurement
from energy_meter.agent import metrics
from energy_meter.agent import supervisor
from energy_meter.agent import wattmeter
from energy_meter.drivers import base
from energy_meter.telemetry import counters

HANG_TIMEOUT = 60.0


class Valueless(base.Driver):
    """Driver that returns no readings until ``has_value`` is set."""

    reads = threading.Semaphore(0)
    has_value = threading.Event()

    def open(self) -> None:
        pass

    def read(self) -> list[measurement.Reading]:
        self.reads.release()
        return (
            [measurement.Reading('p', 1.0)] if self.has_value.is_set() else []
        )


class MissingValuesTest(test_base.BaseTestCase):
    def setUp(self) -> None:
        super().setUp()
        Valueless.has_value.clear()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.received = threading.Event()
        self.supervisor = supervisor.Supervisor(
            lambda readings: readings and self.received.set(),
            lambda resolved: None,
            HANG_TIMEOUT,
            1.0,
            counters.Counters(metrics.COUNTERS),
        )
        self.addCleanup(self.supervisor.stop)
        self.supervisor.start_added(
            [
                wattmeter.Wattmeter(
                    'psu', Valueless, {'interval': 0.01}, ('p',), ()
                )
            ]
        )
        self.worker = self.supervisor._workers['psu']

    def check_late(self) -> None:
        """Simulate a long time without a value."""
        Valueless.reads.acquire(timeout=10)
        self.worker._last_seen_at -= 2 * HANG_TIMEOUT
        self.supervisor.check()

    def test_long_lack_of_values_is_logged_and_worker_is_kept(self):
        self.check_late()
        self.assertIn('No value from wattmeter psu for 120 s', self.log.output)
        self.assertIs(self.worker, self.supervisor._workers['psu'])

    def test_short_lack_of_values_is_not_logged(self):
        Valueless.reads.acquire(timeout=10)
        self.supervisor.check()
        self.assertNotIn('No value', self.log.output)

    def test_recovery_is_logged(self):
        self.check_late()
        Valueless.has_value.set()
        self.assertTrue(self.received.wait(10))
        # The message is logged after the readings were delivered.
        Valueless.reads.acquire(timeout=10)
        Valueless.reads.acquire(timeout=10)
        self.assertRegex(self.log.output, 'Wattmeter psu.* again')
