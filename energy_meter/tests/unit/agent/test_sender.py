# SPDX-License-Identifier: Apache-2.0

"""Whatever the bus does, all measurements reach it in their order."""

import threading

import fixtures
from oslotest import base

from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import sender

PATIENCE = 20.0


def words(*elapsed):
    return [
        measurement.Measurement(
            measurement.Probe('p', 'node', 'p', 'meter', 'dummy', 'agent'),
            measurement.RegisterKey('uuid', 'r', 1),
            0.0,
            at,
            0,
            at,
        )
        for at in elapsed
    ]


class Bus:
    """Takes messages, refuses them, or holds up whoever sends."""

    def __init__(self):
        self.lock = threading.Condition()
        self.messages = []
        self.tries = 0
        self.error = None
        self.blocks = False

    def publish(self, batch):
        with self.lock:
            self.tries += 1
            self.lock.notify_all()
            self.lock.wait_for(lambda: not self.blocks, PATIENCE)
            if self.error:
                raise self.error
            self.messages.append([word.elapsed for word in batch])
            self.lock.notify_all()

    def set(self, error=None, blocks=False):
        with self.lock:
            self.error, self.blocks = error, blocks
            self.lock.notify_all()

    def wait_until(self, condition):
        with self.lock:
            assert self.lock.wait_for(condition, PATIENCE)


class SenderTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(sender.__name__))
        self.useFixture(fixtures.MockPatchObject(sender, '_RETRY', 0.001))
        self.bus = Bus()
        self.counters = counters.Counters()
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
        running.stop(PATIENCE)
        self.assertFalse(running.is_alive())

    def sent(self):
        return [
            elapsed for message in self.bus.messages for elapsed in message
        ]

    def test_what_waits_is_sent(self):
        running = self.start()

        self.backlog.put(words(1, 2))
        self.bus.wait_until(lambda: self.bus.messages)
        self.backlog.put(words(3))
        self.bus.wait_until(lambda: len(self.bus.messages) == 2)
        self.end(running)

        self.assertEqual([[1, 2], [3]], self.bus.messages)

    def test_nothing_is_no_message(self):
        running = self.start()

        self.end(running)

        self.assertEqual(0, self.bus.tries)

    def test_no_message_is_larger_than_it_may_be(self):
        self.backlog.put(words(*range(7)))

        self.end(self.start(max_batch=3, interval=1e6))

        self.assertEqual([[0, 1, 2], [3, 4, 5], [6]], self.bus.messages)
        self.assertEqual(
            (3.0, 7.0),
            (
                self.counters.value('messages'),
                self.counters.value('measurements'),
            ),
        )

    def test_while_the_bus_is_away_everything_waits(self):
        # Given a bus that is away,
        self.bus.set(error=ConnectionRefusedError('amqp://user:secret@h'))
        running = self.start(max_batch=2)
        for at in range(5):
            self.backlog.put(words(at))
            tries = self.bus.tries
            self.bus.wait_until(lambda known=tries: self.bus.tries > known)
        self.assertEqual([], self.bus.messages)

        # when it is back,
        self.bus.set()
        self.bus.wait_until(lambda: len(self.sent()) >= 5)
        self.end(running)

        # then it gets everything in order, and once.
        self.assertEqual([0, 1, 2, 3, 4], self.sent())
        self.assertEqual(
            self.bus.tries - len(self.bus.messages),
            self.counters.value('publish_failures'),
        )
        self.assertEqual(
            [
                'The bus does not take messages (ConnectionRefusedError: '
                'amqp://***@h); they wait',
                'The bus takes messages again',
            ],
            self.log.output.splitlines(),
        )

    def test_a_bus_that_fails_halfway_gets_the_rest_later(self):
        self.backlog.put(words(*range(6)))
        publish = self.bus.publish

        def fail_after_two(batch):
            self.bus.error = OSError() if self.bus.tries == 2 else None
            publish(batch)

        self.bus.publish = fail_after_two
        running = self.start(max_batch=1)
        self.bus.wait_until(lambda: self.bus.tries >= 7)
        self.end(running)

        self.assertEqual(list(range(6)), self.sent())
        self.assertEqual(1.0, self.counters.value('publish_failures'))

    def test_who_measures_never_waits_for_the_bus(self):
        # Given a bus that holds up whoever sends,
        self.bus.set(blocks=True)
        self.backlog.put(words(1))
        running = self.start()
        self.bus.wait_until(lambda: self.bus.tries == 1)

        # then measuring goes on,
        self.backlog.put(words(2, 3))
        self.assertEqual(2, len(self.backlog))

        # and all is sent when the bus lets go.
        self.end(running)
        self.assertEqual([1, 2, 3], self.sent())

    def test_the_last_words_are_sent_in_the_end(self):
        running = self.start(interval=1e6)
        self.backlog.put(words(1))

        self.end(running)

        self.assertEqual([1], self.sent())

    def test_the_end_does_not_wait_for_a_bus_that_is_away(self):
        self.bus.set(error=OSError())
        self.backlog.put(words(1))
        running = self.start()
        self.bus.wait_until(lambda: self.bus.tries)

        running.stop(PATIENCE)

        self.assertFalse(running.is_alive())
        self.assertEqual(1, len(self.backlog))

    def test_one_that_never_started_can_be_stopped(self):
        sender.Sender(self.backlog, self.bus, 1.0, 1, self.counters).stop(
            PATIENCE
        )

        self.assertEqual(0, self.bus.tries)
