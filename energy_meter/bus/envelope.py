# SPDX-License-Identifier: Apache-2.0

"""The signed envelope in which measurements travel.

One envelope holds measurements of one wattmeter. The format is described
byte for byte in the documentation ("Message format"); this module and that
page change together.
"""

import collections.abc
import json
import math
import re
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing

VERSION = 1

#: Longest body that is looked at, in bytes of UTF-8.
MAX_BODY = 4 * 1024 * 1024

_MAX_ID = 190
_HEX_16 = re.compile(r'[0-9a-f]{16}')
_HEX_64 = re.compile(r'[0-9a-f]{64}')
_UUID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')

_PATTERNS = {'key_id': _HEX_16, 'agent': _UUID, 'signature': _HEX_64}

_FIELDS = {'version', 'key_id', 'agent', 'agent_name', 'body', 'signature'}
_BODY_FIELDS = {'wattmeter', 'driver', 'registers'}
_REGISTER_FIELDS = {
    'probe',
    'scope',
    'host',
    'register',
    'incarnation',
    'measurements',
}


def seal(
    keyring: signing.Keyring,
    measurements: collections.abc.Sequence[measurement.Measurement],
) -> dict[str, object]:
    """Put measurements into a signed envelope.

    :param measurements: at least one; all of the same agent and wattmeter.
    """
    agent = measurements[0].register.agent
    agent_name = measurements[0].probe.agent
    body = _write_body(measurements)
    text = _signed_text(
        VERSION, keyring.signing_key_id, agent, agent_name, body
    )
    return {
        'version': VERSION,
        'key_id': keyring.signing_key_id,
        'agent': agent,
        'agent_name': agent_name,
        'body': body,
        'signature': keyring.sign(text),
    }


def unseal(
    keyring: signing.Keyring, envelope: object
) -> list[measurement.Measurement]:
    """Verify an envelope and read its measurements.

    :raises RejectedMessage: when anything at all is wrong with it.
    """
    return read(verify(keyring, envelope))


def verify(
    keyring: signing.Keyring, envelope: object
) -> dict[str, typing.Any]:
    """Verify that a secret of the keyring signed an envelope.

    :returns: its fields; the body is not read yet.
    :raises RejectedMessage: when it is none, or nobody known signed it.
    """
    fields = check(envelope)
    text = _signed_text(
        fields['version'],
        fields['key_id'],
        fields['agent'],
        fields['agent_name'],
        fields['body'],
    )
    try:
        genuine = keyring.verify(fields['key_id'], text, fields['signature'])
    except KeyError:
        raise _rejected('unknown-key', f'key id {fields["key_id"]}')
    if not genuine:
        raise _rejected('bad-signature', 'the signature does not match')
    return fields


def _signed_text(
    version: int, key_id: str, agent: str, agent_name: str, body: str
) -> bytes:
    # No field before the body can hold a line feed, so the lines can't be
    # shifted against each other.
    return '\n'.join(
        ('energy_meter', str(version), key_id, agent, agent_name, body)
    ).encode()


def _rejected(cause: str, reason: str) -> exception.RejectedMessage:
    return exception.RejectedMessage(cause=cause, reason=reason)


def _write_body(
    measurements: collections.abc.Sequence[measurement.Measurement],
) -> str:
    registers: dict[
        tuple[measurement.Probe, measurement.RegisterKey],
        dict[str, typing.Any],
    ] = {}
    for item in measurements:
        # What is sealed anew may have one key with two probes.
        register = registers.get(item[:2])
        if register is None:
            register = registers[item[:2]] = {
                'probe': item.probe.id,
                'scope': item.probe.scope,
                'host': item.probe.host,
                'register': item.register.id,
                'incarnation': item.register.incarnation,
                'measurements': [],
            }
        register['measurements'].append(item[2:])
    probe = measurements[0].probe
    return json.dumps(
        {
            'wattmeter': probe.wattmeter,
            'driver': probe.driver,
            'registers': list(registers.values()),
        },
        ensure_ascii=False,
        allow_nan=False,
        separators=(',', ':'),
    )


def check(envelope: object) -> dict[str, typing.Any]:
    """Check the outside of an envelope; neither signature nor body.

    :raises RejectedMessage: when it is none.
    """
    if type(envelope) is not dict or envelope.keys() != _FIELDS:
        raise _rejected('malformed', 'not an envelope')
    if type(envelope['version']) is not int or envelope['version'] != VERSION:
        raise _rejected('unknown-version', f'expected version {VERSION}')
    for name, pattern in _PATTERNS.items():
        value = envelope[name]
        if type(value) is not str or not pattern.fullmatch(value):
            raise _rejected(
                'malformed', f'{name} must match {pattern.pattern}'
            )
    _check_id(envelope['agent_name'], 'agent_name')
    _check_body(envelope['body'])
    return envelope


