# SPDX-License-Identifier: Apache-2.0

"""Tests of the forwarder service."""

import sys
import threading

import fixtures
import oslo_messaging

from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.bus import message as bus_message
from energy_meter.forwarder import service
from energy_meter.tests.unit.bus import base as bus_base

TIMEOUT_S = 20.0


def sign(probe, keyring=bus_base.KEYRING):
    return envelope.sign(keyring, [bus_base.make_measurement(probe)])


def message(*envelopes, **context):
    return bus_message.Message(context, list(envelopes))


class ForwarderTest(bus_base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.forwarder.service._RETRY_INTERVAL_S', 0.01
            )
        )
        self.conf.set_override('secrets', ['current-secret'], 'bus')
        self.configure(sources=['fake://source'], name='here')
        self.sent = []

    def configure(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, 'forwarder')

    def make(self, send=None):
        forwarder = service.Forwarder(self.conf, lambda: self.conf)
        forwarder._destination._send_notification = send or self.send
        return forwarder

    def send(self, target, context, content, **options):
        self.sent.append((context, content['payload']['envelopes']))

    def test_envelopes_are_forwarded_unchanged(self):
        first, second = sign('a'), sign('b')

        self.make().handle([message(first), message(second)])

        self.assertEqual(
            [({'energy_meter_route': ['here']}, [first, second])], self.sent
        )

    def test_reconnect_is_counted(self):
        forwarder = self.make()
        forwarder.start()
        self.addCleanup(forwarder.stop)

        bus_base.log_reconnect()

        self.assertEqual(1, forwarder.counters.value('broker_reconnects'))

    def test_route_of_each_message_is_extended(self):
        first, second = sign('a'), sign('b')

        self.make().handle(
            [
                message(first, energy_meter_route=['there'], other=1),
                message(second),
            ]
        )

        self.assertEqual(
            [
                ({'energy_meter_route': ['there', 'here']}, [first]),
                ({'energy_meter_route': ['here']}, [second]),
            ],
            self.sent,
        )

    def test_message_that_returns_is_dropped(self):
        forwarder = self.make()

        forwarder.handle(
            [message(sign('a'), energy_meter_route=['here', 'there'])]
        )

        self.assertEqual([], self.sent)
        self.assertEqual(
            1, forwarder.counters.value('messages_dropped', reason='loop')
        )

    def test_message_is_dropped_after_max_hops(self):
        self.configure(max_hops=3)
        forwarder = self.make()

        forwarder.handle(
            [
                message(sign('a'), energy_meter_route=['1', '2']),
                message(sign('b'), energy_meter_route=['1', '2', '3']),
            ]
        )

        self.assertEqual(
            [['1', '2', 'here']],
            [context['energy_meter_route'] for context, _ in self.sent],
        )
        self.assertEqual(
            1, forwarder.counters.value('messages_dropped', reason='hops')
        )

    def test_invalid_messages_are_counted_and_dropped(self):
        valid = sign('a')
        forwarder = self.make()

        forwarder.handle(
            [
                message(None),
                message(valid | {'signature': '0' * 64}, valid, 5),
                message(sign('b'), energy_meter_route=7),
            ]
        )

        self.assertEqual([[valid]], [envelopes for _, envelopes in self.sent])
        self.assertEqual(
            3,
            forwarder.counters.value('envelopes_rejected', reason='malformed'),
        )
        self.assertEqual(
            1,
            forwarder.counters.value(
                'envelopes_rejected', reason='bad_signature'
            ),
        )

    def test_rejections_are_logged_outside_the_handler(self):
        # Inside it oslo.log would append the error to the line.
        handled = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.log_throttle.ThrottledLogger.warning',
                lambda *args: handled.append(sys.exc_info()[0]),
            )
        )

        self.make().handle(
            [message({}), message({}, energy_meter_route='not a list')]
        )

        self.assertEqual([None, None], handled)

    def test_filtered_envelopes_are_counted(self):
        self.configure(probes=['node-*'])
        forwarder = self.make()

        forwarder.handle([message(sign('rack-1'), sign('node-1'))])

        self.assertEqual([1], [len(envelopes) for _, envelopes in self.sent])
        self.assertEqual(1, forwarder.counters.value('envelopes_filtered'))

    def test_batch_is_retried_until_destination_confirms_it(self):
        # Given a destination that refuses twice,
        refusals = [
            oslo_messaging.MessageDeliveryFailure('away'),
            OSError('no route'),
        ]

        def send(*args, **options):
            if refusals:
                raise refusals.pop()
            self.send(*args, **options)

        # when a batch is handled,
        forwarder = self.make(send)
        forwarder.handle([message(sign('a'))])

        # then it is sent once.
        self.assertEqual(1, len(self.sent))
        self.assertEqual(2, forwarder.counters.value('publish_failures'))
        self.assertEqual(1, forwarder.counters.value('envelopes_forwarded'))

    def test_stop_requeues_messages_while_destination_is_unreachable(self):
        tried = threading.Event()

        def refuse(*args, **options):
            tried.set()
            raise oslo_messaging.MessageDeliveryFailure('away')

        forwarder = self.make(refuse)
        threading.Thread(
            target=lambda: (tried.wait(TIMEOUT_S), forwarder.stop())
        ).start()

        self.assertRaises(
            listener.Stopping, forwarder.handle, [message(sign('a'))]
        )

    def test_counters_are_logged_periodically(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.forwarder.service._REPORT_INTERVAL_S', 0.01
            )
        )
        lines = []
        complete = threading.Event()

        def log(text, *args):
            lines.append(text % args)
            if len(lines) == 2:
                complete.set()

        forwarder = self.make()
        forwarder.handle([message(sign('a'), None)])
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.forwarder.service.LOG.info', log
            )
        )
        forwarder._reporter.start()
        self.addCleanup(forwarder.stop)
        complete.wait(TIMEOUT_S)

        self.assertEqual(
            [
                'In the last 0 s: messages_received 1, '
                'envelopes_rejected (malformed) 1, envelopes_forwarded 1',
                'In the last 0 s: no messages',
            ],
            lines[:2],
        )


