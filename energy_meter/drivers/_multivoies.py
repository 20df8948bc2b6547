# SPDX-License-Identifier: Apache-2.0

"""What an OmegaWatt Multivoies says, in binary or as text.

Version 3 of the binary frame, all numbers in little-endian order::

    FE FD FC FB
    u16      length of what follows up to the checksum: 22 + 48 x modules
    u16      identity
    u32      age of the samples when the frame was sent, in 2^-32 s
    u32      number of samples, N
    3 x f32  of three phases the sum of squared voltage
    modules x (6 x f32 sum of squared current, 6 x f32 sum of power)
    u8       exclusive or of all bytes after the first four

The vendor's reader prints frames as lines of comma-separated values, in two
editions of which the second is the older::

    time,true,U1,U2,U3,I1,P1,I2,P2,...
    ...,...,time,OK,P1,P2,...

Sources: the vendor's reader of version 3, and the text that it and the
reader at Grid'5000 print.
"""

import collections.abc
import functools
import math
import operator
import struct
import typing

MAGIC = bytes.fromhex('fefdfcfb')
LENGTH = struct.Struct('<H')
HEAD = struct.Struct('<HII3f')
MODULE = struct.Struct('<12f')

#: Possible lengths: more modules wouldn't fit on the line at 100 Hz.
LENGTHS = range(
    HEAD.size + MODULE.size, HEAD.size + 18 * MODULE.size + 1, MODULE.size
)

#: No line of text is as long: what is longer is noise.
LONGEST_LINE = 8192


class Frame(typing.NamedTuple):
    """Sums over the samples since the frame before.

    :ivar age: seconds since the samples were taken.
    :ivar samples: how many; zero where the meter had none.
    :ivar powers: of each channel the sum of power, in watts, or NaN.
    :ivar squares: of each channel the sum of squared current, or NaN.
    """

    age: float
    samples: int
    powers: collections.abc.Sequence[float]
    squares: collections.abc.Sequence[float]


class BinaryDecoder:
    """Finds binary frames in a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b''

    def decode(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """Yield the frames that become complete by ``data``."""
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
        # Without a start there may still be half a one at the end.
        self._rest = data[start if start >= 0 else 1 - len(MAGIC) :]


def _size(length: bytes) -> int:
    """Tell how many bytes a frame has from its length on.

    :returns: as far as is known: one that is not complete has more than
        there are, and one that can't be has none.
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
    """Finds lines of the vendor's reader in a stream of bytes."""

    def __init__(self) -> None:
        self._rest = b''

    def decode(self, data: bytes) -> collections.abc.Iterator[Frame]:
        """Yield the lines that become complete by ``data``."""
        *lines, rest = (self._rest + data).split(b'\n')
        self._rest = rest[-LONGEST_LINE:]
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
    return float(field) if field else math.nan
