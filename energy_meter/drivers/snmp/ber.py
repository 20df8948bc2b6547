# SPDX-License-Identifier: Apache-2.0

"""Encoding of SNMP's PDUs (RFC 3416, RFC 3417 section 8).

The functions that decode raise ValueError or IndexError if the data is
malformed.
"""

import collections.abc
import dataclasses
import functools

from energy_meter.drivers.common import bounds
from energy_meter.drivers.snmp import engine

Oid = engine.Oid

# Tags of values (RFC 2578, section 7.1).
INTEGER = 0x02
OCTETS = 0x04
NULL = 0x05
OID = 0x06
SEQUENCE = 0x30

_UNSIGNED = frozenset({0x41, 0x42, 0x43, 0x46, 0x47})
_TEXTS = frozenset({OCTETS, 0x40, 0x44})
#: Null, noSuchObject, noSuchInstance and endOfMibView.
_ABSENT = frozenset({NULL, 0x80, 0x81, 0x82})

# Tags of PDUs (RFC 3416, section 3).
GET = 0xA0
GET_NEXT = 0xA1
RESPONSE = 0xA2
GET_BULK = 0xA5
REPORT = 0xA8

#: Maximum number of object identifiers that are kept decoded, so that the
#: devices of a family share them.
_MAX_OIDS = 4096

#: Maximum length of an object identifier: 128 numbers (RFC 2578, section 3.5).
_MAX_OID_BYTES = 128 * 5

_SUBIDENTIFIER_LIMIT = 2**32
_MAX_LENGTH_BYTES = 4


@dataclasses.dataclass(frozen=True, slots=True)
class PDU:
    """PDU that was received.

    :ivar status: error status; 0 for success.
    :ivar index: number of the object with this status, from 1.
    :ivar varbinds: names and values of the objects.
    """

    tag: int
    request_id: int
    status: int
    index: int
    varbinds: list[tuple[Oid, engine.Value]]


def encode(tag: int, *contents: bytes) -> bytes:
    """Return an element with these contents."""
    content = b''.join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, 'big') + content


def encode_integer(number: int) -> bytes:
    """Return an integer."""
    size = number.bit_length() // 8 + 1
    return encode(INTEGER, number.to_bytes(size, 'big', signed=True))


@functools.lru_cache(_MAX_OIDS)
def _encode_varbind(oid: Oid) -> bytes:
    """Return an object identifier without a value."""
    content = bytearray()
    for number in (40 * oid[0] + oid[1], *oid[2:]):
        septets = [number & 0x7F]
        while number := number >> 7:
            septets.append(0x80 | number & 0x7F)
        content += bytes(reversed(septets))
    return encode(SEQUENCE, encode(OID, bytes(content)), encode(NULL))


def encode_request(
    request_id: int,
    oids: collections.abc.Iterable[Oid],
    repetitions: int | None = None,
    scalars: int = 0,
) -> bytes:
    """Return the PDU of a request.

    The parameters are those of :meth:`engine.Connection.request`.
    """
    tag, numbers = GET, (0, 0)
    if repetitions == 1:
        tag = GET_NEXT
    elif repetitions is not None:
        tag, numbers = GET_BULK, (scalars, repetitions)
    return encode(
        tag,
        encode_integer(request_id),
        *map(encode_integer, numbers),
        encode(SEQUENCE, *map(_encode_varbind, oids)),
    )


def find(data: bytes, position: int, tag: int) -> tuple[int, int]:
    """Return start and end of the content of an element.

    :param position: position of the element.
    """
    if data[position] != tag:
        raise ValueError(f'tag {data[position]:#x} is not {tag:#x}')
    return _content(data, position)


def _content(data: bytes, position: int) -> tuple[int, int]:
    length = data[position + 1]
    start = position + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 0 < size <= _MAX_LENGTH_BYTES:
            raise ValueError(f'length of {size} bytes')
        length = int.from_bytes(data[start : start + size], 'big')
        start += size
    end = start + length
    if end > len(data):
        raise ValueError('truncated element')
    return start, end


def decode_integer(data: bytes, position: int) -> tuple[int, int]:
    """Return an integer and the end of its element."""
    start, end = find(data, position, INTEGER)
    if start == end:
        raise ValueError('empty integer')
    return int.from_bytes(data[start:end], 'big', signed=True), end


def decode_octets(data: bytes, position: int) -> tuple[bytes, int]:
    """Return a string and the end of its element."""
    start, end = find(data, position, OCTETS)
    return data[start:end], end


def _decode_oid(content: bytes) -> Oid:
    if len(content) > _MAX_OID_BYTES:
        raise ValueError('object identifier is too long')
    return _split_oid(content)


@functools.lru_cache(_MAX_OIDS)
def _split_oid(content: bytes) -> Oid:
    numbers = []
    number = 0
    for byte in content:
        number = number << 7 | byte & 0x7F
        if number >= _SUBIDENTIFIER_LIMIT:
            raise ValueError('subidentifier above 2^32 - 1')
        if byte < 0x80:
            numbers.append(number)
            number = 0
    if not content or content[-1] & 0x80:
        raise ValueError('truncated object identifier')
    first = min(numbers[0] // 40, 2)
    return (first, numbers[0] - 40 * first, *numbers[1:])


def _decode_value(tag: int, content: bytes) -> engine.Value:
    if tag in _UNSIGNED or tag == INTEGER:
        if not content:
            raise ValueError('empty number')
        # Some agents omit the leading zero of large unsigned numbers.
        return int.from_bytes(content, 'big', signed=tag == INTEGER)
    if tag in _TEXTS:
        return content[: bounds.MAX_SNMP_TEXT_BYTES]
    if tag == OID:
        return _decode_oid(content)
    if tag in _ABSENT:
        return None
    raise ValueError(f'value with tag {tag:#x}')


def decode_pdu(data: bytes, position: int) -> PDU:
    """Return the PDU at a position."""
    tag = data[position]
    position, end = _content(data, position)
    request_id, position = decode_integer(data, position)
    status, position = decode_integer(data, position)
    index, position = decode_integer(data, position)
    position, last = find(data, position, SEQUENCE)
    if last != end:
        raise ValueError('data after the variable bindings')
    varbinds = []
    while position < end:
        start, position = find(data, position, SEQUENCE)
        start, stop = find(data, start, OID)
        name = _decode_oid(data[start:stop])
        start, last = _content(data, stop)
        if not stop < last == position <= end:
            raise ValueError('variable binding with a wrong length')
        varbinds.append((name, _decode_value(data[stop], data[start:last])))
    return PDU(tag, request_id, status, index, varbinds)
