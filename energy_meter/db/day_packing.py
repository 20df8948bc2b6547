# SPDX-License-Identifier: Apache-2.0

"""Quarter-hours of one probe and UTC day, packed into a few hundred bytes."""

import collections.abc
import functools
import itertools

from energy_meter.billing import cells
from energy_meter.billing import profile
from energy_meter.db import packing
from energy_meter.db import varints

#: Length of a day and of its intervals, whatever the agents' interval is.
DAY_MS = packing.DAY_MS
INTERVAL_MS = cells.CELL_MS
_INTERVALS = DAY_MS // INTERVAL_MS


def edges(day: int) -> range:
    """Return the dates of the ends of all quarter-hours of a day, in ms."""
    return range(day * DAY_MS, (day + 1) * DAY_MS + 1, INTERVAL_MS)


def pack(
    edges: collections.abc.Iterable[profile.Edge],
    clocks: collections.abc.Iterable[profile.Clock],
) -> bytes:
    """Pack what was billed by the ends of all quarter-hours.

    :param edges: with energy and metered time since the first one.
    :param clocks: clocks that were corrected, by quarter-hour.
    """
    _, millijoules, metered, uncertain = zip(*edges, strict=True)
    return varints.pack(
        (
            # Power is nearly the same, and so is what was not metered.
            varints.differences(varints.differences(millijoules[1:])),
            (INTERVAL_MS - n for n in varints.differences(metered[1:])),
            uncertain,
            map(int, clocks),
        )
    )


# Making a flag of a number is slow, and there are few different ones.
_clock = functools.lru_cache(profile.Clock)


def unpack(
    day: int, packed: bytes
) -> tuple[tuple[profile.Edge, ...], tuple[profile.Clock, ...]]:
    """Return the edges and clocks of a day.

    :raises ValueError: if these are not packed quarter-hours.
    """
    numbers = iter(varints.unpack(packed))
    energies = list(itertools.islice(numbers, _INTERVALS))
    unmetered = list(itertools.islice(numbers, _INTERVALS))
    uncertain = list(itertools.islice(numbers, _INTERVALS + 1))
    clocks = tuple(map(_clock, numbers))
    if len(clocks) != _INTERVALS:
        raise ValueError('not a packed day: a column is incomplete')
    millijoules = varints.sums(varints.sums(energies))
    metered = varints.sums(INTERVAL_MS - each for each in unmetered)
    return tuple(
        map(
            profile.Edge,
            edges(day),
            (0, *millijoules),
            (0, *metered),
            uncertain,
        )
    ), clocks
