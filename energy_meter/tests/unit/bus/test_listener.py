# SPDX-License-Identifier: Apache-2.0

"""Tests of the listener, with malformed messages in particular."""

import queue
import threading

import fixtures
import hypothesis
from hypothesis import strategies
import oslo_messaging
from oslotest import base

from energy_meter.bus import listener
from energy_meter.bus import messaging_log
from energy_meter.bus import metrics
from energy_meter.bus import publisher
from energy_meter.bus import transport
from energy_meter.telemetry import counters
from energy_meter.tests.unit.bus import base as bus_base

TIMEOUT_S = 20.0


class DispatcherTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.handled = []
        self.rejected = []
        self.dispatcher = self.make(
            lambda envelopes: self.handled.append(list(envelopes))
        )

    def make(self, handler):
        return listener._Dispatcher(
            handler,
            self.rejected.append,
            listener.envelopes,
            listener.unverified,
        )

    def dispatch(self, *messages):
        return self.dispatcher.dispatch(
            [_Incoming(message) for message in messages]
        )

    def test_envelopes_of_all_messages_form_one_batch(self):
        requeued = self.dispatch(
            {'payload': {'envelopes': [1, 2]}},
            {'payload': {'envelopes': []}},
            {'payload': {'envelopes': [3]}},
        )

        self.assertEqual([[1, 2, 3]], self.handled)
        self.assertEqual(set(), requeued)

    def test_message_without_envelopes_counts_as_one_invalid_envelope(self):
        for message in (
            None,
            5,
            'text',
            [],
            {},
            {'payload': None},
            {'payload': []},
            {'payload': {}},
            {'payload': {'envelopes': None}},
            {'payload': {'envelopes': {'a': 1}}},
            {'payload': {'envelopes': 'abc'}},
        ):
            self.handled.clear()
            self.dispatch(message)
            self.assertEqual([[None]], self.handled, message)

    @hypothesis.given(
        strategies.recursive(
            strategies.none() | strategies.integers() | strategies.text(),
            lambda inner: (
                strategies.lists(inner, max_size=3)
                | strategies.dictionaries(
                    strategies.sampled_from(
                        ['payload', 'envelopes', 'priority']
                    ),
                    inner,
                )
            ),
        )
    )
    def test_valid_envelopes_are_handled_beside_any_message(self, message):
        self.handled.clear()

        self.dispatch(
            {'payload': {'envelopes': ['valid']}},
            message,
            {'payload': {'envelopes': ['last']}},
        )

        (batch,) = self.handled
        self.assertEqual(('valid', 'last'), (batch[0], batch[-1]))

    def test_stopping_service_requeues_the_batch(self):
        def stop(envelopes):
            raise listener.Stopping()

        incoming = [_Incoming({}), _Incoming({})]
        requeued = self.make(stop).dispatch(incoming)

        self.assertEqual(set(incoming), requeued)

    def test_batch_that_cannot_be_handled_is_not_requeued(self):
        log = self.useFixture(fixtures.FakeLogger(listener.__name__))

        requeued = self.make(lambda _: 1 / 0).dispatch(
            [_Incoming({'payload': {'envelopes': [1, 2]}})]
        )

        self.assertEqual(set(), requeued)
        self.assertIn('Failed to handle a batch of 1 messages', log.output)


class _Incoming:
    def __init__(self, message):
        self.message = message
        self.ctxt = {}