class ReloadTest(bus_base.BusTestCase):
    """Tests of SIGHUP."""

    def setUp(self):
        super().setUp()
        self.conf.set_override('secrets', ['current-secret'], 'bus')
        self.conf.set_override('sources', ['fake://source'], 'forwarder')
        self.forwarder = service.Forwarder(self.conf, lambda: self.conf)
        self.sent = []
        self.forwarder._destination._send_notification = (
            lambda target, context, content, **how: self.sent.append(
                content['payload']['envelopes']
            )
        )

    def handle(self, *envelopes):
        self.forwarder.handle([bus_message.Message({}, list(envelopes))])

    def test_secrets_and_patterns_are_reloaded(self):
        signed = sign('a', keyring=signing.Keyring(['new']))
        self.handle(signed)
        self.assertEqual([], self.sent)
        self.conf.set_override('secrets', ['current-secret', 'new'], 'bus')
        self.conf.set_override('probes', ['a'], 'forwarder')
        self.forwarder.reset()
        self.handle(signed, sign('b'))
        self.assertEqual([[signed]], self.sent)

    def test_failed_reload_keeps_secrets_and_patterns(self):
        self.conf.set_override('secrets', [], 'bus')
        self.conf.set_override('probes', ['b'], 'forwarder')
        self.assertRaises(exception.MissingSecrets, self.forwarder.reset)
        signed = sign('a')
        self.handle(signed)
        self.assertEqual([[signed]], self.sent)


class ConfigurationTest(bus_base.BusTestCase):
    def make(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, 'forwarder')
        return service.Forwarder(self.conf, lambda: self.conf)

    def assert_invalid(self, expected, **options):
        error = self.assertRaises(
            exception.ConfigurationError, self.make, **options
        )
        self.assertIn(expected, str(error))

    def test_missing_source_is_an_error(self):
        self.assert_invalid('[forwarder] sources: expected the URL')

    def test_source_equal_to_destination_is_an_error(self):
        self.conf.set_override('transport_url', 'rabbit://u:hunter2@a:1/v')
        self.assert_invalid(
            '[forwarder] sources: rabbit://a:1/v is also',
            sources=['rabbit://b', 'rabbit://x:y@a:1/v'],
        )

    def test_invalid_name_is_an_error(self):
        self.assert_invalid(
            '[forwarder] name: expected',
            name='x' * 191,
            sources=['fake://source'],
        )

    def test_filtering_and_re_signing_require_secrets(self):
        for options in (
            {'re_sign': True},
            {'probes': ['a']},
            {'wattmeters': ['a']},
        ):
            self.assertRaises(
                exception.MissingSecrets,
                self.make,
                sources=['fake://source'],
                **options,
            )
            self.conf.clear_override(next(iter(options)), 'forwarder')

    def test_warns_if_messages_are_not_verified(self):
        log = self.useFixture(fixtures.FakeLogger(service.__name__))

        self.make(sources=['fake://source'])

        self.assertIn('messages are not verified', log.output)

    def test_default_name_depends_on_destination(self):
        def name(url):
            self.conf.set_override('transport_url', url)
            return self.make(sources=['fake://source'])._name

        self.assertNotEqual(name('rabbit://a'), name('rabbit://b'))
        self.assertEqual(name('rabbit://x:y@a'), name('rabbit://x:z@a'))
