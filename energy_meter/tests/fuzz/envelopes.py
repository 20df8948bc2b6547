# SPDX-License-Identifier: Apache-2.0

"""Fuzz target: whatever arrives is read or rejected, and nothing else."""

import json
import math
import pathlib

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import trust
from energy_meter.tests.fuzz import draw

_GOLDEN = json.loads(
    (
        pathlib.Path(__file__).parents[1] / 'unit/bus/golden_envelope.json'
    ).read_text('utf-8')
)
_SECRET = 'current-secret'
_KEYRING = signing.Keyring([_SECRET])
_TRUST = trust.Trust([_SECRET], [trust.Agent('own', ['own'], ['rack?-*'])])
_OWN = signing.Keyring(['own'])

_AS_IT_IS, _SIGNED, _SIGNED_AS_OWN, _MADE = range(4)

#: What may stand in any place of a body that is made.
_ODD = (
    None,
    True,
    0,
    1,
    -1,
    0.5,
    2**53 - 1,
    2**53,
    1e308,
    float('inf'),
    float('nan'),
    '',
    ' ',
    'a',
    'a ',
    'node',
    'rack1-1',
    '\u202e',
    '\ud800',
    'x' * 190,
    'x' * 191,
    '0123456789abcdef',
    [],
    [[]],
    {},
    {'a': {}},
)


def seeds() -> list[bytes]:
    """Give inputs to begin with."""
    body = _GOLDEN['body'].encode()
    return [
        bytes([_AS_IT_IS]) + json.dumps(_GOLDEN).encode(),
        bytes([_SIGNED]) + body,
        bytes([_SIGNED_AS_OWN]) + body,
        bytes([_MADE]) + bytes(range(256)) * 2,
    ]


def try_one(data: bytes) -> None:
    """Open what the bytes make: an envelope, or a body that is signed well.

    :raises AssertionError: when something is read that should not be.
    :raises Exception: when the parser fails in a way that it must not.
    """
    source = draw.Draw(data)
    how = source.integer(4)
    text = (
        json.dumps(_make(source))
        if how == _MADE
        else source.rest().decode('utf-8', 'surrogateescape')
    )
    if how == _AS_IT_IS:
        try:
            item = json.loads(text)
        except (ValueError, RecursionError):
            item = text
    else:
        own = how == _SIGNED_AS_OWN
        item = _sign(
            text, _OWN if own else _KEYRING, 'own' if own else 'meter-1'
        )
    refused: list[exception.RejectedMessage] = []
    try:
        words = _TRUST.open(item, refused.append)
    except exception.RejectedMessage as error:
        refused.append(error)
        words = []
    for error in refused:
        # It goes into the log.
        assert str(error).isprintable(), str(error)
        assert len(str(error)) < 250, str(error)
    _check(words)


def _make(source: draw.Draw) -> object:
    """Make a body that is good but for some odd values."""

    def value(good: object) -> object:
        return good if source.integer(16) else source.choice(_ODD)

    return value(
        {
            'wattmeter': value('w'),
            'driver': value('d'),
            'registers': value(
                [
                    value(
                        {
                            'probe': value(
                                source.choice(('p', 'q', 'rack1-1'))
                            ),
                            'scope': value('node'),
                            'host': value('h'),
                            'register': value(f'{source.integer(2):016x}'),
                            'incarnation': value(source.integer(2)),
                            'measurements': value(
                                [
                                    value(
                                        [
                                            value(source.number()),
                                            value(source.number()),
                                            value(source.integer(2**53)),
                                            *(
                                                value(source.number())
                                                for _ in range(4)
                                            ),
                                        ]
                                    )
                                    for _ in range(source.integer(3))
                                ]
                            ),
                        }
                    )
                    for _ in range(source.integer(4))
                ]
            ),
        }
    )


def _sign(body: str, keyring: signing.Keyring, name: str) -> dict[str, object]:
    item = {
        'version': 1,
        'key_id': keyring.signing_key_id,
        'agent': _GOLDEN['agent'],
        'agent_name': name,
        'body': body,
    }
    text = '\n'.join(
        (
            'energy_meter',
            '1',
            keyring.signing_key_id,
            _GOLDEN['agent'],
            name,
            body,
        )
    )
    return item | {
        'signature': keyring.sign(text.encode('utf-8', 'surrogateescape'))
    }


def _check(words: list[measurement.Measurement]) -> None:
    """Check that what was read can be relied on, and sent on."""
    for word in words:
        assert word.probe.scope in measurement.SCOPES, word
        assert all(map(envelope.is_id, word.probe)), word
        for value in (word.millijoules, word.register.incarnation):
            assert type(value) is int, word
            assert 0 <= value < measurement.INTEGER_LIMIT, word
        for number in word[2:]:
            assert number is None or (
                type(number) in (int, float)
                and math.isfinite(number)
                and number >= 0
            ), word
    if words:
        again = envelope.unseal(
            _KEYRING, json.loads(json.dumps(envelope.seal(_KEYRING, words)))
        )
        assert sorted(map(repr, again)) == sorted(map(repr, words))
