# SPDX-License-Identifier: Apache-2.0

"""Power of idle hosts, estimated from closed days."""

import collections.abc

import sqlalchemy as sa

from energy_meter.billing import idle_power
from energy_meter.billing import profile
from energy_meter.db import closed_days

#: Number of days that an estimate is based on.
DAYS = 14

_Intervals = collections.abc.Iterable[profile.Interval]


def estimate(
    connection: sa.Connection,
    energy: collections.abc.Collection[str],
    usage: str,
    day: int,
) -> idle_power.IdlePower:
    """Return the idle power of a host on a day.

    :param energy: IDs of the probes whose energy is that of the host.
    :param usage: ID of the probe of its CPU usage.
    :param day: the last of the days that count. If it is not closed, those
        before it do.
    :returns: 0 W if no day is closed.
    """
    return idle_power.estimate(
        loads(connection, energy, usage, day)
    ) or idle_power.IdlePower(0.0, idle_power.Source.ESTIMATED)


def loads(
    connection: sa.Connection,
    energy: collections.abc.Collection[str],
    usage: str,
    day: int,
) -> list[idle_power.Load]:
    """Return the loads of a host in the last days.

    The parameters are those of :func:`estimate`.

    :returns: those of intervals that are known well enough.
    """
    closed = closed_days.latest(
        connection, {*energy, usage}, day - DAYS + 1, day + 1
    )
    found: list[idle_power.Load] = []
    for number in range(day - DAYS + 1, day + 1):
        keys = [(probe, number) for probe in (usage, *energy)]
        if all(key in closed for key in keys):
            found += _loads(*(closed[key].intervals() for key in keys))
    return found


def _loads(
    usage: _Intervals, *energies: _Intervals
) -> collections.abc.Iterator[idle_power.Load]:
    """Yield the loads of a host on a day.

    :param usage: CPU time.
    :param energies: of each probe of its energy.
    """
    for cpu, *known in zip(usage, *energies, strict=True):
        if all(
            each.coverage >= idle_power.MIN_COVERAGE for each in (cpu, *known)
        ):
            length = cpu.until - cpu.start
            yield idle_power.Load(
                sum(each.millijoules for each in known) / length,
                cpu.millijoules / length,
            )
