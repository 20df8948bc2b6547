# SPDX-License-Identifier: Apache-2.0

"""What a forwarder does with messages, whoever wrote them."""

import sys
import threading

import fixtures
import oslo_messaging

from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.forwarder import service
from energy_meter.tests.unit.bus import base as bus_base

PATIENCE = 20.0


def seal(probe, keyring=bus_base.KEYRING):
    return envelope.seal(keyring, [bus_base.word(probe)])


def message(*envelopes, **context):
    return listener.Message(context, list(envelopes))


class ForwarderTest(bus_base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.useFixture(
            fixtures.MonkeyPatch('energy_meter.forwarder.service._RETRY', 0.01)
        )
        self.conf.set_override('secrets', ['current-secret'], 'bus')
        self.configure(sources=['fake://source'], name='here')
        self.sent = []

    def configure(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, 'forwarder')

    def make(self, send=None):
        made = service.Forwarder(self.conf, lambda: self.conf)
        made._destination._send_notification = send or self.send
        return made

    def send(self, target, context, content, **how):
        self.sent.append((context, content['payload']['envelopes']))

    def test_envelopes_arrive_as_they_were(self):
        first, second = seal('a'), seal('b')

        self.make().handle([message(first), message(second)])

        self.assertEqual(
            [({'energy_meter_route': ['here']}, [first, second])], self.sent
        )

    def test_a_source_that_was_lost_is_counted(self):
        forwarder = self.make()
        forwarder.start()
        self.addCleanup(forwarder.stop)

        bus_base.tell_of_reconnect()

        self.assertEqual(1, forwarder.counters.value('reconnects'))

    def test_the_way_of_each_message_goes_on(self):
        first, second = seal('a'), seal('b')

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

    def test_a_message_that_was_here_goes_no_further(self):
        forwarder = self.make()

        forwarder.handle(
            [message(seal('a'), energy_meter_route=['here', 'there'])]
        )

        self.assertEqual([], self.sent)
        self.assertEqual(1, forwarder.counters.value('stopped', reason='loop'))

    def test_a_message_passes_so_many_forwarders_and_no_more(self):
        self.configure(max_hops=3)
        forwarder = self.make()

        forwarder.handle(
            [
                message(seal('a'), energy_meter_route=['1', '2']),
                message(seal('b'), energy_meter_route=['1', '2', '3']),
            ]
        )

        self.assertEqual(
            [['1', '2', 'here']],
            [context['energy_meter_route'] for context, _ in self.sent],
        )
        self.assertEqual(1, forwarder.counters.value('stopped', reason='hops'))

    def test_junk_is_counted_and_dropped(self):
        good = seal('a')
        forwarder = self.make()

        forwarder.handle(
            [
                message(None),
                message(good | {'signature': '0' * 64}, good, 5),
                message(seal('b'), energy_meter_route=7),
            ]
        )

        self.assertEqual([[good]], [found for _, found in self.sent])
        self.assertEqual(
            3, forwarder.counters.value('rejected', cause='malformed')
        )
        self.assertEqual(
            1, forwarder.counters.value('rejected', cause='bad-signature')
        )

    def test_a_rejection_is_told_once_a_line(self):
        # oslo.log adds the error that is being handled while it writes.
        handled = []
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.complaint.Complaints.complain',
                lambda *told: handled.append(sys.exc_info()[0]),
            )
        )

        self.make().handle(
            [message({}), message({}, energy_meter_route='no list')]
        )

        self.assertEqual([None, None], handled)

    def test_what_is_not_wanted_is_counted(self):
        self.configure(probes=['node-*'])
        forwarder = self.make()

        forwarder.handle([message(seal('rack-1'), seal('node-1'))])

        self.assertEqual([1], [len(found) for _, found in self.sent])
        self.assertEqual(1, forwarder.counters.value('unselected'))

    def test_a_batch_waits_for_its_destination(self):
        # Given a destination that refuses twice,
        refusals = [
            oslo_messaging.MessageDeliveryFailure('away'),
            OSError('no route'),
        ]

        def send(*args, **how):
            if refusals:
                raise refusals.pop()
            self.send(*args, **how)

        # when a batch comes,
        forwarder = self.make(send)
        forwarder.handle([message(seal('a'))])

        # then it arrives, once.
        self.assertEqual(1, len(self.sent))
        self.assertEqual(2, forwarder.counters.value('publish_failures'))
        self.assertEqual(1, forwarder.counters.value('forwarded'))

    def test_stopped_while_its_destination_is_away_it_keeps_nothing(self):
        tried = threading.Event()

        def refuse(*args, **how):
            tried.set()
            raise oslo_messaging.MessageDeliveryFailure('away')

        forwarder = self.make(refuse)
        threading.Thread(
            target=lambda: (tried.wait(PATIENCE), forwarder.stop())
        ).start()

        # The messages go back.
        self.assertRaises(
            listener.Stopping, forwarder.handle, [message(seal('a'))]
        )

    def test_says_each_minute_what_it_did(self):
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.forwarder.service._REPORT_INTERVAL', 0.01
            )
        )
        lines = []
        told = threading.Event()

        def tell(text, *words):
            lines.append(text % words)
            if len(lines) == 2:
                told.set()

        forwarder = self.make()
        forwarder.handle([message(seal('a'), None)])
        self.useFixture(
            fixtures.MonkeyPatch(
                'energy_meter.forwarder.service.LOG.info', tell
            )
        )
        forwarder._reporter.start()
        self.addCleanup(forwarder.stop)
        told.wait(PATIENCE)

        self.assertEqual(
            [
                'In the last 0 s: messages 1, rejected (malformed) 1, '
                'forwarded 1',
                'In the last 0 s: nothing came',
            ],
            lines[:2],
        )


