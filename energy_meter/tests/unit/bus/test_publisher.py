# SPDX-License-Identifier: Apache-2.0

"""Tests of the publishers."""

import contextlib
import weakref

import oslo_messaging

from energy_meter.bus import publisher
from energy_meter.tests.unit.bus import base


class MeasurementPublisherTest(base.BusTestCase):
    def setUp(self):
        super().setUp()
        self.publisher = publisher.MeasurementPublisher(
            self.transport, base.KEYRING, 'meter-1'
        )
        self.sent = []
        self.transport._send_notification = (
            lambda target, context, message, **options: self.sent.append(
                (target, message, options)
            )
        )

    def test_measurements_are_grouped_by_wattmeter_and_agent(self):
        # An agent with a new UUID still repeats the final measurements of
        # the registers that it opened under the old one.
        measurements = [
            base.make_measurement('a', 'w'),
            base.make_measurement('b', 'v'),
            base.make_measurement('c', 'w'),
            base.make_measurement('a', 'w', agent='1' * 8),
        ]

        self.publisher.publish(measurements)

        ((_, message, _),) = self.sent
        groups = [
            base.verify_and_decode(base.KEYRING, signed)
            for signed in message['payload']['envelopes']
        ]
        self.assertEqual(
            [['a', 'c'], ['b'], ['a']],
            [
                [measurement.probe.id for measurement in group]
                for group in groups
            ],
        )

    def test_message_is_a_notification(self):
        self.publisher.send([{}])

        ((target, message, options),) = self.sent
        self.assertEqual(
            ('energy_meter', 'energy_meter.info'),
            (target.exchange, target.topic),
        )
        self.assertEqual({'version': 1.0, 'retry': 0}, options)
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

    def test_messages_do_not_stay_in_memory(self):
        # Given messages that the driver keeps in reference cycles, whether
        # it can send them or not,
        kept = []

        class Cycle:
            def __init__(self):
                self.itself = self

        def refuse(*args, **kwargs):
            cycle = Cycle()
            kept.append(weakref.ref(cycle))
            if len(kept) % 2:
                raise oslo_messaging.MessageDeliveryFailure('away')

        self.transport._send_notification = refuse

        # when more are sent than may be kept,
        for _ in range(publisher._MAX_KEPT + 1):
            with contextlib.suppress(oslo_messaging.MessageDeliveryFailure):
                self.publisher.send([{}])

        # then most of them are freed.
        alive = sum(each() is not None for each in kept)
        self.assertLess(alive, 5)

    def test_unconfirmed_message_is_an_error(self):
        def refuse(*args, **kwargs):
            raise oslo_messaging.MessageDeliveryFailure('away')

        self.transport._send_notification = refuse

        self.assertRaises(
            oslo_messaging.MessagingException,
            self.publisher.publish,
            [base.make_measurement()],
        )
