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
    hosts = host_probes.load(
        connection, None if chosen.host is None else {chosen.host}
    )
    if not hosts:
        return
    latest = db_engine.now(connection) // closed_days.DAY_MS
    days = range(
        max(days.start, latest - _MAX_DAYS), min(days.stop, latest + 1)
    )
    known = attributed_days.known(connection, days)
    for day in days:
        start = day * closed_days.DAY_MS
        until = start + closed_days.DAY_MS
        left = [
            each
            for name, each in hosts.items()
            if (day, name) not in known and _is_metered(each, start, until)
        ]
        if chosen.instance is not None or chosen.project is not None:
            left = _with_instances(connection, left, chosen, start, until)
        for number in range(0, len(left), _CHUNK):
            inputs = host_inputs.load(
                connection,
                left[number : number + _CHUNK],
                day,
                rules.precedence,
            )
            yield from attributing.attribute(connection, inputs, rules, {})


def _is_metered(host: host_probes.Host, start: int, until: int) -> bool:
    return any(each.first < until and start < each.last for each in host.usage)


def _with_instances(
    connection: sa.Connection,
    hosts: list[host_probes.Host],
    chosen: instance_days.Filter,
    start: int,
    until: int,
) -> list[host_probes.Host]:
    """Return the hosts that may have had an instance between two dates."""
    found = usage_presence.probes(
        connection,
        (probe.id for host in hosts for probe in host.usage),
        start,
        until,
        chosen.instance,
        chosen.project,
    )
    return [
        host
        for host in hosts
        if any(probe.id in found for probe in host.usage)
    ]
