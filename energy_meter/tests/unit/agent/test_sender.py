# SPDX-License-Identifier: Apache-2.0

"""All marks and measurements reach the bus, also after outages."""

import re
import threading

import fixtures
from oslotest import base

from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import metrics
from energy_meter.agent import sender
from energy_meter.telemetry import counters

TIMEOUT_S = 20.0


def make_measurements(*elapsed):
    return [
        measurement.Measurement(
            measurement.Series(
                measurement.Probe('p', 'node', 'p', 'meter', 'dummy', 'agent'),
                measurement.RegisterKey('uuid', 'r'),
                None,
                True,
            ),
            0,
            time,
            0,
            time,
        )
        for time in elapsed
    ]


def make_marks(*elapsed):
    return [
        each._replace(is_mark=True) for each in make_measurements(*elapsed)
    ]


class Marks:
    """Marks as an announcer returns them.

    :ivar unsent: marks that were not announced.
    :ivar repeated: marks that are announced again.
    """

    def __init__(self):
        self.unsent, self.repeated = [], []
        self.count = 0
        self.collected = self.accepted = self.failed = 0

    def collect(self):
        self.collected += 1

    def next_unsent(self, limit):
        self.count = min(limit, len(self.unsent))
        return self.unsent[:limit]

    def sent_unsent(self):
        del self.unsent[: self.count]

    def next_repetition(self, limit):
        self.count = min(limit, len(self.repeated))
        return self.repeated[:limit]

    def sent_repetition(self):
        del self.repeated[: self.count]

    def accept(self, monotonic):
        self.accepted += 1

    def fail(self):
        self.failed += 1


class Schedule:
    """Clock and stop event of a sender, both without waiting.

    :param intervals: number of waits after which the sender stops.
    :ivar started: times at which waiting ended.
    """

    def __init__(self, intervals):
        self.now = 0.0
        self.started = []
        self._intervals = intervals

    def monotonic(self):
        return self.now

    def wait(self, timeout):
        self.now += max(timeout, 0.0)
        self.started.append(self.now)
        return len(self.started) > self._intervals

    def is_set(self):
        return len(self.started) > self._intervals


class Bus:
    """Bus that accepts messages, rejects them, or blocks the sender."""

    def __init__(self):
        self.lock = threading.Condition()
        self.messages = []
        self.attempts = 0
        self.error = None
        self.blocks = False

    def publish(self, batch):
        with self.lock:
            self.attempts += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: not self.blocks, TIMEOUT_S)
            if self.error:
                raise self.error
            self.messages.append([each.elapsed for each in batch])
            self.lock.notify_all()

    def set(self, error=None, blocks=False):
        with self.lock:
            self.error, self.blocks = error, blocks
            self.lock.notify_all()

    def wait_until(self, condition):
        with self.lock:
            assert self.lock.wait_for(condition, TIMEOUT_S)


class SenderTestCase(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(sender.__name__))
        self.useFixture(
            fixtures.MockPatchObject(sender, '_RETRY_INTERVAL_S', 0.001)
        )
        self.bus = Bus()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.backlog = backlog.Backlog(1000, self.counters)
        self.marks = Marks()
        self.saved = 0

    def save(self):
        # The registers of a message are saved before it.
        self.assertEqual(self.bus.attempts, self.saved)
        self.saved += 1

    def make(self, max_batch=100, interval=0.001):
        return sender.Sender(
            self.backlog,
            self.marks,
            self.save,
            self.bus,
            interval,
            max_batch,
            self.counters,
        )

    def start(self, max_batch=100, interval=0.001):
        started = self.make(max_batch, interval)
        started.start()
        self.addCleanup(self.end, started)
        return started

    def end(self, running):
        self.bus.set()
        running.stop(TIMEOUT_S)
        self.assertFalse(running.is_alive())

    def sent(self):
        return [
            elapsed for message in self.bus.messages for elapsed in message
        ]


