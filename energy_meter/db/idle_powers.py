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
    devices: collections.abc.Collection[str],
    usage: str,
    day: int,
) -> idle_power.IdlePower:
    """Return the idle power of a host on a day, without its devices.

    :param energy: IDs of the probes whose energy is that of the host.
    :param devices: IDs of the probes of devices in this energy.
    :param usage: ID of the probe of its CPU usage.
    :param day: the last of the days that count. If it is not closed, those
        before it do.
    :returns: 0 W if no day is closed.
    """
    return idle_power.estimate(
        loads(connection, energy, devices, usage, day)
    ) or idle_power.IdlePower(0.0, idle_power.Source.ESTIMATED)


def loads(
    connection: sa.Connection,
    energy: collections.abc.Collection[str],
    devices: collections.abc.Collection[str],
    usage: str,
    day: int,
) -> list[idle_power.Load]:
    """Return the loads of a host in the last days, without its devices.

    The parameters are those of :func:`estimate`.

    :returns: those of intervals that are known well enough.
    """
    closed = closed_days.latest(
        connection, {*energy, *devices, usage}, day - DAYS + 1, day + 1
    )
    found: list[idle_power.Load] = []
    for number in range(day - DAYS + 1, day + 1):
        keys = [(probe, number) for probe in (usage, *energy, *devices)]
        if all(key in closed for key in keys):
            cpu, *others = (closed[key].intervals() for key in keys)
            found += _loads(cpu, others[: len(energy)], others[len(energy) :])
    return found


def _loads(
    usage: _Intervals,
    energies: collections.abc.Sequence[_Intervals],
    devices: collections.abc.Sequence[_Intervals],
) -> collections.abc.Iterator[idle_power.Load]:
    """Yield the loads of a host on a day.

    :param usage: CPU time.
    :param energies: of each probe of its energy.
    :param devices: of each probe of a device, whose power is left out.
    """
    for cpu, *others in zip(usage, *energies, *devices, strict=True):
        if all(
            each.coverage >= idle_power.MIN_COVERAGE for each in (cpu, *others)
        ):
            length = cpu.until - cpu.start
            energy = [each.millijoules for each in others]
            used = sum(energy[len(energies) :])
            rest = max(sum(energy[: len(energies)]) - used, 0)
            yield idle_power.Load(rest / length, cpu.millijoules / length)
