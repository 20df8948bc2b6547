# SPDX-License-Identifier: Apache-2.0

"""Test of a flood of malformed and forged messages."""

import json
import random
import time

import fixtures
import kombu
from oslotest import base as test_base

from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

INVALID, VALID = 10_000, 100
AGENT = '11111111-1111-1111-1111-111111111111'
KEYRING = signing.Keyring([commands.SECRET])
UNKNOWN = signing.Keyring(['another secret'])


def sign(
    probe: str, millijoules: int, keyring: signing.Keyring = KEYRING
) -> envelope.Envelope:
    """Return an envelope with one measurement."""
    return envelope.sign(
        keyring,
        [
            measurement.Measurement(
                measurement.Series(
                    measurement.Probe(
                        probe, 'node', probe, 'desk', 'dummy', 'agent'
                    ),
                    measurement.RegisterKey(
                        AGENT, f'{hash(probe) % 2**64:016x}'
                    ),
                    None,
                    True,
                ),
                int(time.time() * 1000),
                100_000,
                millijoules,
                100_000,
                1.0,
            )
        ],
    )


def notify(payload: object, **fields: object) -> dict[str, object]:
    """Return the message that oslo.messaging sends for a notification."""
    message = {
        'message_id': 'm',
        'publisher_id': 'p',
        'event_type': 'e',
        'priority': 'INFO',
        'payload': payload,
        'timestamp': 't',
        **fields,
    }
    return {'oslo.version': '2.0', 'oslo.message': json.dumps(message)}


def sign_body(body: str) -> envelope.Envelope:
    """Return an envelope with any body and a valid signature."""
    signed = sign('poisoned', 1)
    signed['body'] = body
    signed['signature'] = KEYRING.sign(
        '\n'.join(
            ('energy_meter', '2', signed['key_id'], AGENT, 'agent', body)
        ).encode()
    )
    return signed


def make_invalid(generator: random.Random) -> object:
    """Return a message that must have no effect."""
    valid = sign('poisoned', 10**9)
    body = valid['body']
    envelopes = [
        valid | {'signature': '0' * 64},
        valid | {'key_id': 'x' * 16},
        valid | {'agent': AGENT.replace('1', '2')},
        valid | {'agent_name': 'other'},
        valid | {'version': 1},
        valid | {'version': 3},
        valid | {'body': body[: generator.randrange(len(body))]},
        valid | {'body': 7},
        {},
        None,
        7,
        [valid],
        sign('poisoned', 1, UNKNOWN),
        {name: value for name, value in valid.items() if name != 'signature'},
        sign_body('[' * 100_000),
        sign_body('x' * 200_000),
        sign_body('null'),
        sign_body(body.replace('100000', '1e999', 1)),
        sign_body(body.replace('100000', 'NaN', 1)),
        sign_body(body.replace('100000', 'true', 1)),
        sign_body(body.replace('100000', '-1.0', 1)),
        sign_body(body.replace('100000', '9' * 4000, 1)),
        sign_body(body.replace('1000000000', '9007199254740991')),
        sign_body(body.replace('{', '{"driver":"dummy",', 1)),
        sign_body(body.replace('"energy"', '"water"')),
        sign_body(body.replace('"after":null', '"after":["f",1]')),
        sign_body(body.replace('"synced":true', '"synced":1')),
        sign_body(body.replace('null,null,0]', 'null,null,1]')),
        sign_body(body.replace('"poisoned"', '"' + 'p' * 191 + '"')),
        sign_body(body.replace('"poisoned"', '"\\u0000"')),
        sign_body(body.replace('"poisoned"', '"\\ud800"')),
    ]
    outer: list[object] = [
        notify({'envelopes': []}, priority=5),
        notify(None),
        notify([]),
        notify({'envelopes': 5}),
        notify({'envelopes': [[]]}),
        notify({'envelopes': {}}, _context_x=5),
        {'oslo.version': '2.0'},
        {'oslo.version': '9.0', 'oslo.message': '{}'},
        {'oslo.version': '2.0', 'oslo.message': '[' * 1000},
        {'oslo.version': '2.0', 'oslo.message': '5'},
        5,
        None,
        [],
        'text',
        {'payload': 5, 'priority': 'INFO'},
    ]
    if generator.random() < 0.8:
        return notify({'envelopes': [generator.choice(envelopes)]})
    return generator.choice(outer)


class PoisonTest(test_base.BaseTestCase):
    def test_valid_messages_arrive_among_ten_thousand_invalid_ones(self):
        broker = base.shared(rabbitmq.RabbitMQ)
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        database = f'sqlite:///{directory}/db.sqlite'
        url = broker.add_vhost()
        configuration = commands.Configuration(
            directory,
            DEFAULT={'transport_url': url},
            database={'connection': database},
            collector={'batch_size': 100},
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        collector = self.useFixture(commands.collector(configuration))

        self.send(url)

        expected = {f'valid-{number}': number for number in range(VALID)}
        base.wait_for(
            lambda: len(commands.energy(database)) >= VALID,
            120,
            'all valid messages arrive',
        )
        self.assertEqual(expected, commands.energy(database))
        self.assertIsNone(collector.returncode)
        self.assertLess(len(collector.output().splitlines()), 200)

    @staticmethod
    def send(url: str) -> None:
        generator = random.Random(5)
        valid = iter(range(VALID))
        with kombu.Connection(url.replace('rabbit:', 'amqp:')) as connection:
            producer = connection.Producer()
            for number in range(INVALID + VALID):
                is_valid = number % ((INVALID + VALID) // VALID) == 0
                index = next(valid) if is_valid else None
                message = (
                    make_invalid(generator)
                    if index is None
                    else notify({'envelopes': [sign(f'valid-{index}', index)]})
                )
                producer.publish(
                    json.dumps(message),
                    exchange='energy_meter',
                    routing_key='energy_meter.info',
                    content_type=generator.choice(
                        ['application/json'] * 50 + ['text/plain']
                    )
                    if index is None
                    else 'application/json',
                    content_encoding='utf-8',
                )
