# SPDX-License-Identifier: Apache-2.0

"""Fuzzing target: every envelope is either decoded or rejected."""

import json
import math
import pathlib

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import body
from energy_meter.bus import envelope
from energy_meter.bus import fields
from energy_meter.tests.fuzz import draw

_GOLDEN = json.loads(
    (
        pathlib.Path(__file__).parents[1] / 'unit/bus/golden_envelope.json'
    ).read_text('utf-8')
)
_SECRET = 'current-secret'
_KEYRING = signing.Keyring([_SECRET])
_VERIFIER = authorization.Verifier(
    [_SECRET], [authorization.Agent('own', ['own'], ['rack?-*'])]
)
_OWN = signing.Keyring(['own'])

_ENVELOPE, _BODY, _BODY_OF_OWN, _GENERATED_BODY = range(4)

#: Values that may replace any part of a generated body.
_UNEXPECTED = (
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
    """Return the initial inputs."""
    body = _GOLDEN['body'].encode()
    return [
        bytes([_ENVELOPE]) + json.dumps(_GOLDEN).encode(),
        bytes([_BODY]) + body,
        bytes([_BODY_OF_OWN]) + body,
        bytes([_GENERATED_BODY]) + bytes(range(256)) * 2,
    ]


def run(data: bytes) -> None:
    """Verify what the bytes form: an envelope, or a body that is signed here.

    :raises AssertionError: if invalid measurements are accepted.
    :raises Exception: if the parser fails in any other way.
    """
    source = draw.Draw(data)
    kind = source.integer(4)
    text = (
        json.dumps(_generate_body(source))
        if kind == _GENERATED_BODY
        else source.rest().decode('utf-8', 'surrogateescape')
    )
    if kind == _ENVELOPE:
        try:
            received = json.loads(text)
        except (ValueError, RecursionError):
            received = text
    else:
        own = kind == _BODY_OF_OWN
        received = _sign(
            text, _OWN if own else _KEYRING, 'own' if own else 'meter-1'
        )
    rejected: list[exception.RejectedMessage] = []
    registers: list[body.Register] = []
    try:
        registers = _VERIFIER.verify(received, rejected.append)
        if registers:
            _check_re_signed(received, registers)
    except exception.RejectedMessage as error:
        rejected.append(error)
    for error in rejected:
        # The error is logged, so it must be a single short line.
        assert str(error).isprintable(), str(error)
        assert len(str(error)) < 250, str(error)
    _check(
        [
            decoded
            for register in registers
            for decoded in (*register.measurements, *register.usages)
        ]
    )


def _generate_body(source: draw.Draw) -> object:
    """Return a valid body in which some values are replaced."""
    return _value(
        source,
        {
            'wattmeter': _value(source, 'w'),
            'driver': _value(source, 'd'),
            'registers': _value(
                source,
                [_generate_register(source) for _ in range(source.integer(4))],
            ),
        },
    )


def _value(source: draw.Draw, valid: object) -> object:
    return source.choice(_UNEXPECTED) if source.integer(64) == 1 else valid


def _generate_register(source: draw.Draw) -> object:
    instances = source.integer(3) if source.integer(2) else None
    register = {
        'probe': source.choice(('p', 'q', 'rack1-1')),
        'scope': 'node',
        'host': 'h',
        'register': f'{source.integer(2):016x}',
        'quantity': 'energy' if instances is None else 'cpu',
        'after': source.choice((None, ['0123456789abcdef', 2**53 - 1])),
        'synced': source.integer(2) == 1,
        'measurements': [
            _generate_row(source, instances) for _ in range(source.integer(3))
        ],
    }
    if instances is not None:
        register['usage'] = _value(source, _generate_usage(source, instances))
    return _value(
        source,
        {name: _value(source, valid) for name, valid in register.items()},
    )


def _generate_usage(source: draw.Draw, instances: int) -> object:
    usage = {
        'threads': source.integer(2**53),
        'memory': source.integer(2**53),
        'idle_watts': source.choice((None, 0, 0.5)),
        'instances': [
            _value(
                source,
                [
                    _value(source, valid)
                    for valid in (
                        f'00000000-0000-4000-8000-{number:012}',
                        'vm',
                        'project',
                        'web',
                        'user',
                        source.integer(2**53),
                        source.integer(2**53),
                        source.integer(2),
                    )
                ],
            )
            for number in range(instances)
        ],
    }
    return {name: _value(source, valid) for name, valid in usage.items()}


def _generate_row(source: draw.Draw, instances: int | None) -> object:
    row: list[object] = [source.integer(2**53) for _ in range(4)]
    if instances is not None:
        row[2] = [
            _value(source, source.integer(2**53)) for _ in range(1 + instances)
        ]
    row += [source.choice((None, 0, 0.5)) for _ in range(3)]
    row.append(source.integer(2))
    return _value(source, [_value(source, valid) for valid in row])


def _sign(body: str, keyring: signing.Keyring, name: str) -> dict[str, object]:
    header = {
        'version': envelope.VERSION,
        'key_id': keyring.signing_key_id,
        'agent': _GOLDEN['agent'],
        'agent_name': name,
        'body': body,
    }
    text = '\n'.join(
        (
            'energy_meter',
            str(envelope.VERSION),
            keyring.signing_key_id,
            _GOLDEN['agent'],
            name,
            body,
        )
    )
    return header | {
        'signature': keyring.sign(text.encode('utf-8', 'surrogateescape'))
    }


def _check(measurements: list[measurement.Measurement]) -> None:
    """Check that measurements are valid and can be signed again."""
    for decoded in measurements:
        assert decoded.probe.scope in measurement.SCOPES, decoded
        assert all(map(fields.is_id, decoded.probe)), decoded
        after = decoded.after or measurement.Predecessor('', 0)
        for value in (*decoded[1:5], after.elapsed):
            assert type(value) is int, decoded
            assert 0 <= value < measurement.INTEGER_LIMIT, decoded
        if decoded.usage is not None:
            layout, cpu = decoded.usage
            assert len(layout.instances) == len(cpu), decoded
            assert all(type(value) is int for value in cpu), decoded
        for flag in (decoded.synced, decoded.is_mark):
            assert type(flag) is bool, decoded
        for number in decoded[5:8]:
            assert number is None or (
                type(number) in (int, float)
                and math.isfinite(number)
                and number >= 0
                and not decoded.is_mark
            ), decoded
    if measurements:
        signed = json.loads(json.dumps(envelope.sign(_KEYRING, measurements)))
        again = [
            decoded
            for register in envelope.decode(envelope.verify(_KEYRING, signed))
            for decoded in (*register.measurements, *register.usages)
        ]
        assert sorted(map(repr, again)) == sorted(map(repr, measurements))


def _check_re_signed(received: object, registers: list[body.Register]) -> None:
    """Check that a forwarder keeps registers as received."""
    header = envelope.validate_header(received)
    signed = envelope.re_sign(_KEYRING, header, registers)
    again = envelope.decode(envelope.verify(_KEYRING, signed))
    assert repr(again) == repr(registers)
