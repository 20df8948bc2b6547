# SPDX-License-Identifier: Apache-2.0

"""Days of hosts that are not closed yet, attributed as far as is known."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import attributed_days
from energy_meter.db import attributing
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import host_probes

#: Number of hosts whose marks are in memory.
_CHUNK = 20
#: Longer than a day waits to be closed.
_MAX_DAYS = 32


def load(
    connection: sa.Connection,
    days: range,
    rules: attributing.Rules,
    host: str | None = None,
) -> collections.abc.Iterator[attributed_days.HostDay]:
    """Yield the days of hosts that were never closed, by day.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :param host: only its days; by default those of all hosts.
    """
    hosts = host_probes.load(connection, None if host is None else {host})
    if not hosts:
        return
    latest = db_engine.now(connection) // closed_days.DAY_MS
    days = range(
        max(days.start, latest - _MAX_DAYS), min(days.stop, latest + 1)
    )
    known = attributed_days.known(connection, days)
    for day in days:
        start = day * closed_days.DAY_MS
        left = [
            each
            for name, each in hosts.items()
            if (day, name) not in known
            and _is_metered(each, start, start + closed_days.DAY_MS)
        ]
        for number in range(0, len(left), _CHUNK):
            chosen = attributing.inputs(
                connection,
                left[number : number + _CHUNK],
                day,
                rules.precedence,
            )
            yield from attributing.attribute(connection, chosen, rules, {})


def _is_metered(host: host_probes.Host, start: int, until: int) -> bool:
    return any(each.first < until and start < each.last for each in host.usage)
