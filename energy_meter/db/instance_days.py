# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, or of projects, on attributed days."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.billing import attribution
from energy_meter.db import attributed_days
from energy_meter.db import closed_days
from energy_meter.db import documents
from energy_meter.db import schema

_DAY, _INSTANCE = schema.attributed_day, schema.instance_day
#: In SQL, sums of integers may be decimal numbers.
_SUMS = [
    sa.cast(sa.func.sum(_INSTANCE.c[name]), sa.BigInteger).label(name)
    for name in attribution.Part._fields
]
_KEY = {
    'day': documents.INTEGER,
    'host': documents.TEXT,
    'version': documents.INTEGER,
    'instance': documents.TEXT,
}


class Filter(typing.NamedTuple):
    """Which instances to read.

    :ivar after: only those whose UUID, or whose project's ID, comes after it.
    :ivar is_by_project: read their projects instead.
    """

    instance: str | None = None
    project: str | None = None
    host: str | None = None
    after: str = ''
    is_by_project: bool = False

    def matches(
        self, host: str, uuid: str, identity: attributed_days.Identity
    ) -> bool:
        """Return whether an instance on a host is one of them."""
        return (
            self.instance in (None, uuid)
            and self.project in (None, identity.project)
            and self.host in (None, host)
            and self.key(uuid, identity.project) > self.after
        )

    def key(self, uuid: str, project: str) -> str:
        """Return the ID of what is read."""
        return project if self.is_by_project else uuid

    def condition(self) -> sa.ColumnElement[bool]:
        """Return the condition on table ``instance_day``."""
        table = _INSTANCE.c
        pairs = (
            (table.instance, self.instance),
            (table.project, self.project),
            (table.host, self.host),
        )
        key = table.project if self.is_by_project else table.instance
        return sa.and_(
            sa.true(),
            *(column == value for column, value in pairs if value is not None),
            *([key > self.after] if self.after else []),
        )


class Source(typing.NamedTuple):
    """How energy was attributed, and where.

    :ivar host: an arbitrary one of a project's.
    """

    host: str
    scope: str
    method: str
    method_version: int


class Share(typing.NamedTuple):
    """Energy of an instance, or a project, on a day of a host.

    :ivar instance: UUID; an arbitrary one of the project.
    """

    day: int
    version: int
    instance: str
    project: str
    source: Source
    part: attribution.Part


def keys(
    connection: sa.Connection,
    chosen: Filter,
    days: range,
    limit: int,
) -> list[str]:
    """Return the first IDs of what is read, sorted."""
    column = (
        _INSTANCE.c.project if chosen.is_by_project else _INSTANCE.c.instance
    )
    query = (
        sa.select(column)
        .distinct()
        .where(chosen.condition(), _is_within(days))
        .order_by(column)
        .limit(limit)
    )
    return list(connection.scalars(query))


def shares(
    connection: sa.Connection,
    chosen: Filter,
    days: range,
    as_of: int | None,
    last: str | None,
    is_by_day: bool,
) -> collections.abc.Iterator[Share]:
    """Yield the energy on whole days.

    :param last: ID of the last one to read; None if all are.
    :param is_by_day: whether each day is read by itself. Otherwise, the day of
        a share is the last of all.
    """
    groups: list[sa.ColumnElement[typing.Any]] = [
        _INSTANCE.c.version,
        _INSTANCE.c.project,
        *_SOURCE,
    ]
    where: list[sa.ColumnElement[str]] = [
        _INSTANCE.c.host,
        _INSTANCE.c.instance,
    ]
    day = sa.func.max(_INSTANCE.c.day)
    columns = [day, *groups, *map(sa.func.min, where), *_SUMS]
    if not chosen.is_by_project:
        groups += where
    if is_by_day:
        groups.append(_INSTANCE.c.day)
    query = select(chosen, days, as_of, last, *columns).group_by(*groups)
    for row in connection.execute(query):
        number, version, project, scope, method, revision, host, uuid = row[:8]
        yield Share(
            number,
            version,
            uuid,
            project,
            Source(host, scope, method, revision),
            attribution.Part(*map(int, row[8:])),
        )


class Packed(typing.NamedTuple):
    """A share, with its quarter-hours."""

    share: Share
    packed: bytes


def packed(
    connection: sa.Connection,
    chosen: Filter,
    days: range,
    as_of: int | None,
    last: str | None,
) -> collections.abc.Iterator[Packed]:
    """Yield the energy of each instance and day, with its quarter-hours."""
    table = _INSTANCE.c
    columns = [
        table.day,
        table.version,
        table.project,
        table.host,
        *_SOURCE,
        table.instance,
        table.packed,
    ]
    query = select(chosen, days, as_of, last, *columns)
    for row in connection.execute(query):
        day, version, project, host, scope, method, number, uuid, content = row
        source = Source(host, scope, method, number)
        none = attribution.Part()
        yield Packed(Share(day, version, uuid, project, source, none), content)


def identities(
    connection: sa.Connection, rows: collections.abc.Iterable[Share]
) -> dict[str, attributed_days.Identity]:
    """Return who the instances of some shares are, by UUID."""
    table = _INSTANCE.c
    received = documents.table(connection, _KEY)
    query = sa.select(table.instance, *attributed_days.IDENTITY).join_from(
        received,
        _INSTANCE,
        sa.and_(*(table[name] == received.c[name] for name in _KEY)),
    )
    query = documents.look_up(query, _INSTANCE)
    found = {}
    for parameters in documents.parameters(
        (each.day, each.source.host, each.version, each.instance)
        for each in rows
    ):
        for row in connection.execute(query, parameters):
            identity = attributed_days.Identity._make(row[1:])
            found[row.instance] = identity
    return found


def identity(
    connection: sa.Connection, chosen: Filter
) -> attributed_days.Identity | None:
    """Return who an instance was on its last attributed day."""
    table = _INSTANCE.c
    row = connection.execute(
        sa.select(*attributed_days.IDENTITY)
        .where(chosen.condition())
        .order_by(table.day.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else attributed_days.Identity._make(row)


def check(
    connection: sa.Connection, chosen: Filter, days: range, as_of: int
) -> None:
    """Check that all days that were closed later have no such instances.

    :raises DayNotAttributed: if one has.
    """
    query = (
        sa.select(sa.func.min(_INSTANCE.c.day))
        .join_from(_DAY, _INSTANCE, attributed_days.IS_SAME_VERSION)
        .where(
            chosen.condition(),
            _is_within(days),
            _DAY.c.version == 1,
            _DAY.c.closed_at > as_of,
        )
    )
    day = connection.scalar(query)
    if day is not None:
        raise exception.DayNotAttributed(day=closed_days.iso(day))


_SOURCE = [_DAY.c.scope, _DAY.c.method, _DAY.c.method_version]


def select(
    chosen: Filter,
    days: range,
    as_of: int | None,
    last: str | None,
    *columns: sa.ColumnElement[typing.Any],
) -> sa.Select[typing.Any]:
    """Return a query for instances on the latest versions of days."""
    query = (
        sa.select(*columns)
        .join_from(_DAY, _INSTANCE, attributed_days.IS_SAME_VERSION)
        .where(
            chosen.condition(),
            _is_within(days),
            attributed_days.is_latest(as_of),
        )
    )
    if last is None:
        return query
    key = _INSTANCE.c.project if chosen.is_by_project else _INSTANCE.c.instance
    return query.where(key <= last)


def _is_within(days: range) -> sa.ColumnElement[bool]:
    return sa.and_(_INSTANCE.c.day >= days.start, _INSTANCE.c.day < days.stop)
