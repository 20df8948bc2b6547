# SPDX-License-Identifier: Apache-2.0

"""Marks of one register and one UTC day, packed into a few hundred bytes.

Marks are a quarter-hour apart, most of their time is metered, and their energy
rises almost evenly. So the differences between neighbors are small, or the
same again and again, which zlib compresses well. Integers of any size survive.
"""

import collections.abc
import itertools
import zlib

from energy_meter import measurement
from energy_meter.db import marks

#: Version of the format, part of the key of the rows.
VERSION = 1
DAY_MS = 86_400_000


def horizon(db_now: int) -> int:
    """Return the date in ms before which marks are packed, a UTC midnight.

    What was billed before it stays, unless a register is voided.
    """
    return (db_now - marks.HORIZON_MS) // DAY_MS * DAY_MS


def pack(points: collections.abc.Iterable[measurement.Point]) -> bytes:
    """Pack marks.

    :param points: in the order of their elapsed time, at least one.
    """
    elapsed, millijoules, metered = (
        _differences(column) for column in zip(*points, strict=True)
    )
    unmetered = (
        length - part for length, part in zip(elapsed, metered, strict=True)
    )
    # Column by column: similar numbers are then next to each other.
    columns = (_differences(elapsed), unmetered, _differences(millijoules))
    numbers = itertools.chain.from_iterable(columns)
    return zlib.compress(b''.join(map(_encode, numbers)))


def unpack(packed: bytes) -> list[measurement.Point]:
    """Return the marks.

    :raises ValueError: if these are not packed marks.
    """
    try:
        numbers = list(_decode(zlib.decompress(packed)))
    except zlib.error as error:
        raise ValueError(f'not packed marks: {error}')
    size, rest = divmod(len(numbers), 3)
    if rest:
        raise ValueError('not packed marks: a column is incomplete')
    elapsed = _sums(numbers[:size])
    metered = (
        length - part
        for length, part in zip(elapsed, numbers[size : 2 * size], strict=True)
    )
    return list(
        map(
            measurement.Point,
            _sums(elapsed),
            _sums(_sums(numbers[2 * size :])),
            _sums(metered),
        )
    )


def _differences(numbers: collections.abc.Iterable[int]) -> list[int]:
    """Return the first number, and the steps to those after it."""
    return [
        after - before
        for before, after in itertools.pairwise(itertools.chain((0,), numbers))
    ]


def _sums(differences: collections.abc.Iterable[int]) -> list[int]:
    return list(itertools.accumulate(differences))


def _encode(number: int) -> bytes:
    """Return a signed number, 7 bits a byte; the last byte has bit 7."""
    # 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
    number = 2 * number if number >= 0 else -2 * number - 1
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127)
        number >>= 7
    encoded.append(number | 128)
    return bytes(encoded)


def _decode(encoded: bytes) -> collections.abc.Iterator[int]:
    number = shift = 0
    for byte in encoded:
        number |= (byte & 127) << shift
        shift += 7
        if byte > 127:
            yield number // 2 if number % 2 == 0 else -(number + 1) // 2
            number = shift = 0
    if shift:
        raise ValueError('not packed marks: the last number is incomplete')
