# SPDX-License-Identifier: Apache-2.0

"""Whatever a driver does, its wattmeter is read again."""

import random
import threading
import time
import types

import fixtures
from oslotest import base

from energy_meter import complaint
from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import wattmeter
from energy_meter.agent import worker
from energy_meter.drivers import base as drivers_base

PATIENCE = 20.0
READING = measurement.Reading('p', 1.0)
#: A step that ends a stream.
END = 'end'


class Scripted(drivers_base.Driver):
    """Does what its class is told, one step after the other."""

    script: list = []
    calls: list = []

    def open(self):
        self.calls.append('open')

    def close(self):
        self.calls.append('close')

    def step(self):
        if not self.script:
            return []
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step() if callable(step) else step


class Polled(Scripted, drivers_base.PolledDriver):
    def read(self):
        return self.step()


class Streaming(Scripted, drivers_base.StreamingDriver):
    def stream(self):
        while (step := self.step()) is not END:
            if not step:
                threading.Event().wait(0.001)
            yield from step or [None]


class WorkerTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(worker.__name__))
        self.useFixture(fixtures.MockPatchObject(worker, '_FIRST_PAUSE', 0.0))
        self.taken = []
        self.arrived = threading.Condition()

    def take(self, readings):
        with self.arrived:
            self.taken += readings
            self.arrived.notify_all()

    def wait_for_readings(self, count):
        with self.arrived:
            self.assertTrue(
                self.arrived.wait_for(
                    lambda: len(self.taken) >= count, PATIENCE
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
            self.take,
            self.fail,
            60.0,
            complaint.Complaints(worker.LOG),
        )

    def start(self, driver, *script, **options):
        made = self.make(driver, *script, **options)
        made.start()
        self.addCleanup(self.end, made)
        return made

    def end(self, running):
        running.stop()
        running.join(PATIENCE)
        self.assertFalse(running.is_alive())


class WorkerTest(WorkerTestCase):
    def test_readings_are_handed_on(self):
        for driver in (Polled, Streaming):
            self.taken.clear()
            readings = [
                measurement.Reading('p', watts) for watts in (1.0, 2.0, 3.0)
            ]
            running = self.start(driver, readings[:2], readings[2:])

            self.wait_for_readings(3)
            self.end(running)

            self.assertEqual(readings, self.taken)

    def test_a_driver_is_closed_in_the_end(self):
        running = self.start(Polled, [READING])
        self.wait_for_readings(1)

        self.end(running)

        self.assertEqual(['open', 'close'], self.driver.calls)

    def test_a_driver_that_fails_is_closed_and_opened_anew(self):
        for driver in (Polled, Streaming):
            self.taken.clear()
            running = self.start(
                driver, exception.DriverError(reason='no answer'), [READING]
            )

            self.wait_for_readings(1)
            self.end(running)

            self.assertEqual(['open', 'close', 'open'], self.driver.calls[:3])
            self.assertIn(
                'Wattmeter m can not be read: no answer\n', self.log.output
            )
            self.assertIn('Wattmeter m can be read again', self.log.output)

    def test_a_driver_that_crashes_is_opened_anew(self):
        self.start(Polled, ZeroDivisionError('by zero'), [READING])

        self.wait_for_readings(1)

        self.assertIn(
            'Wattmeter m can not be read: ZeroDivisionError: by zero\n',
            self.log.output,
        )

    def test_a_stream_that_ends_is_opened_anew(self):
        self.start(Streaming, [READING], END, [READING])

        self.wait_for_readings(2)

        self.assertEqual(['open', 'close', 'open'], self.driver.calls)
        self.assertIn('Wattmeter m can not be read: ', self.log.output)

    def test_failures_in_a_row_are_counted(self):
        running = self.start(
            Polled, *[exception.DriverError(reason='no')] * 3, [READING]
        )

        self.wait_for_readings(1)

        self.assertEqual(3, running.failures)

    def test_a_driver_that_worked_for_long_has_recovered(self):
        self.useFixture(
            fixtures.MockPatchObject(worker, '_PROVEN_AFTER', -1.0)
        )
        running = self.start(
            Polled, *[exception.DriverError(reason='no')] * 3, [READING]
        )

        self.wait_for_readings(1)

        self.assertEqual(1, running.failures)

    def test_silence_of_a_stream_is_no_reading(self):
        self.start(Streaming, [None, None, READING])

        self.wait_for_readings(1)

        self.assertEqual([READING], self.taken)

    def test_what_a_given_up_driver_reads_is_dropped(self):
        # Given a driver that hangs,
        entered, released = threading.Event(), threading.Event()

        def hang():
            entered.set()
            released.wait(PATIENCE)
            return [READING]

        running = self.start(Polled, hang)
        self.assertTrue(entered.wait(PATIENCE))
        self.assertGreater(running.busy_for(time.monotonic() + 60), 59)

        # when it comes back after it was given up,
        running.stop()
        released.set()
        running.join(PATIENCE)

        # then nobody hears of it.
        self.assertEqual([], self.taken)
        self.assertEqual(['open', 'close'], self.driver.calls)

    def test_what_a_given_up_driver_raises_is_nothing_to_talk_of(self):
        entered, released = threading.Event(), threading.Event()

        def hang():
            entered.set()
            released.wait(PATIENCE)
            raise exception.DriverError(reason='interrupted')

        running = self.start(Polled, hang)
        self.assertTrue(entered.wait(PATIENCE))
        running.stop()
        released.set()
        running.join(PATIENCE)

        self.assertEqual('', self.log.output)

    def test_a_driver_that_waits_for_its_turn_does_not_hang(self):
        running = self.make(Polled)

        self.assertEqual(0.0, running.busy_for(time.monotonic() + 1e6))


class ScheduleTest(WorkerTestCase):
    """Runs without waiting: time passes when the worker waits."""

    def setUp(self):
        super().setUp()
        self.now = 1000.0
        self.useFixture(
            fixtures.MockPatchObject(
                worker,
                'time',
                types.SimpleNamespace(monotonic=lambda: self.now),
            )
        )
        self.useFixture(
            fixtures.MockPatchObject(random, 'uniform', lambda low, high: high)
        )
        self.useFixture(
            fixtures.MockPatchObject(random, 'random', lambda: 0.25)
        )

    def run_until_done(self, driver, *script, failures=0, **options):
        """Run a worker until its script is done; give its pauses."""
        pauses = []
        made = self.make(driver, *script, **options)
        made.failures = failures

        def wait(seconds):
            pauses.append(seconds)
            self.now += seconds
            if not made.wattmeter.driver.script:
                made._stopping.set()
            return made._stopping.is_set()

        with fixtures.MockPatchObject(made._stopping, 'wait', wait):
            made.run()
        return pauses

    def read_in(self, seconds):
        """Make a step that takes so long."""

        def read():
            self.times.append(self.now)
            self.now += seconds
            return []

        return read

    def test_the_schedule_does_not_drift(self):
        self.times = []

        self.run_until_done(
            Polled,
            *[self.read_in(seconds) for seconds in (3.0, 0.0, 9.0, 5.0)],
            interval=10.0,
        )

        self.assertEqual([1002.5, 1012.5, 1022.5, 1032.5], self.times)

    def test_what_could_not_be_read_in_time_is_left_out(self):
        self.times = []

        self.run_until_done(
            Polled,
            *[self.read_in(seconds) for seconds in (25.0, 0.0, 0.0)],
            interval=10.0,
        )

        self.assertEqual([1002.5, 1032.5, 1042.5], self.times)

    def test_pauses_after_failures_double_up_to_a_limit(self):
        self.useFixture(fixtures.MockPatchObject(worker, '_FIRST_PAUSE', 1.0))

        pauses = self.run_until_done(
            Streaming, *[exception.DriverError(reason='no')] * 9
        )

        self.assertEqual([1, 2, 4, 8, 16, 32, 60, 60, 60], pauses)

    def test_a_driver_that_always_fails_is_tried_for_ever(self):
        self.useFixture(fixtures.MockPatchObject(worker, '_FIRST_PAUSE', 1.0))

        pauses = self.run_until_done(
            Streaming, exception.DriverError(reason='no'), failures=100_000
        )

        self.assertEqual([60, 60], pauses)

    def test_a_successor_of_failures_pauses_first(self):
        self.useFixture(fixtures.MockPatchObject(worker, '_FIRST_PAUSE', 1.0))

        pauses = self.run_until_done(
            Streaming, exception.DriverError(reason='no'), failures=2
        )

        self.assertEqual([2, 4], pauses)
