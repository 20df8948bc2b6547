# SPDX-License-Identifier: Apache-2.0

"""Compressed columns of integers.

The columns are made of small numbers, such as differences between neighbors,
that are the same again and again, which zlib compresses well. Integers of any
size survive.
"""

import collections.abc
import itertools
import zlib


def pack(
    columns: collections.abc.Iterable[collections.abc.Iterable[int]],
) -> bytes:
    """Pack columns of signed integers.

    Column by column: similar numbers are then next to each other.
    """
    numbers = itertools.chain.from_iterable(columns)
    return zlib.compress(b''.join(map(_encode, numbers)))


def unpack(packed: bytes) -> list[int]:
    """Return the integers of all columns.

    :raises ValueError: if these are not packed columns.
    """
    try:
        return list(_decode(zlib.decompress(packed)))
    except zlib.error as error:
        raise ValueError(f'not packed: {error}')


def differences(numbers: collections.abc.Iterable[int]) -> list[int]:
    """Return the first number, and the steps to those after it."""
    return [
        after - before
        for before, after in itertools.pairwise(itertools.chain((0,), numbers))
    ]


def sums(differences: collections.abc.Iterable[int]) -> list[int]:
    """Return the numbers of which these are the :func:`differences`."""
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
        raise ValueError('not packed: the last number is incomplete')
