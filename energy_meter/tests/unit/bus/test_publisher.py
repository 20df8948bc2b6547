# SPDX-License-Identifier: Apache-2.0

"""The publisher: one message, an envelope for each wattmeter."""

import oslo_messaging

from energy_meter.bus import envelope
from energy_meter.bus import publisher
from energy_meter.tests.unit.bus import base


class PublisherTest(base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.publisher = publisher.Publisher(
            self.transport, base.KEYRING, 'meter-1'
        )
        self.sent = []
        self.transport._send_notification = (
            lambda target, context, message, **how: self.sent.append(
                (target, message, how)
            )
        )

    def test_measurements_are_grouped_by_wattmeter_and_agent(self):
        # An agent also repeats last words of the agent that it once was.
        words = [
            base.word('a', 'w'),
            base.word('b', 'v'),
            base.word('c', 'w'),
            base.word('a', 'w', agent='1' * 8),
        ]

        self.publisher.publish(words)

        ((_, message, _),) = self.sent
        read = [
            envelope.unseal(base.KEYRING, sealed)
            for sealed in message['payload']['envelopes']
        ]
        self.assertEqual(
            [['a', 'c'], ['b'], ['a']],
            [[word.probe.id for word in group] for group in read],
        )

    def test_the_message_is_a_notification(self):
        self.publisher.send([{}])

        ((target, message, how),) = self.sent
        self.assertEqual(
            ('energy_meter', 'energy_meter.info'),
            (target.exchange, target.topic),
        )
        self.assertEqual({'version': 2.0, 'retry': 0}, how)
        self.assertEqual(
            {
                'event_type': 'energy_meter.measurements',
                'priority': 'INFO',
                'publisher_id': 'meter-1',
                'payload': {'envelopes': [{}]},
            },
            {
                name: message[name]
                for name in (
                    'event_type',
                    'priority',
                    'publisher_id',
                    'payload',
                )
            },
        )
        self.assertRegex(
            message['timestamp'], r'^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+$'
        )

    def test_a_message_that_was_not_taken_is_an_error(self):
        def refuse(*args, **kwargs):
            raise oslo_messaging.MessageDeliveryFailure('away')

        self.transport._send_notification = refuse

        self.assertRaises(
            oslo_messaging.MessagingException,
            self.publisher.publish,
            [base.word()],
        )
