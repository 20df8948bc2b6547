# SPDX-License-Identifier: Apache-2.0

"""Frames of an OmegaWatt Multivoies, in binary or as text.

Version 3 of the binary frame; all numbers are little-endian::

    FE FD FC FB
    u16      length of the rest without the checksum: 22 + 48 x modules
    u16      identity
    u32      age of the samples when the frame was sent, in 2^-32 s
    u32      number of samples, N
    3 x f32  sum of squared voltage of each of three phases
    modules x (6 x f32 sum of squared current, 6 x f32 sum of power)
    u8       exclusive or of all bytes after the first four

The vendor's reader prints frames as lines of comma-separated values. There
are two formats, of which the second is the older::

    time,true,U1,U2,U3,I1,P1,I2,P2,...
    ...,...,time,OK,P1,P2,...

Sources: the vendor's reader of version 3, and the output of it and of the
reader at Grid'5000.
"""

import collections.abc
import functools
import math
import operator
import struct
import typing

from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import units

MAGIC = bytes.fromhex('fefdfcfb')
LENGTH = struct.Struct('<H')
HEAD = struct.Struct('<HII3f')
MODULE = struct.Struct('<12f')

#: Valid lengths: the line is too slow for more modules at 100 Hz.
LENGTHS = range(
    HEAD.size + MODULE.size, HEAD.size + 18 * MODULE.size + 1, MODULE.size
)


class Frame(typing.NamedTuple):
    """Sums over the samples since the previous frame.

    :ivar age: age of the samples in seconds.
    :ivar samples: number of samples; zero if the meter has none.
    :ivar powers: sum of the power of each channel, in watts, or NaN.
    :ivar squares: sum of the squared current of each channel, or NaN.
    """

    age: float
    samples: int
    powers: collections.abc.Sequence[float]
    squares: collections.abc.Sequence[float]


class BinaryDecoder:
    """Extracts binary frames from a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b''

    def decode(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """Yield the frames that ``data`` completes."""
        data = self._rest + data
        start = data.find(MAGIC)
        while start >= 0:
            body = start + len(MAGIC)
            end = body + _size(data[body : body + LENGTH.size])
            if len(data) < end:
                break
            frame = _parse_binary(data[body:end])
            if frame is None:
                start = data.find(MAGIC, body)
            else:
                yield frame
                start = data.find(MAGIC, end)
        # If there is no start of a frame, the data may end within one.
        self._rest = data[start if start >= 0 else 1 - len(MAGIC) :]


def _size(length: bytes) -> int:
    """Return the number of bytes of a frame from its length field on.

    :param length: the length field, or its part that has arrived.
    :returns: at least the size of the field if it is incomplete; zero if its
        value is invalid.
    """
    if len(length) < LENGTH.size:
        return LENGTH.size
    (size,) = LENGTH.unpack(length)
    return LENGTH.size + size + 1 if size in LENGTHS else 0


def _parse_binary(body: bytes) -> Frame | None:
    if not body or functools.reduce(operator.xor, body):
        return None
    _, age, samples, *_ = HEAD.unpack_from(body, LENGTH.size)
    powers: list[float] = []
    squares: list[float] = []
    for module in MODULE.iter_unpack(body[LENGTH.size + HEAD.size : -1]):
        squares += module[:6]
        powers += module[6:]
    return Frame(age / 2**32, samples, powers, squares)


class TextDecoder:
    """Extracts lines of the vendor's reader from a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b''

    def decode(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """Yield the frames whose lines ``data`` completes."""
        *lines, rest = (self._rest + data).split(b'\n')
        self._rest = rest[-bounds.MAX_MULTIVOIES_BYTES :]
        for line in lines:
            frame = _parse_text(line.decode('ascii', 'replace'))
            if frame is not None:
                yield frame


def _parse_text(line: str) -> Frame | None:
    fields = line.strip().split(',')
    try:
        if fields[1] == 'false':
            return Frame(0.0, 0, [], [])
        if fields[1] == 'true':
            currents = [_number(field) for field in fields[5::2]]
            powers = [_number(field) for field in fields[6::2]]
            return Frame(0.0, 1, powers, [i * i for i in currents])
        if fields[3] == 'OK':
            powers = [_number(field) for field in fields[4:]]
            return Frame(0.0, 1, powers, [math.nan] * len(powers))
    except (IndexError, ValueError):
        pass
    return None


def _number(field: str) -> float:
    return units.parse(field) if field else math.nan
