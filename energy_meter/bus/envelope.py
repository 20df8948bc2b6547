# SPDX-License-Identifier: Apache-2.0

"""The signed envelope that carries measurements over the bus.

One envelope holds measurements of one wattmeter. The page "Message format" of
the documentation specifies it byte for byte; change that page together with
this module and :mod:`energy_meter.bus.body`.
"""

import collections.abc
import re
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import body as envelope_body
from energy_meter.bus import fields
from energy_meter.bus import layouts

VERSION = 2

#: Maximum length of a body, in bytes of UTF-8. A longer one is not verified.
MAX_BODY_BYTES = 1_000_000
#: Number of measurements of which any body is shorter than the maximum: names
#: of 190 characters that take four bytes each make up 0.95 MB.
MAX_MEASUREMENTS = 500

_PATTERNS = {
    'key_id': re.compile(r'[0-9a-f]{16}'),
    'agent': re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'),
    'signature': re.compile(r'[0-9a-f]{64}'),
}


class Envelope(typing.TypedDict):
    """The fields of an envelope."""

    version: int
    key_id: str
    agent: str
    agent_name: str
    body: str
    signature: str


def divide(
    measurements: collections.abc.Iterable[measurement.Measurement],
) -> collections.abc.Iterator[list[measurement.Measurement]]:
    """Divide measurements into parts that fit into an envelope each."""
    part: list[measurement.Measurement] = []
    total = 0.0
    for outgoing in measurements:
        weight = 1.0
        if outgoing.usage is not None:
            layout = outgoing.usage.layout
            weight += layouts.INSTANCE_WEIGHT * (
                len(layout.instances) + len(layout.devices)
            )
        if part and total + weight > MAX_MEASUREMENTS:
            yield part
            part, total = [], 0.0
        part.append(outgoing)
        total += weight
    if part:
        yield part


def sign(
    keyring: signing.Keyring,
    measurements: collections.abc.Sequence[measurement.Measurement],
) -> Envelope:
    """Return a signed envelope with the measurements.

    :param measurements: a part that :func:`divide` returned; all of the same
        agent and wattmeter.
    """
    return _sign(
        keyring,
        {
            'version': VERSION,
            'key_id': keyring.signing_key_id,
            'agent': measurements[0].register.agent,
            'agent_name': measurements[0].probe.agent,
            'body': envelope_body.encode(measurements),
            'signature': '',
        },
    )


def re_sign(
    keyring: signing.Keyring,
    received: Envelope,
    registers: collections.abc.Sequence[envelope_body.Register],
) -> Envelope:
    """Return an envelope with some of the registers of a verified envelope.

    The version is that of the envelope received, because its registers are
    not converted.

    :param registers: at least one.
    """
    return _sign(
        keyring,
        {
            **received,
            'key_id': keyring.signing_key_id,
            'body': envelope_body.encode_registers(registers),
        },
    )


def _sign(keyring: signing.Keyring, envelope: Envelope) -> Envelope:
    signature = keyring.sign(_signed_text(envelope))
    return {**envelope, 'signature': signature}


def verify(keyring: signing.Keyring, received: object) -> Envelope:
    """Verify that a secret of the keyring signed an envelope.

    :returns: the envelope; the content of its body is not validated yet.
    :raises RejectedMessage: if it is not an envelope, or if the key id is
        unknown or the signature wrong.
    """
    envelope = validate_header(received)
    try:
        valid = keyring.verify(
            envelope['key_id'], _signed_text(envelope), envelope['signature']
        )
    except KeyError:
        raise _rejected('unknown_key', f'key id {envelope["key_id"]}')
    if not valid:
        raise _rejected('bad_signature', 'the signature does not match')
    return envelope


def _signed_text(envelope: Envelope) -> bytes:
    # No field before the body can contain a line feed, so text cannot be
    # moved from one field to another.
    return '\n'.join(
        (
            'energy_meter',
            str(envelope['version']),
            envelope['key_id'],
            envelope['agent'],
            envelope['agent_name'],
            envelope['body'],
        )
    ).encode()


def _rejected(reason: str, detail: str) -> exception.RejectedMessage:
    return exception.RejectedMessage(reason=reason, detail=detail)


def validate_header(received: object) -> Envelope:
    """Validate the fields of an envelope, except signature and body content.

    :raises RejectedMessage: if it is not an envelope of this version.
    """
    if type(received) is not dict or 'version' not in received:
        raise fields.malformed('not an envelope')
    # First: another version may have other fields.
    _check_version(received)
    if received.keys() != Envelope.__required_keys__:
        raise fields.malformed('not an envelope')
    for name, pattern in _PATTERNS.items():
        value = received[name]
        if type(value) is not str or not pattern.fullmatch(value):
            raise fields.malformed(f'{name} must match {pattern.pattern}')
    fields.check_id(received['agent_name'], 'agent_name')
    _check_body(received['body'])
    return typing.cast(Envelope, received)


def _check_version(received: dict[str, typing.Any]) -> None:
    version, agent = received['version'], received.get('agent_name')
    if type(version) is int and version == VERSION:
        return
    # The limits keep the error short.
    is_known = type(version) is int and 0 <= version < 1000
    is_named = type(agent) is str and fields.is_id(agent)
    advice = (
        'upgrade the agent'
        if is_known and version < VERSION
        else 'upgrade readers before agents'
    )
    raise _rejected(
        'unknown_version',
        f'version {version if is_known else "unknown"} of agent '
        f'{agent if is_named else "unknown":.60} (not verified), expected '
        f'{VERSION}; {advice}',
    )


def _check_body(body: object) -> None:
    if type(body) is not str:
        raise fields.malformed('body is not a string')
    try:
        # Each character takes a byte at least: don't encode a text that has
        # too many characters already.
        size = len(body) if len(body) > MAX_BODY_BYTES else len(body.encode())
    except UnicodeEncodeError:
        raise fields.malformed('body is not Unicode text')
    if size > MAX_BODY_BYTES:
        raise _rejected('too_large', f'body exceeds {MAX_BODY_BYTES} bytes')


def decode(envelope: Envelope) -> list[envelope_body.Register]:
    """Return the registers of a verified envelope.

    :raises RejectedMessage: if its body is invalid.
    """
    return envelope_body.decode(
        envelope['body'], envelope['agent'], envelope['agent_name']
    )
