# SPDX-License-Identifier: Apache-2.0

"""Worker threads: reading, failures, hangs and schedules."""

import random
import threading
import time
import types
import typing

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import driving
from energy_meter.agent import wattmeter
from energy_meter.agent import worker
from energy_meter.drivers import base as drivers_base

TIMEOUT_S = 20.0
READING = measurement.Reading('p', 1.0)


class Polled(drivers_base.Driver):
    """Executes the script of its class, one step per read."""

    script: typing.ClassVar[list] = []
    calls: typing.ClassVar[list] = []

    def open(self):
        self.calls.append('open')

    def close(self):
        self.calls.append('close')

    def read(self):
        if not self.script:
            return []
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step() if callable(step) else step


class SelfPaced(Polled):
    self_paced = True

    def read(self):
        readings = super().read()
        if not readings:
            threading.Event().wait(0.001)
        return readings


class WorkerTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(worker.__name__))
        self.useFixture(
            fixtures.MockPatchObject(worker, 'INITIAL_BACKOFF_S', 0.0)
        )
        self.useFixture(
            fixtures.MockPatchObject(
                driving,
                '_throttled_log',
                log_throttle.ThrottledLogger(driving.LOG),
            )
        )
        self.received = []
        self.arrived = threading.Condition()

    def receive(self, readings):
        with self.arrived:
            self.received += readings
            self.arrived.notify_all()

    def wait_for_readings(self, count):
        with self.arrived:
            self.assertTrue(
                self.arrived.wait_for(
                    lambda: len(self.received) >= count, TIMEOUT_S
                )
            )

    def make(self, driver, *script, interval=0.001):
        self.driver = type(
            'Driver', (driver,), {'script': list(script), 'calls': []}
        )
        return worker.Worker(
            wattmeter.Wattmeter(
                'm', self.driver, {'interval': interval}, ('p',), ()
            ),
            self.receive,
            self.fail,
            60.0,
            log_throttle.ThrottledLogger(worker.LOG),
        )

    def start(self, driver, *script, **options):
        running = self.make(driver, *script, **options)
        running.start()
        self.addCleanup(self.end, running)
        return running

    def end(self, running):
        running.stop()
        running.join(TIMEOUT_S)
        self.assertFalse(running.is_alive())


class WorkerTest(WorkerTestCase):
    def test_readings_are_delivered(self):
        for driver in (Polled, SelfPaced):
            self.received.clear()
            readings = [
                measurement.Reading('p', watts) for watts in (1.0, 2.0, 3.0)
            ]
            running = self.start(driver, readings[:2], readings[2:])

            self.wait_for_readings(3)
            self.end(running)

            self.assertEqual(readings, self.received)

    def test_stopped_worker_closes_its_driver(self):
        running = self.start(Polled, [READING])
        self.wait_for_readings(1)

        self.end(running)

        self.assertEqual(['open', 'close'], self.driver.calls)

    def test_failed_driver_is_closed_and_opened_again(self):
        for driver in (Polled, SelfPaced):
            self.received.clear()
            running = self.start(
                driver, exception.DriverError(reason='no answer'), [READING]
            )

            self.wait_for_readings(1)
            self.end(running)

            self.assertEqual(['open', 'close', 'open'], self.driver.calls[:3])
            self.assertIn(
                'Wattmeter m cannot be read: no answer\n', self.log.output
            )
            self.assertIn('Wattmeter m can be read again', self.log.output)

    def test_crashed_driver_is_opened_again(self):
        self.start(Polled, ZeroDivisionError('by zero'), [READING])

        self.wait_for_readings(1)

        self.assertIn(
            'Wattmeter m cannot be read: ZeroDivisionError: by zero\n',
            self.log.output,
        )

    def test_ended_stream_is_opened_again(self):
        self.start(
            SelfPaced,
            [READING],
            exception.ProtocolError(device='m', reason='connection closed'),
            [READING],
        )

        self.wait_for_readings(2)

        self.assertEqual(['open', 'close', 'open'], self.driver.calls)
        self.assertIn(
            'Wattmeter m cannot be read: m: connection closed\n',
            self.log.output,
        )

    def test_error_of_close_does_not_hide_the_error_of_reading(self):
        # Given a driver that neither reads nor closes,
        class Unclosable(Polled):
            def close(self):
                raise ZeroDivisionError('on close')

        log = self.useFixture(fixtures.FakeLogger(driving.__name__))
        running = self.start(
            Unclosable, exception.DriverError(reason='no answer'), [READING]
        )

        # when it failed,
        self.wait_for_readings(1)
        self.end(running)

        # then the log has both errors.
        self.assertIn(
            'Wattmeter m cannot be read: no answer\n', self.log.output
        )
        self.assertIn(
            'Driver of wattmeter m cannot be closed: ZeroDivisionError: '
            'on close\n',
            log.output,
        )

    def test_driver_that_can_be_closed_again_is_logged(self):
        # Given a driver that cannot be closed after its first failure,
        class Unclosable(Polled):
            def close(self):
                super().close()
                if self.calls.count('close') == 1:
                    raise ZeroDivisionError('on close')

        log = self.useFixture(fixtures.FakeLogger(driving.__name__))
        running = self.start(
            Unclosable, exception.DriverError(reason='no answer'), [READING]
        )

        # when it failed, and was stopped later,
        self.wait_for_readings(1)
        self.end(running)

        # then the log has the recovery.
        self.assertIn(
            'Driver of wattmeter m can be closed again\n', log.output
        )

    def test_consecutive_failures_are_counted(self):
        running = self.start(
            Polled, *[exception.DriverError(reason='no')] * 3, [READING]
        )

        self.wait_for_readings(1)

        self.assertEqual(3, running.failures)

    def test_stable_driver_resets_its_failures(self):
        self.useFixture(
            fixtures.MockPatchObject(worker, 'STABLE_AFTER_S', -1.0)
        )
        running = self.start(
            Polled, *[exception.DriverError(reason='no')] * 3, [READING]
        )

        self.wait_for_readings(1)

        self.assertEqual(1, running.failures)

    def test_read_without_readings_delivers_nothing(self):
        self.start(SelfPaced, [], [], [READING])

        self.wait_for_readings(1)

        self.assertEqual([READING], self.received)

    def test_reading_of_an_abandoned_driver_is_dropped(self):
        # Given a driver that hangs,
        entered, released = threading.Event(), threading.Event()

        def hang():
            entered.set()
            released.wait(TIMEOUT_S)
            return [READING]

        running = self.start(Polled, hang)
        self.assertTrue(entered.wait(TIMEOUT_S))
        self.assertGreater(running.busy_for(time.monotonic() + 60), 59)

        # when it returns after it was abandoned,
        running.stop()
        released.set()
        running.join(TIMEOUT_S)

        # then its reading is dropped.
        self.assertEqual([], self.received)
        self.assertEqual(['open', 'close'], self.driver.calls)

    def test_error_of_an_abandoned_driver_is_not_logged(self):
        entered, released = threading.Event(), threading.Event()

        def hang():
            entered.set()
            released.wait(TIMEOUT_S)
            raise exception.DriverError(reason='interrupted')

        running = self.start(Polled, hang)
        self.assertTrue(entered.wait(TIMEOUT_S))
        running.stop()
        released.set()
        running.join(TIMEOUT_S)

        self.assertEqual('', self.log.output)

    def test_driver_between_two_reads_does_not_hang(self):
        running = self.make(Polled)

        self.assertEqual(0.0, running.busy_for(time.monotonic() + 1e6))


