# SPDX-License-Identifier: Apache-2.0

"""Attributed days of hosts, for tests."""

import collections.abc

from energy_meter.billing import attribution
from energy_meter.billing import profile
from energy_meter.db import attributed_days
from energy_meter.db import closed_days

KWH = 3_600_000_000

_NUMBER = closed_days.DAY_MS // closed_days.INTERVAL_MS

#: Watts of an instance, by quarter-hour.
Watts = collections.abc.Callable[[int], float]


def day(
    number: int,
    host: str,
    instances: collections.abc.Mapping[
        str, tuple[attributed_days.Identity, Watts]
    ],
    overhead: float = 5.0,
    unallocated: float = 20.0,
    idle_watts: float = 100.0,
) -> attributed_days.HostDay:
    """Return the first version of a day, without gaps.

    :param number: of the UTC day since the epoch.
    :param instances: name, project and user, and the power, by UUID.
    :param overhead: power in W, like ``unallocated``.
    """
    return attributed_days.HostDay(
        attributed_days.Header(
            number,
            host,
            1,
            (number + 1) * closed_days.DAY_MS,
            '',
            'node',
            'reserved-and-cpu',
            1,
            64,
            515_000,
            idle_watts,
            'configured',
        ),
        tuple(
            _interval(
                number * closed_days.DAY_MS + place * closed_days.INTERVAL_MS,
                {
                    uuid: _energy(watts(place))
                    for uuid, (_, watts) in instances.items()
                },
                _energy(overhead),
                _energy(unallocated),
            )
            for place in range(_NUMBER)
        ),
        {uuid: identity for uuid, (identity, _) in instances.items()},
    )


def _energy(watts: float) -> int:
    """Return the energy of a quarter-hour in mJ."""
    return round(watts * closed_days.INTERVAL_MS)


def _interval(
    start: int,
    instances: collections.abc.Mapping[str, int],
    overhead: int,
    unallocated: int,
) -> attribution.Attributed:
    length = closed_days.INTERVAL_MS
    parts = {
        uuid: attribution.Part(
            millijoules // 2,
            millijoules - millijoules // 2,
            0,
            length,
            length,
        )
        for uuid, millijoules in instances.items()
        if millijoules
    }
    idle = unallocated + sum(part.idle for part in parts.values())
    total = sum(part.millijoules for part in parts.values())
    return attribution.Attributed(
        _profile(start, total + overhead + unallocated),
        parts,
        overhead,
        unallocated,
        0,
        idle,
        length,
    )


def _profile(start: int, millijoules: int) -> profile.Interval:
    length = closed_days.INTERVAL_MS
    return profile.Interval(
        start, start + length, millijoules, length, 0, profile.Clock(0)
    )
