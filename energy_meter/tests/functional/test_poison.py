# SPDX-License-Identifier: Apache-2.0

"""Thousands of messages that nobody should have sent."""

import json
import random
import time
import typing

import fixtures
import kombu
from oslotest import base as test_base

from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

BAD, GOOD = 10_000, 100
AGENT = '11111111-1111-1111-1111-111111111111'
KEYRING = signing.Keyring([commands.SECRET])
STRANGER = signing.Keyring(['another secret'])


def seal(
    probe: str, millijoules: int, keyring: signing.Keyring = KEYRING
) -> dict[str, typing.Any]:
    """Make an envelope with one measurement."""
    return envelope.seal(
        keyring,
        [
            measurement.Measurement(
                measurement.Probe(
                    probe, 'node', probe, 'desk', 'dummy', 'agent'
                ),
                measurement.RegisterKey(
                    AGENT, f'{hash(probe) % 2**64:016x}', 1
                ),
                time.time(),
                100.0,
                millijoules,
                100.0,
                1.0,
            )
        ],
    )


def notify(payload: object, **fields: object) -> dict[str, object]:
    """Make the message that oslo.messaging makes of a notification."""
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


def signed(body: str) -> dict[str, typing.Any]:
    """Make an envelope that verifies, whatever its body."""
    made = seal('poisoned', 1)
    made['body'] = body
    made['signature'] = KEYRING.sign(
        '\n'.join(
            ('energy_meter', '1', made['key_id'], AGENT, 'agent', body)
        ).encode()
    )
    return made


def poison(chance: random.Random) -> object:
    """Make a message that must have no effect."""
    good = seal('poisoned', 10**9)
    body = good['body']
    envelopes = [
        good | {'signature': '0' * 64},
        good | {'key_id': 'x' * 16},
        good | {'agent': AGENT.replace('1', '2')},
        good | {'agent_name': 'other'},
        good | {'version': 2},
        good | {'body': body[: chance.randrange(len(body))]},
        good | {'body': 7},
        {},
        None,
        7,
        [good],
        seal('poisoned', 1, STRANGER),
        {name: value for name, value in good.items() if name != 'signature'},
        signed('[' * 100_000),
        signed('x' * 200_000),
        signed('null'),
        signed(body.replace('100.0', '1e999', 1)),
        signed(body.replace('100.0', 'NaN', 1)),
        signed(body.replace('100.0', 'true', 1)),
        signed(body.replace('100.0', '-1.0', 1)),
        signed(body.replace('100.0', '9' * 4000, 1)),
        signed(body.replace('1000000000', '9007199254740991')),
        signed(body.replace('{', '{"driver":"dummy",', 1)),
        signed(body.replace('"poisoned"', '"' + 'p' * 191 + '"')),
        signed(body.replace('"poisoned"', '"\\u0000"')),
        signed(body.replace('"poisoned"', '"\\ud800"')),
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
    if chance.random() < 0.8:
        return notify({'envelopes': [chance.choice(envelopes)]})
    return chance.choice(outer)


class PoisonTest(test_base.BaseTestCase):
    def test_good_messages_arrive_among_ten_thousand_bad_ones(self):
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

        expected = {f'good-{number}': number for number in range(GOOD)}
        base.wait_for(
            lambda: len(commands.energy(database)) >= GOOD,
            120,
            'all good messages arrive',
        )
        self.assertEqual(expected, commands.energy(database))
        self.assertIsNone(collector.returncode)
        self.assertLess(len(collector.output().splitlines()), 200)

    @staticmethod
    def send(url: str) -> None:
        chance = random.Random(5)
        good = iter(range(GOOD))
        with kombu.Connection(url.replace('rabbit:', 'amqp:')) as connection:
            producer = connection.Producer()
            for number in range(BAD + GOOD):
                last = number % ((BAD + GOOD) // GOOD) == 0
                index = next(good) if last else None
                message = (
                    poison(chance)
                    if index is None
                    else notify({'envelopes': [seal(f'good-{index}', index)]})
                )
                producer.publish(
                    json.dumps(message),
                    exchange='energy_meter',
                    routing_key='energy_meter.info',
                    content_type=chance.choice(
                        ['application/json'] * 50 + ['text/plain']
                    )
                    if index is None
                    else 'application/json',
                    content_encoding='utf-8',
                )
