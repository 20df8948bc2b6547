# SPDX-License-Identifier: Apache-2.0

"""Versions of closed days: what was billed of a probe on a UTC day.

A version is never changed. What changes a closed day marks it in the same
transaction, and a collector later writes its next version.
"""

import collections.abc
import datetime
import itertools
import typing

import sqlalchemy as sa

from energy_meter.billing import profile
from energy_meter.db import day_packing
from energy_meter.db import documents
from energy_meter.db import due_attributions
from energy_meter.db import schema

DAY_MS = day_packing.DAY_MS
INTERVAL_MS = day_packing.INTERVAL_MS

_DAY = {'day': documents.INTEGER, 'probe': documents.TEXT}


class ClosedDay(typing.NamedTuple):
    """One version of a closed day.

    :ivar probe: ID of the probe.
    :ivar day: number of the UTC day since the epoch.
    :ivar version: 1 when it was closed, and one more after each change.
    :ivar closed_at: when this version was written, in ms.
    :ivar complete: whether no measurement was missing then.
    :ivar reason: why it was written.
    :ivar username: operator who caused it; empty for a collector.
    :ivar edges: what was billed since midnight by the ends of all
        quarter-hours, the first one being midnight.
    :ivar clocks: clocks that were corrected, by quarter-hour.
    """

    probe: str
    day: int
    version: int
    closed_at: int
    complete: bool
    reason: str
    username: str
    edges: tuple[profile.Edge, ...]
    clocks: tuple[profile.Clock, ...]

    def edge(self, date: int) -> profile.Edge:
        """Return what was billed since midnight by a date.

        Within a quarter-hour, the larger part of its energy is uncertain,
        besides what is uncertain at its ends.
        """
        number, part = divmod(date - self.day * DAY_MS, INTERVAL_MS)
        before = self.edges[number]
        if not part:
            return before
        after = self.edges[number + 1]
        millijoules, metered = (
            (after[column] - before[column]) * part // INTERVAL_MS
            for column in (1, 2)
        )
        return profile.Edge(
            date,
            before.millijoules + millijoules,
            before.metered + metered,
            max(
                millijoules + before.uncertain,
                after.millijoules
                - before.millijoules
                - millijoules
                + after.uncertain,
            ),
        )

    def clock(self, start: int, until: int) -> profile.Clock:
        """Return which clocks were corrected between two dates."""
        midnight = self.day * DAY_MS
        first = (start - midnight) // INTERVAL_MS
        beyond = -((midnight - until) // INTERVAL_MS)
        if beyond == first + 1:
            return self.clocks[first]
        return profile.union(self.clocks[first:beyond])

    def intervals(self) -> list[profile.Interval]:
        """Return its quarter-hours."""
        return profile.intervals(self, day_packing.edges(self.day))


#: Columns of a version.
_NAMES = (*ClosedDay._fields[:7], 'packed')


class Total(typing.NamedTuple):
    """All of one version of a closed day.

    :ivar millijoules: energy of the day.
    :ivar metered: time in ms for which it is known.
    :ivar uncertain_start: energy in mJ that may belong to the other side of
        the midnight before, ``uncertain_end`` of that after it.
    """

    probe: str
    day: int
    version: int
    closed_at: int
    complete: bool
    reason: str
    username: str
    millijoules: int
    metered: int
    uncertain_start: int
    uncertain_end: int
    clock: profile.Clock


def iso(day: int) -> str:
    """Return the date of a day."""
    return (datetime.date(1970, 1, 1) + datetime.timedelta(day)).isoformat()


def insert(
    connection: sa.Connection, days: collections.abc.Sequence[ClosedDay]
) -> None:
    """Write versions of days, and mark them to be attributed.

    :raises DBDuplicateEntry: if a version exists.
    """
    if days:
        connection.execute(schema.closed_day.insert(), list(map(_row, days)))
        due_attributions.mark(
            connection,
            ((each.probe, each.day, each.closed_at) for each in days),
        )


def latest(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    first: int,
    until: int,
    as_of: int | None = None,
) -> dict[tuple[str, int], ClosedDay]:
    """Return the latest version of each day, by probe and day.

    :param first: number of the first day, ``until`` of the one after the
        last. Days that are not closed are missing.
    :param as_of: only versions that were written by this date, in ms, count.
    """
    keys = itertools.product(range(first, until), probes)
    return latest_of(connection, keys, as_of)


def latest_of(
    connection: sa.Connection,
    keys: collections.abc.Iterable[tuple[int, str]],
    as_of: int | None = None,
) -> dict[tuple[str, int], ClosedDay]:
    """Return the latest version of each of some days, by probe and day.

    :param keys: number of the day, and ID of the probe.
    """
    table = schema.closed_day
    columns = [table.c[name] for name in _NAMES]
    found = {}
    for row in _versions(connection, columns, keys, as_of):
        found[row.probe, row.day] = row
    return {key: _closed_day(row) for key, row in found.items()}


def totals(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    first: int,
    until: int,
    as_of: int | None = None,
) -> dict[tuple[str, int], Total]:
    """Return all of the latest version of each day, by probe and day.

    The parameters are those of :func:`latest`.
    """
    keys = itertools.product(range(first, until), probes)
    return totals_of(connection, keys, as_of)


def totals_of(
    connection: sa.Connection,
    keys: collections.abc.Iterable[tuple[int, str]],
    as_of: int | None = None,
) -> dict[tuple[str, int], Total]:
    """Return all of the latest version of each of some days.

    The parameters are those of :func:`latest_of`.
    """
    table = schema.closed_day
    columns = [table.c[name] for name in Total._fields]
    return {
        (row.probe, row.day): _total(row)
        for row in _versions(connection, columns, keys, as_of)
    }


def versions(
    connection: sa.Connection, probe: str, first: int, until: int
) -> list[Total]:
    """Return all versions of the days of a probe, by day and version.

    Slow: it looks at the days of all probes.

    :param first: number of the first day, ``until`` of the one after the
        last.
    """
    table = schema.closed_day
    query = (
        sa.select(*(table.c[name] for name in Total._fields))
        .where(
            table.c.day >= first, table.c.day < until, table.c.probe == probe
        )
        .order_by(table.c.day, table.c.version)
    )
    return [_total(row) for row in connection.execute(query)]


def version(
    connection: sa.Connection, probe: str, day: int, number: int
) -> ClosedDay | None:
    """Return one version of a day; None if it does not exist."""
    table = schema.closed_day
    row = connection.execute(
        sa.select(*(table.c[name] for name in _NAMES)).where(
            table.c.day == day,
            table.c.probe == probe,
            table.c.version == number,
        )
    ).one_or_none()
    return None if row is None else _closed_day(row)


def _versions(
    connection: sa.Connection,
    columns: collections.abc.Sequence[sa.Column[typing.Any]],
    keys: collections.abc.Iterable[tuple[int, str]],
    as_of: int | None = None,
) -> collections.abc.Iterator[sa.Row[typing.Any]]:
    """Yield versions of days, the latest one of each day last."""
    table = schema.closed_day
    received = documents.table(connection, _DAY)
    query = sa.select(*columns).join_from(
        received,
        table,
        sa.and_(
            table.c.day == received.c.day, table.c.probe == received.c.probe
        ),
    )
    if as_of is not None:
        query = query.where(table.c.closed_at <= as_of)
    query = documents.look_up(query, table)
    for parameters in documents.parameters(keys):
        rows = connection.execute(query, parameters).all()
        yield from sorted(rows, key=lambda row: row.version)


def _total(row: sa.Row[typing.Any]) -> Total:
    return Total._make((*row[:-1], profile.Clock(row.clock)))


def _closed_day(row: sa.Row[typing.Any]) -> ClosedDay:
    unpacked = day_packing.unpack(row.day, row.packed)
    return ClosedDay._make((*row[:-1], *unpacked))


def _row(day: ClosedDay) -> dict[str, object]:
    start, end = day.edges[0], day.edges[-1]
    clock = profile.Clock(0)
    for each in day.clocks:
        clock |= each
    return {
        **dict(zip(_NAMES[:-1], day, strict=False)),
        'millijoules': end.millijoules,
        'metered': end.metered,
        'uncertain_start': start.uncertain,
        'uncertain_end': end.uncertain,
        'clock': int(clock),
        'packed': day_packing.pack(day.edges, day.clocks),
    }