class ScheduleTest(WorkerTestCase):
    """Runs on a simulated clock that advances when the worker waits."""

    def setUp(self):
        super().setUp()
        self.monotonic = 1000.0
        self.useFixture(
            fixtures.MockPatchObject(
                worker,
                'time',
                types.SimpleNamespace(monotonic=lambda: self.monotonic),
            )
        )
        self.useFixture(
            fixtures.MockPatchObject(random, 'uniform', lambda low, high: high)
        )
        self.useFixture(
            fixtures.MockPatchObject(random, 'random', lambda: 0.25)
        )

    def run_until_done(self, driver, *script, failures=0, **options):
        """Run a worker until its script ends, and return its pauses."""
        pauses = []
        running = self.make(driver, *script, **options)
        running.failures = failures

        def wait(seconds):
            pauses.append(seconds)
            self.monotonic += seconds
            if not running.wattmeter.driver.script:
                running._stopping.set()
            return running._stopping.is_set()

        with fixtures.MockPatchObject(running._stopping, 'wait', wait):
            running.run()
        return pauses

    def read_in(self, seconds):
        """Return a step that takes this long and has a reading."""

        def read():
            self.times.append(self.monotonic)
            self.monotonic += seconds
            return [READING]

        return read

    def test_self_paced_driver_is_read_without_pauses(self):
        self.times = []

        pauses = self.run_until_done(
            SelfPaced,
            *[self.read_in(seconds) for seconds in (3.0, 0.5, 9.0)],
            exception.DriverError(reason='no'),
            interval=10.0,
        )

        self.assertEqual([1000.0, 1003.0, 1003.5], self.times)
        self.assertEqual([0.0], pauses)

    def test_empty_read_of_a_self_paced_driver_is_followed_by_a_pause(self):
        pauses = self.run_until_done(
            SelfPaced, [], [READING], [], exception.DriverError(reason='no')
        )

        for pause in pauses[:2]:
            self.assertAlmostEqual(worker.EMPTY_READ_PAUSE_S, pause)

    def test_schedule_does_not_drift(self):
        self.times = []

        self.run_until_done(
            Polled,
            *[self.read_in(seconds) for seconds in (3.0, 0.0, 9.0, 5.0)],
            interval=10.0,
        )

        self.assertEqual([1002.5, 1012.5, 1022.5, 1032.5], self.times)

    def test_missed_reads_are_skipped(self):
        self.times = []

        self.run_until_done(
            Polled,
            *[self.read_in(seconds) for seconds in (25.0, 0.0, 0.0)],
            interval=10.0,
        )

        self.assertEqual([1002.5, 1032.5, 1042.5], self.times)

    def test_backoff_doubles_up_to_its_maximum(self):
        self.useFixture(
            fixtures.MockPatchObject(worker, 'INITIAL_BACKOFF_S', 1.0)
        )

        pauses = self.run_until_done(
            SelfPaced, *[exception.DriverError(reason='no')] * 9
        )

        self.assertEqual([1, 2, 4, 8, 16, 32, 60, 60, 60], pauses)

    def test_failing_driver_is_retried_forever(self):
        self.useFixture(
            fixtures.MockPatchObject(worker, 'INITIAL_BACKOFF_S', 1.0)
        )

        pauses = self.run_until_done(
            SelfPaced, exception.DriverError(reason='no'), failures=100_000
        )

        self.assertEqual([60, 60], pauses)

    def test_replacement_backs_off_first(self):
        self.useFixture(
            fixtures.MockPatchObject(worker, 'INITIAL_BACKOFF_S', 1.0)
        )

        pauses = self.run_until_done(
            SelfPaced, exception.DriverError(reason='no'), failures=2
        )

        self.assertEqual([2, 4], pauses)