class ListenerTest(bus_base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.batches = queue.Queue()
        self.publisher = publisher.MeasurementPublisher(
            self.transport, bus_base.KEYRING, 'test'
        )

    def listen(
        self, batch_size=1, batch_timeout=0.01, handler=None, pool=None
    ):
        started = listener.Listener(
            self.transport,
            handler or self.put,
            self.fail,
            batch_size,
            batch_timeout,
            pool,
        )
        self.addCleanup(started.stop)
        started.start()
        return started

    def put(self, envelopes):
        self.batches.put(list(envelopes))

    def receive(self):
        return self.batches.get(timeout=TIMEOUT_S)

    def send_raw(self, message):
        """Send a message that no notifier would send."""
        self.transport._send_notification(
            oslo_messaging.Target(
                exchange=transport.EXCHANGE,
                topic=f'{transport.TOPIC}.{transport.PRIORITY}',
            ),
            {},
            message,
            version=2.0,
            retry=0,
        )

    def test_published_measurements_arrive(self):
        self.listen()
        measurements = [
            bus_base.make_measurement('a'),
            bus_base.make_measurement('b', 'other'),
        ]

        self.publisher.publish(measurements)

        self.assertEqual(
            measurements,
            [
                measurement
                for signed in self.receive()
                for measurement in bus_base.verify_and_decode(
                    bus_base.KEYRING, signed
                )
            ],
        )

    def test_queued_messages_arrive_in_batches_in_order(self):
        for number in range(5):
            self.publisher.send([{'number': number}])

        self.listen(batch_size=2)

        self.assertEqual(
            [
                [{'number': 0}, {'number': 1}],
                [{'number': 2}, {'number': 3}],
                [{'number': 4}],
            ],
            [self.receive() for _ in range(3)],
        )

    def test_messages_arrive_with_their_context(self):
        started = listener.Listener(
            self.transport,
            self.put,
            self.fail,
            1,
            0.01,
            extract=listener.message,
        )
        self.addCleanup(started.stop)
        started.start()

        self.publisher.send([{'number': 1}, {'number': 2}], {'route': ['a']})

        (message,) = self.receive()
        self.assertEqual(['a'], message.context['route'])
        self.assertEqual([{'number': 1}, {'number': 2}], message.envelopes)

    def test_messages_that_wait_are_requeued_when_it_stops(self):
        # Given a message that is handled, and another that waits,
        started, resume = threading.Event(), threading.Event()

        def handle(envelopes):
            started.set()
            resume.wait(TIMEOUT_S)

        running = self.listen(handler=handle)
        self.publisher.send([{'number': 1}])
        started.wait(TIMEOUT_S)
        self.publisher.send([{'number': 2}])

        # when the service stops,
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        resume.set()
        stopping.join(TIMEOUT_S)

        # then the next one receives the message that waited.
        self.listen()
        self.assertEqual([{'number': 2}], self.receive())

    def test_pool_receives_its_own_copies(self):
        self.listen()
        copies = queue.Queue()
        self.listen(
            handler=lambda batch: copies.put(list(batch)),
            pool='energy_meter.copy',
        )

        self.publisher.send([{'number': 1}])

        self.assertEqual([{'number': 1}], self.receive())
        self.assertEqual([{'number': 1}], copies.get(timeout=TIMEOUT_S))

    def test_malformed_messages_do_not_stop_the_listener(self):
        self.listen()
        valid = {'number': 1}
        for malformed in (
            {},
            {'priority': 5},
            {'priority': None, 'payload': 7},
            {
                'event_type': [],
                'publisher_id': {},
                'timestamp': 1,
                'message_id': None,
                'priority': 'INFO',
                'payload': [None],
            },
            {'priority': {'a': 1}, 'payload': {'envelopes': 'x'}},
        ):
            self.send_raw(malformed)
            self.publisher.send([valid])

        received = [self.receive() for _ in range(10)]

        self.assertEqual([[None], [valid]] * 5, received)

    def test_requeued_batch_is_redelivered(self):
        # Given a handler that fails at the first call,
        calls = []

        def handle(envelopes):
            calls.append(list(envelopes))
            if len(calls) == 1:
                raise listener.Stopping()
            self.batches.put(calls[-1])

        self.listen(handler=handle)
        self.publisher.send([{'number': 1}])

        self.assertEqual([{'number': 1}], self.receive())

    def test_stop_waits_for_the_last_batch(self):
        started, resume = threading.Event(), threading.Event()

        def handle(envelopes):
            started.set()
            resume.wait(TIMEOUT_S)
            self.put(envelopes)

        running = self.listen(handler=handle)
        self.publisher.send([{'number': 1}])
        started.wait(TIMEOUT_S)
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        resume.set()
        stopping.join(TIMEOUT_S)

        self.assertEqual([{'number': 1}], self.batches.get_nowait())

    def test_listener_retries_if_broker_refuses(self):
        # Given a broker that refuses twice,
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.bus.listener._RETRY_INTERVAL_S', 0.01
            )
        )
        counts = counters.Counters(metrics.consumer())
        reader_log = messaging_log.ReaderLog(counts)
        reader_log.start()
        self.addCleanup(reader_log.stop)
        listen = self.transport._listen_for_notifications
        refusals = [
            oslo_messaging.MessageDeliveryFailure('ACCESS_REFUSED'),
            OSError('no route'),
        ]

        def refuse(*args, **kwargs):
            if refusals:
                raise refusals.pop()
            return listen(*args, **kwargs)

        self.transport._listen_for_notifications = refuse

        # when the listener is started,
        self.listen()
        self.publisher.send([{'number': 1}])

        # then it reads messages in the end, after one outage.
        self.assertEqual([{'number': 1}], self.receive())
        self.assertEqual(1, counts.value('outages', peer='bus'))

    def test_stops_before_the_bus_is_reached(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.bus.listener._RETRY_INTERVAL_S', 0.01
            )
        )
        tried = threading.Event()

        def refuse(*args, **kwargs):
            tried.set()
            raise oslo_messaging.MessageDeliveryFailure('ACCESS_REFUSED')

        self.transport._listen_for_notifications = refuse
        running = self.listen()
        tried.wait(TIMEOUT_S)

        running.stop()

    def test_stops_while_it_connects(self):
        # Given a slow broker,
        listen = self.transport._listen_for_notifications
        connecting, accept, stopped = (threading.Event() for _ in range(3))

        def connect_slowly(*args, **kwargs):
            connecting.set()
            accept.wait(TIMEOUT_S)
            connection = listen(*args, **kwargs)
            connection.cleanup = stopped.set
            return connection

        self.transport._listen_for_notifications = connect_slowly
        running = self.listen()
        connecting.wait(TIMEOUT_S)

        # when the service stops before it is connected,
        running.stop()
        accept.set()

        # then the connection is closed.
        self.assertTrue(stopped.wait(TIMEOUT_S))
