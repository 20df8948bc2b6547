# SPDX-License-Identifier: Apache-2.0

"""The listener: what it hands on, and that nothing stops it."""

import queue
import threading

import fixtures
import hypothesis
from hypothesis import strategies
import oslo_messaging
from oslotest import base

from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.bus import publisher
from energy_meter.bus import transport
from energy_meter.tests.unit.bus import base as bus_base

PATIENCE = 20.0


class DispatcherTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.handled = []
        self.dispatcher = listener._Dispatcher(self.handled.append)

    def dispatch(self, *messages):
        return self.dispatcher.dispatch([_Incoming(item) for item in messages])

    def test_envelopes_of_all_messages_make_one_batch(self):
        given_back = self.dispatch(
            {'payload': {'envelopes': [1, 2]}},
            {'payload': {'envelopes': []}},
            {'payload': {'envelopes': [3]}},
        )

        self.assertEqual([[1, 2, 3]], self.handled)
        self.assertEqual(set(), given_back)

    def test_a_message_without_envelopes_counts_as_one_bad_envelope(self):
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
    def test_good_envelopes_pass_beside_any_message(self, message):
        self.handled.clear()

        self.dispatch(
            {'payload': {'envelopes': ['good']}},
            message,
            {'payload': {'envelopes': ['last']}},
        )

        (batch,) = self.handled
        self.assertEqual(('good', 'last'), (batch[0], batch[-1]))

    def test_a_stopping_service_gives_the_whole_batch_back(self):
        def stop(envelopes):
            raise listener.Stopping()

        incoming = [_Incoming({}), _Incoming({})]
        given_back = listener._Dispatcher(stop).dispatch(incoming)

        self.assertEqual(set(incoming), given_back)

    def test_a_batch_that_can_not_be_handled_does_not_come_again(self):
        log = self.useFixture(fixtures.FakeLogger(listener.__name__))

        given_back = listener._Dispatcher(lambda _: 1 / 0).dispatch(
            [_Incoming({'payload': {'envelopes': [1, 2]}})]
        )

        self.assertEqual(set(), given_back)
        self.assertIn('A batch of 2 envelopes was dropped', log.output)


class _Incoming:
    def __init__(self, message):
        self.message = message


class ListenerTest(bus_base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.batches = queue.Queue()
        self.publisher = publisher.Publisher(
            self.transport, bus_base.KEYRING, 'test'
        )

    def listen(
        self, batch_size=1, batch_timeout=0.01, handler=None, pool=None
    ):
        found = listener.Listener(
            self.transport,
            handler or self.batches.put,
            lambda: None,
            batch_size,
            batch_timeout,
            pool,
        )
        self.addCleanup(found.stop)
        found.start()
        return found

    def receive(self):
        return self.batches.get(timeout=PATIENCE)

    def send_raw(self, message):
        """Send what no notifier would."""
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

    def test_what_is_published_arrives(self):
        self.listen()
        words = [bus_base.word('a'), bus_base.word('b', 'other')]

        self.publisher.publish(words)

        self.assertEqual(
            words,
            [
                item
                for sealed in self.receive()
                for item in envelope.unseal(bus_base.KEYRING, sealed)
            ],
        )

    def test_what_waits_is_taken_in_batches_in_order(self):
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

    def test_whole_messages_come_with_their_context(self):
        found = listener.Listener(
            self.transport,
            self.batches.put,
            lambda: None,
            1,
            0.01,
            take=listener.whole,
        )
        self.addCleanup(found.stop)
        found.start()

        self.publisher.send([{'number': 1}, {'number': 2}], {'way': ['a']})

        (message,) = self.receive()
        self.assertEqual(['a'], message.context['way'])
        self.assertEqual([{'number': 1}, {'number': 2}], message.envelopes)

    def test_an_own_pool_takes_nothing_from_others(self):
        self.listen()
        copies = queue.Queue()
        self.listen(handler=copies.put, pool='energy_meter.copy')

        self.publisher.send([{'number': 1}])

        self.assertEqual([{'number': 1}], self.receive())
        self.assertEqual([{'number': 1}], copies.get(timeout=PATIENCE))

    def test_malformed_messages_stop_nothing(self):
        self.listen()
        good = {'number': 1}
        for odd in (
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
            self.send_raw(odd)
            self.publisher.send([good])

        received = [self.receive() for _ in range(10)]

        self.assertEqual([[None], [good]] * 5, received)

    def test_a_batch_given_back_comes_again(self):
        # Given a handler that can't do it the first time,
        calls = []

        def handle(envelopes):
            calls.append(envelopes)
            if len(calls) == 1:
                raise listener.Stopping()
            self.batches.put(envelopes)

        self.listen(handler=handle)
        self.publisher.send([{'number': 1}])

        self.assertEqual([{'number': 1}], self.receive())

    def test_stops_when_the_last_batch_was_handled(self):
        begun, go_on = threading.Event(), threading.Event()

        def handle(envelopes):
            begun.set()
            go_on.wait(PATIENCE)
            self.batches.put(envelopes)

        running = self.listen(handler=handle)
        self.publisher.send([{'number': 1}])
        begun.wait(PATIENCE)
        stopping = threading.Thread(target=running.stop)
        stopping.start()
        go_on.set()
        stopping.join(PATIENCE)

        self.assertEqual([{'number': 1}], self.batches.get_nowait())

    def test_a_bus_that_refuses_is_tried_again(self):
        # Given a broker that refuses twice,
        self.useFixture(
            fixtures.MonkeyPatch('energy_meter.bus.listener._RETRY', 0.01)
        )
        log = self.useFixture(fixtures.FakeLogger(listener.__name__))
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

        # when it is listened to,
        self.listen()
        self.publisher.send([{'number': 1}])

        # then what comes is read all the same.
        self.assertEqual([{'number': 1}], self.receive())
        self.assertEqual(2, log.output.count('refuses to be read'))

    def test_can_be_stopped_before_the_bus_was_reached(self):
        self.useFixture(
            fixtures.MonkeyPatch('energy_meter.bus.listener._RETRY', 0.01)
        )
        tried = threading.Event()

        def refuse(*args, **kwargs):
            tried.set()
            raise oslo_messaging.MessageDeliveryFailure('ACCESS_REFUSED')

        self.transport._listen_for_notifications = refuse
        running = self.listen()
        tried.wait(PATIENCE)

        running.stop()

    def test_told_to_stop_while_it_begins_it_stops(self):
        # Given a broker that takes its time,
        listen = self.transport._listen_for_notifications
        asked, answer, stopped = (threading.Event() for _ in range(3))

        def linger(*args, **kwargs):
            asked.set()
            answer.wait(PATIENCE)
            return listen(*args, **kwargs)

        self.transport._listen_for_notifications = linger
        running = self.listen()
        wait = running._server.wait
        running._server.wait = lambda: (wait(), stopped.set())
        asked.wait(PATIENCE)

        # when the service stops meanwhile,
        running.stop()
        answer.set()

        # then nothing is read any longer.
        self.assertTrue(stopped.wait(PATIENCE))
