# SPDX-License-Identifier: Apache-2.0

"""Bounds of messages, on the wire and in the publishers."""

import itertools
import json
import types
import zlib

import amqp
import hypothesis
from hypothesis import strategies
from kombu.transport import pyamqp
from oslo_messaging._drivers import impl_rabbit
from oslotest import base

from energy_meter import exception
from energy_meter.bus import envelope
from energy_meter.bus import message
from energy_meter.tests.unit.bus import base as bus_base


def encode(content: object) -> bytes:
    """Return the bytes that oslo.messaging sends for a notification."""
    return json.dumps(
        {'oslo.version': '2.0', 'oslo.message': json.dumps(content)}
    ).encode()


def deliver(body: bytes, **headers: object) -> types.SimpleNamespace:
    """Return a message from RabbitMQ as oslo.messaging delivers it."""
    message.postpone_parsing()
    received = amqp.Message(body, application_headers=headers)
    received.delivery_info = {'delivery_tag': 1}
    delivered = impl_rabbit.RabbitMessage(pyamqp.Channel.Message(received))
    return types.SimpleNamespace(message=delivered, ctxt={})


def receive(body: bytes, **headers: object) -> message.Message:
    """Read a message from RabbitMQ."""
    return message.read(deliver(body, **headers))


class ReadTest(base.BaseTestCase):
    def assert_rejected(
        self, reason: str, body: bytes, **headers: object
    ) -> None:
        error = self.assertRaises(
            exception.RejectedMessage, receive, body, **headers
        )
        self.assertEqual(reason, error.reason)
        self.assertLess(len(str(error)), 200)

    def test_envelopes_and_context_are_read(self):
        body = encode({'payload': {'envelopes': [1, 2]}, '_context_a': 'b'})

        self.assertEqual(({'a': 'b'}, [1, 2]), receive(body))

    def test_message_without_envelopes_counts_as_an_invalid_one(self):
        self.assertEqual(({}, [None]), receive(encode({'payload': 5})))

    def test_size_is_that_on_the_wire(self):
        body = encode({'payload': {'envelopes': []}})

        self.assertEqual(len(body), message.size(deliver(body)))

    def test_too_large_message_takes_no_memory(self):
        body = b'!' * (message.MAX_MESSAGE_BYTES + 1)

        self.assertEqual(0, message.size(deliver(body)))

    def test_size_of_messages_of_other_brokers_is_unknown(self):
        parsed = types.SimpleNamespace(message={'payload': {}}, ctxt={})

        self.assertEqual(0, message.size(parsed))

    def test_too_large_message_is_rejected_unparsed(self):
        body = b'!' * (message.MAX_MESSAGE_BYTES + 1)

        self.assert_rejected('too_large', body)

    def test_largest_message_is_parsed(self):
        body = encode({}).ljust(message.MAX_MESSAGE_BYTES)

        self.assertEqual(({}, [None]), receive(body))

    def test_too_many_envelopes_are_rejected(self):
        self.assert_rejected(
            'too_large',
            encode({'payload': {'envelopes': [{}] * 2001}}),
        )

    def test_compressed_message_is_not_decompressed(self):
        body = encode({'payload': {'envelopes': [1]}})

        self.assert_rejected(
            'unreadable',
            zlib.compress(body),
            compression='application/x-gzip',
        )

    def test_message_that_ended_its_readers_is_dropped_in_the_end(self):
        body = encode({'payload': {'envelopes': [1]}})

        self.assertEqual(({}, [1]), receive(body, **{'x-delivery-count': 100}))
        self.assert_rejected('redelivered', body, **{'x-delivery-count': 101})

    def test_delivery_count_of_another_type_is_ignored(self):
        self.assertEqual(
            ({}, [None]), receive(encode({}), **{'x-delivery-count': 'many'})
        )

    def test_what_is_not_a_notification_is_rejected(self):
        for body in (
            b'',
            b'\xff',
            b'5',
            b'null',
            b'[' * 100_000,
            b'9' * 10_000,
            json.dumps({'oslo.version': '9.0', 'oslo.message': ''}).encode(),
            json.dumps({'oslo.version': 5, 'oslo.message': '{}'}).encode(),
            json.dumps({'oslo.version': 'x', 'oslo.message': '{}'}).encode(),
            json.dumps({'oslo.version': '2.0', 'oslo.message': 5}).encode(),
            json.dumps({'oslo.version': '2.0', 'oslo.message': '['}).encode(),
            encode('text'),
        ):
            self.assert_rejected('unreadable', body)

    @hypothesis.given(strategies.binary(max_size=100))
    def test_any_bytes_are_read_or_rejected(self, body):
        try:
            receive(body)
        except exception.RejectedMessage as error:
            self.assertEqual('unreadable', error.reason)


class SplitTest(base.BaseTestCase):
    @hypothesis.given(
        strategies.sampled_from(['a', '"', '\\', 'é', '€', '😀']),
        strategies.lists(
            strategies.integers(1, envelope.MAX_BODY_BYTES),
            min_size=1,
            max_size=5,
        ),
    )
    @hypothesis.settings(max_examples=20, deadline=None)
    def test_readers_accept_what_publishers_send(self, character, sizes):
        envelopes = [
            envelope.Envelope(
                version=2,
                key_id='0' * 16,
                agent='0' * 36,
                agent_name=character * 190,
                body=character * (size // len(character.encode())),
                signature='0' * 64,
            )
            for size in sizes
        ]

        parts = list(message.split(envelopes))

        self.assertEqual(envelopes, list(itertools.chain(*parts)))
        for part in parts:
            self.assertEqual(
                part, receive(encode({'payload': {'envelopes': part}}))[1]
            )

    def test_number_of_envelopes_is_limited(self):
        signed = envelope.sign(bus_base.KEYRING, [bus_base.make_measurement()])
        small = signed | {'body': '', 'agent_name': ''}

        parts = list(message.split([small] * 4001))

        self.assertEqual([2000, 2000, 1], list(map(len, parts)))