class SenderTest(SenderTestCase):
    def test_queued_measurements_are_published(self):
        running = self.start()

        self.backlog.put(make_measurements(1, 2))
        self.bus.wait_until(lambda: self.bus.messages)
        self.backlog.put(make_measurements(3))
        self.bus.wait_until(lambda: len(self.bus.messages) == 2)
        self.end(running)

        self.assertEqual([[1, 2], [3]], self.bus.messages)

    def test_error_of_the_marks_does_not_end_the_thread(self):
        # Given marks that cannot be read once,
        errors = [RuntimeError('bug')]
        collect = self.marks.collect

        def fail_once():
            if errors:
                raise errors.pop()
            collect()

        self.marks.collect = fail_once
        self.backlog.put(make_measurements(1))

        # when the sender runs, then it publishes all the same, and logs it.
        running = self.start()
        self.bus.wait_until(lambda: self.bus.messages)
        self.end(running)
        self.assertEqual([[1]], self.bus.messages)
        self.assertIn(
            'Publishing failed (RuntimeError: bug); retrying', self.log.output
        )

    def test_empty_backlog_publishes_no_message(self):
        running = self.start()

        self.end(running)

        self.assertEqual(0, self.bus.attempts)

    def test_messages_are_limited_to_max_batch(self):
        self.backlog.put(make_measurements(*range(7)))

        self.end(self.start(max_batch=3, interval=1e6))

        self.assertEqual([[0, 1, 2], [3, 4, 5], [6]], self.bus.messages)
        self.assertEqual(
            (3.0, 7.0),
            (
                self.counters.value('messages_published'),
                self.counters.value('measurements_published'),
            ),
        )

    def test_measurements_are_queued_while_bus_is_unreachable(self):
        # Given an unreachable bus,
        self.bus.set(error=ConnectionRefusedError('amqp://user:secret@h'))
        running = self.start(max_batch=2)
        for elapsed in range(5):
            self.backlog.put(make_measurements(elapsed))
            attempts = self.bus.attempts
            self.bus.wait_until(
                lambda previous=attempts: self.bus.attempts > previous
            )
        self.assertEqual([], self.bus.messages)

        # when it is reachable again,
        self.bus.set()
        self.bus.wait_until(lambda: len(self.sent()) >= 5)
        self.end(running)

        # then all measurements are published once, in order.
        self.assertEqual([0, 1, 2, 3, 4], self.sent())
        self.assertEqual(
            self.bus.attempts - len(self.bus.messages),
            self.counters.value('publish_failures'),
        )
        self.assertEqual(
            [
                'Cannot publish (ConnectionRefusedError: amqp://***@h); '
                'measurements are queued',
                'Can publish again after some s; measurements queued: 5',
            ],
            re.sub(r'\d+ s', 'some s', self.log.output).splitlines(),
        )
        self.assertEqual(1, self.counters.value('outages', peer='bus'))

    def test_rest_is_published_after_failure_within_backlog(self):
        self.backlog.put(make_measurements(*range(6)))
        publish = self.bus.publish

        def fail_after_two(batch):
            self.bus.error = OSError() if self.bus.attempts == 2 else None
            publish(batch)

        self.bus.publish = fail_after_two
        running = self.start(max_batch=1)
        self.bus.wait_until(lambda: self.bus.attempts >= 7)
        self.end(running)

        self.assertEqual(list(range(6)), self.sent())
        self.assertEqual(1.0, self.counters.value('publish_failures'))

    def test_blocked_bus_does_not_block_recording(self):
        # Given a bus that blocks the sender,
        self.bus.set(blocks=True)
        self.backlog.put(make_measurements(1))
        running = self.start()
        self.bus.wait_until(lambda: self.bus.attempts == 1)

        # then measurements are still queued,
        self.backlog.put(make_measurements(2, 3))
        self.assertEqual(2, len(self.backlog))

        # and published when the bus unblocks.
        self.end(running)
        self.assertEqual([1, 2, 3], self.sent())

    def test_backlog_is_published_on_stop(self):
        running = self.start(interval=1e6)
        self.backlog.put(make_measurements(1))

        self.end(running)

        self.assertEqual([1], self.sent())

    def test_stop_does_not_wait_for_unreachable_bus(self):
        self.bus.set(error=OSError())
        self.backlog.put(make_measurements(1))
        running = self.start()
        self.bus.wait_until(lambda: self.bus.attempts)

        running.stop(TIMEOUT_S)

        self.assertFalse(running.is_alive())
        self.assertEqual(1, len(self.backlog))

    def test_sender_that_never_started_can_be_stopped(self):
        sender.Sender(
            self.backlog,
            self.marks,
            self.save,
            self.bus,
            1.0,
            1,
            self.counters,
        ).stop(TIMEOUT_S)

        self.assertEqual(0, self.bus.attempts)

    def test_registers_are_saved_before_each_message(self):
        self.backlog.put(make_measurements(*range(7)))

        self.end(self.start(max_batch=3, interval=1e6))

        self.assertEqual((3, 3), (self.saved, self.bus.attempts))


