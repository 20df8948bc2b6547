# SPDX-License-Identifier: Apache-2.0

"""Quarter-hours of an attributed day, packed: of a host, or an instance."""

import collections.abc
import itertools

from energy_meter.billing import attribution
from energy_meter.billing import profile
from energy_meter.db import day_packing
from energy_meter.db import varints

#: Number of quarter-hours of a day.
INTERVALS = day_packing.DAY_MS // day_packing.INTERVAL_MS


def pack_host(
    intervals: collections.abc.Iterable[attribution.Attributed],
) -> bytes:
    """Pack the quarter-hours of a host, without those of its instances."""
    rows = (
        (
            each.energy.millijoules,
            each.idle,
            each.overhead,
            each.unallocated,
            each.unattributed,
            each.energy.uncertain,
            int(each.energy.clock),
            each.energy.metered,
            each.covered,
        )
        for each in intervals
    )
    return _pack(rows)


def unpack_host(
    day: int, packed: bytes
) -> collections.abc.Iterator[attribution.Attributed]:
    """Yield the quarter-hours of a host.

    :raises ValueError: if these are not packed quarter-hours.
    """
    for (start, until), row in zip(
        itertools.pairwise(day_packing.edges(day)),
        _unpack(packed, 9),
        strict=True,
    ):
        millijoules, idle, overhead, unallocated, unattributed = row[:5]
        uncertain, clock, metered, covered = row[5:]
        yield attribution.Attributed(
            profile.Interval(
                start,
                until,
                millijoules,
                metered,
                uncertain,
                profile.Clock(clock),
            ),
            {},
            overhead,
            unallocated,
            unattributed,
            idle,
            covered,
        )


def pack_instance(parts: collections.abc.Iterable[attribution.Part]) -> bytes:
    """Pack the quarter-hours of an instance."""
    return _pack(parts)


def unpack_instance(packed: bytes) -> list[attribution.Part]:
    """Return the quarter-hours of an instance.

    :raises ValueError: if these are not packed quarter-hours.
    """
    return list(map(attribution.Part._make, _unpack(packed, 6)))


def _pack(rows: collections.abc.Iterable[tuple[int, ...]]) -> bytes:
    # Power and coverage are nearly the same all day.
    columns = zip(*rows, strict=True)
    return varints.pack(map(varints.differences, columns))


def _unpack(
    packed: bytes, width: int
) -> collections.abc.Iterator[tuple[int, ...]]:
    numbers = varints.unpack(packed)
    if len(numbers) != width * INTERVALS:
        raise ValueError('not a packed day: a column is incomplete')
    return zip(
        *(
            varints.sums(numbers[start : start + INTERVALS])
            for start in range(0, len(numbers), INTERVALS)
        ),
        strict=True,
    )