class ReloadTest(bus_base.BusTestCase):
    """SIGHUP, while envelopes pass."""

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
        self.forwarder.handle([listener.Message({}, list(envelopes))])

    def test_secrets_and_patterns_are_read_anew(self):
        item = seal('a', keyring=signing.Keyring(['new']))
        self.handle(item)
        self.assertEqual([], self.sent)
        self.conf.set_override('secrets', ['current-secret', 'new'], 'bus')
        self.conf.set_override('probes', ['a'], 'forwarder')
        self.forwarder.reset()
        self.handle(item, seal('b'))
        self.assertEqual([[item]], self.sent)

    def test_without_the_secrets_that_it_needs_it_goes_on_as_before(self):
        self.conf.set_override('secrets', [], 'bus')
        self.conf.set_override('probes', ['b'], 'forwarder')
        self.assertRaises(exception.MissingSecrets, self.forwarder.reset)
        item = seal('a')
        self.handle(item)
        self.assertEqual([[item]], self.sent)


class ConfigurationTest(bus_base.BusTestCase):
    def make(self, **options):
        for name, value in options.items():
            self.conf.set_override(name, value, 'forwarder')
        return service.Forwarder(self.conf, lambda: self.conf)

    def assert_refused(self, expected, **options):
        error = self.assertRaises(
            exception.ConfigurationError, self.make, **options
        )
        self.assertIn(expected, str(error))

    def test_without_a_source_there_is_nothing_to_do(self):
        self.assert_refused('[forwarder] sources: expected the URL')

    def test_a_source_is_not_the_destination(self):
        self.conf.set_override('transport_url', 'rabbit://u:hunter2@a:1/v')
        self.assert_refused(
            '[forwarder] sources: rabbit://a:1/v is also',
            sources=['rabbit://b', 'rabbit://x:y@a:1/v'],
        )

    def test_a_name_is_printable(self):
        self.assert_refused(
            '[forwarder] name: expected',
            name='x' * 191,
            sources=['fake://source'],
        )

    def test_secrets_are_needed_to_look_into_envelopes(self):
        for options in (
            {'resign': True},
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

    def test_without_secrets_it_says_that_nothing_is_verified(self):
        log = self.useFixture(fixtures.FakeLogger(service.__name__))

        self.make(sources=['fake://source'])

        self.assertIn('what passes is not verified', log.output)

    def test_forwarders_to_other_destinations_have_other_names(self):
        def name(url):
            self.conf.set_override('transport_url', url)
            return self.make(sources=['fake://source'])._name

        self.assertNotEqual(name('rabbit://a'), name('rabbit://b'))
        self.assertEqual(name('rabbit://x:y@a'), name('rabbit://x:z@a'))
