# SPDX-License-Identifier: Apache-2.0

"""All measurements reach the bus in order, also after outages."""

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
            measurement.Probe('p', 'node', 'p', 'meter', 'dummy', 'agent'),
            measurement.RegisterKey('uuid', 'r', 1),
            0.0,
            seconds,
            0,
            seconds,
        )
        for seconds in elapsed
    ]


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


class SenderTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(sender.__name__))
        self.useFixture(
            fixtures.MockPatchObject(sender, '_RETRY_INTERVAL_S', 0.001)
        )
        self.bus = Bus()
        self.counters = counters.Counters(metrics.COUNTERS)
        self.backlog = backlog.Backlog(1000, self.counters)

    def start(self, max_batch=100, interval=0.001):
        started = sender.Sender(
            self.backlog, self.bus, interval, max_batch, self.counters
        )
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

    def test_queued_measurements_are_published(self):
        running = self.start()

        self.backlog.put(make_measurements(1, 2))
        self.bus.wait_until(lambda: self.bus.messages)
        self.backlog.put(make_measurements(3))
        self.bus.wait_until(lambda: len(self.bus.messages) == 2)
        self.end(running)

        self.assertEqual([[1, 2], [3]], self.bus.messages)

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
                'Connection to the bus restored',
            ],
            self.log.output.splitlines(),
        )

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
        sender.Sender(self.backlog, self.bus, 1.0, 1, self.counters).stop(
            TIMEOUT_S
        )

        self.assertEqual(0, self.bus.attempts)
