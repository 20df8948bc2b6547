# SPDX-License-Identifier: Apache-2.0

"""Marks of one register and one UTC day, packed into a few hundred bytes.

Marks are a quarter-hour apart, most of their time is metered, and their energy
rises almost evenly.
"""

import collections.abc

from energy_meter import measurement
from energy_meter.db import marks
from energy_meter.db import varints

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
        varints.differences(column) for column in zip(*points, strict=True)
    )
    unmetered = (
        length - part for length, part in zip(elapsed, metered, strict=True)
    )
    return varints.pack(
        (
            varints.differences(elapsed),
            unmetered,
            varints.differences(millijoules),
        )
    )


def unpack(packed: bytes) -> list[measurement.Point]:
    """Return the marks.

    :raises ValueError: if these are not packed marks.
    """
    numbers = varints.unpack(packed)
    size, rest = divmod(len(numbers), 3)
    if rest:
        raise ValueError('not packed marks: a column is incomplete')
    elapsed = varints.sums(numbers[:size])
    metered = (
        length - part
        for length, part in zip(elapsed, numbers[size : 2 * size], strict=True)
    )
    return list(
        map(
            measurement.Point,
            varints.sums(elapsed),
            varints.sums(varints.sums(numbers[2 * size :])),
            varints.sums(metered),
        )
    )
