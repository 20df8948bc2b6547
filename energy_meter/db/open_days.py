# SPDX-License-Identifier: Apache-2.0

"""Days of hosts that are not closed yet, attributed as far as is known."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import attributed_days
from energy_meter.db import attributing
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import host_inputs
from energy_meter.db import host_probes
from energy_meter.db import instance_days
from energy_meter.db import usage_presence

#: Number of hosts whose marks are in memory.
_CHUNK = 20
#: Longer than a day waits to be closed.
_MAX_DAYS = 32

#: Probes of CPU usage, by host.
_Usage = collections.abc.Mapping[
    str, collections.abc.Collection[host_probes.UsageProbe]
]


def load(
    connection: sa.Connection,
    days: range,
    rules: attributing.Rules,
    chosen: instance_days.Filter,
) -> collections.abc.Iterator[attributed_days.HostDay]:
    """Yield the days of hosts that were never closed, by day.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :param chosen: instances; days of hosts without any may be left out.
    """
    names = _open(connection, days, chosen)
    wanted = {name for found in names.values() for name in found}
    if not wanted:
        return
    hosts = host_probes.load(connection, wanted)
    for day, found in names.items():
        left = [hosts[name] for name in found]
        for number in range(0, len(left), _CHUNK):
            inputs = host_inputs.load(
                connection,
                left[number : number + _CHUNK],
                day,
                rules.precedence,
            )
            yield from attributing.attribute(connection, inputs, rules, {})


def _open(
    connection: sa.Connection, days: range, chosen: instance_days.Filter
) -> dict[int, list[str]]:
    """Return the hosts of days that were never closed, by day."""
    usage = {
        name: probes
        for name, probes in host_probes.usage(connection).items()
        if chosen.host in (None, name)
    }
    if not usage:
        return {}
    latest = db_engine.now(connection) // closed_days.DAY_MS
    days = range(
        max(days.start, latest - _MAX_DAYS), min(days.stop, latest + 1)
    )
    known = attributed_days.known(connection, days)
    return {
        day: _hosts(
            connection,
            {
                name: probes
                for name, probes in usage.items()
                if (day, name) not in known
            },
            chosen,
            day,
        )
        for day in days
    }


def _hosts(
    connection: sa.Connection,
    usage: _Usage,
    chosen: instance_days.Filter,
    day: int,
) -> list[str]:
    """Return the hosts that were metered on a day, sorted.

    :param usage: probes of all hosts that count.
    :param chosen: hosts that had none of these instances are left out.
    """
    start = day * closed_days.DAY_MS
    until = start + closed_days.DAY_MS
    found = sorted(
        name
        for name, probes in usage.items()
        if any(each.first < until and start < each.last for each in probes)
    )
    if chosen.instance is None and chosen.project is None:
        return found
    present = usage_presence.probes(
        connection,
        (each.id for name in found for each in usage[name]),
        start,
        until,
        chosen.instance,
        chosen.project,
    )
    return [
        name
        for name in found
        if any(each.id in present for each in usage[name])
    ]