class ScheduleTest(SenderTestCase):
    def run_sender(self, duration):
        """Return when a sender of interval 1 starts to publish.

        :param duration: seconds that each publication takes.
        """
        schedule = Schedule(3)
        self.useFixture(
            fixtures.MockPatchObject(
                sender.time, 'monotonic', schedule.monotonic
            )
        )
        running = self.make(interval=1.0)
        running._stopping = schedule

        def collect():
            schedule.now += duration

        self.marks.collect = collect
        running.run()
        return schedule.started[:3]

    def test_time_of_a_publication_is_part_of_the_interval(self):
        self.assertEqual([1.0, 2.0, 3.0], self.run_sender(0.5))

    def test_publication_longer_than_the_interval_delays_the_next(self):
        self.assertEqual([1.0, 2.5, 4.0], self.run_sender(1.5))


class MarksTest(SenderTestCase):
    def test_marks_are_published_before_measurements(self):
        self.backlog.put(make_measurements(3))
        self.marks.unsent += make_marks(1, 2)

        self.end(self.start(interval=1e6))

        self.assertEqual([[1, 2], [3]], self.bus.messages)
        self.assertEqual(1, self.marks.collected)
        self.assertEqual(
            (2.0, 1.0),
            (
                self.counters.value('marks_announced'),
                self.counters.value('measurements_published'),
            ),
        )

    def test_marks_stay_unsent_while_bus_is_unreachable(self):
        self.bus.set(error=OSError())
        self.marks.unsent += make_marks(1)
        running = self.start()
        self.bus.wait_until(lambda: self.bus.attempts > 2)
        self.assertEqual(0, self.marks.accepted)

        self.bus.set()
        self.bus.wait_until(lambda: self.bus.messages)
        self.end(running)

        self.assertEqual([[1]], self.bus.messages)
        self.assertGreater(self.marks.failed, 1)

    def test_many_marks_do_not_delay_measurements(self):
        # Given the marks of a long outage,
        self.marks.unsent += make_marks(*range(1000))
        self.backlog.put(make_measurements(7777))

        # when the agent publishes once,
        self.end(self.start(max_batch=10, interval=1e6))

        # then the measurement follows after a limited number of messages.
        position = self.bus.messages.index([7777])
        self.assertEqual(sender._MAX_MARK_MESSAGES, position)

    def test_marks_are_repeated_after_the_measurements(self):
        self.backlog.put(make_measurements(3))
        self.marks.repeated += make_marks(1, 2)
        clock = self.useFixture(
            fixtures.MockPatchObject(
                sender.time, 'monotonic', side_effect=[0.0, 1.0]
            )
        )

        sent = sender.Sender(
            self.backlog,
            self.marks,
            self.save,
            self.bus,
            1.0,
            100,
            self.counters,
        )._send_all()

        self.assertTrue(sent)
        self.assertEqual([[3], [1, 2]], self.bus.messages)
        self.assertEqual(2, clock.mock.call_count)

    def test_repetitions_are_limited_to_one_message_per_second(self):
        self.marks.repeated += make_marks(*range(100))
        self.useFixture(
            fixtures.MockPatchObject(
                sender.time,
                'monotonic',
                side_effect=[0.0, 0.5, 1.0, 1.5, 2.0, 3600.0],
            )
        )
        tested = sender.Sender(
            self.backlog,
            self.marks,
            self.save,
            self.bus,
            1.0,
            1,
            self.counters,
        )

        for _ in range(4):
            tested._send_all()
        self.assertEqual([[0], [1]], self.bus.messages)

        # A long pause does not add up.
        tested._send_all()
        self.assertEqual(4, len(self.bus.messages))