def _check_body(body: object) -> None:
    if type(body) is not str:
        raise _rejected('malformed', 'body is no string')
    try:
        # Whatever is larger in characters is so in bytes.
        size = len(body) if len(body) > MAX_BODY else len(body.encode())
    except UnicodeEncodeError:
        raise _rejected('malformed', 'body is no Unicode text')
    if size > MAX_BODY:
        raise _rejected('too-large', f'body exceeds {MAX_BODY} bytes')


def read(fields: dict[str, typing.Any]) -> list[measurement.Measurement]:
    """Read the measurements of an envelope that was verified.

    :raises RejectedMessage: when its body breaks any rule.
    """
    try:
        content = json.loads(
            fields['body'],
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
        )
    except exception.RejectedMessage:
        raise
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise _rejected('malformed', f'the body is no JSON: {error!s:.80}')
    _check_fields(content, _BODY_FIELDS, 'the body')
    wattmeter = _check_id(content['wattmeter'], 'wattmeter')
    driver = _check_id(content['driver'], 'driver')
    if type(content['registers']) is not list:
        raise _rejected('malformed', 'registers is no list')
    measurements: list[measurement.Measurement] = []
    for register in content['registers']:
        _check_fields(register, _REGISTER_FIELDS, 'a register')
        probe = _read_probe(register, wattmeter, driver, fields['agent_name'])
        measurements += _read_register(register, probe, fields['agent'])
    return measurements


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _rejected('malformed', 'a key is given twice')
    return result


def _no_constant(name: str) -> typing.NoReturn:
    raise _rejected('malformed', f'{name} is no JSON number')


def _check_fields(value: object, fields: set[str], what: str) -> None:
    if type(value) is not dict or value.keys() != fields:
        raise _rejected(
            'malformed',
            f'{what} must have exactly the fields {", ".join(sorted(fields))}',
        )


def _check_id(value: object, field: str) -> str:
    if type(value) is not str or not is_id(value):
        raise _rejected(
            'malformed', f'{field} must be 1 to {_MAX_ID} printable characters'
        )
    return value


def is_id(text: str) -> bool:
    """Tell whether a text may name a probe, host, wattmeter or agent."""
    return (
        0 < len(text) <= _MAX_ID
        and text.isprintable()
        and text == text.strip()
    )


def _read_probe(
    register: dict[str, typing.Any],
    wattmeter: str,
    driver: str,
    agent_name: str,
) -> measurement.Probe:
    scope = register['scope']
    if type(scope) is not str or scope not in measurement.SCOPES:
        raise _rejected(
            'malformed',
            f'scope must be one of {", ".join(measurement.SCOPES)}',
        )
    return measurement.Probe(
        _check_id(register['probe'], 'probe'),
        scope,
        _check_id(register['host'], 'host'),
        wattmeter,
        driver,
        agent_name,
    )


def _read_register(
    register: dict[str, typing.Any], probe: measurement.Probe, agent: str
) -> list[measurement.Measurement]:
    register_id = register['register']
    if type(register_id) is not str or not _HEX_16.fullmatch(register_id):
        raise _rejected('malformed', 'register must be 16 hexadecimal digits')
    key = measurement.RegisterKey(
        agent,
        register_id,
        _check_integer(register['incarnation'], 'incarnation'),
    )
    if type(register['measurements']) is not list:
        raise _rejected('malformed', 'measurements is no list')
    return [_read_row(probe, key, row) for row in register['measurements']]


def _read_row(
    probe: measurement.Probe, key: measurement.RegisterKey, row: object
) -> measurement.Measurement:
    if type(row) is not list or len(row) != 7:
        raise _rejected('malformed', 'a measurement must be a list of 7')
    wall, elapsed, millijoules, metered, watts, volts, amperes = row
    _check_integer(millijoules, 'millijoules')
    for value in (wall, elapsed, metered):
        _check_number(value)
    for value in (watts, volts, amperes):
        if value is not None:
            _check_number(value)
    return measurement.Measurement(
        probe,
        key,
        float(wall),
        float(elapsed),
        millijoules,
        float(metered),
        watts,
        volts,
        amperes,
    )


def _check_integer(value: object, field: str) -> int:
    if type(value) is not int or not 0 <= value < measurement.INTEGER_LIMIT:
        raise _rejected(
            'malformed', f'{field} must be an integer from 0 to 2^53 - 1'
        )
    return value


def _check_number(value: object) -> None:
    if type(value) is float:
        if math.isfinite(value) and value >= 0:
            return
    elif type(value) is int and 0 <= value < measurement.INTEGER_LIMIT:
        return
    raise _rejected('malformed', 'a number must be finite and not negative')
