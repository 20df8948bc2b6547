# SPDX-License-Identifier: Apache-2.0

"""Versions of attributed days: whose energy a host used on a UTC day.

A version is never changed. A collector writes the next one when a closed day
that it was computed from has one.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.billing import attribution
from energy_meter.db import attributed_packing
from energy_meter.db import documents
from energy_meter.db import schema

_DAY, _INSTANCE = schema.attributed_day, schema.instance_day
_LATER = _DAY.alias('later')

_KEY = {'day': documents.INTEGER, 'host': documents.TEXT}


class Identity(typing.NamedTuple):
    """An instance: its name, and its project and user.

    :ivar project: ID of the project.
    :ivar project_name: its name; empty if it is not known.
    :ivar user: ID of the user.
    """

    name: str
    project: str
    project_name: str
    user: str


class Header(typing.NamedTuple):
    """What is known of a host on a day, besides its energy.

    :ivar day: number of the UTC day since the epoch.
    :ivar version: 1 when the day was attributed, and one more after each
        change; 0 if it is not closed.
    :ivar closed_at: when this version was written, in ms.
    :ivar inputs: the closed days that it was computed from, as text.
    :ivar scope: that of the host's energy.
    :ivar method: name of the method of attribution.
    :ivar threads: CPU threads of the host.
    :ivar memory: memory of the host in MiB.
    :ivar idle_watts: power of the idle host in W.
    :ivar idle_source: where that comes from.
    """

    day: int
    host: str
    version: int
    closed_at: int
    inputs: str
    scope: str
    method: str
    method_version: int
    threads: int
    memory: int
    idle_watts: float
    idle_source: str


class HostDay(typing.NamedTuple):
    """One version of an attributed day.

    :ivar intervals: its quarter-hours.
    :ivar instances: those of the quarter-hours, by UUID, as they were last.
    :ivar devices: IDs of the probes of devices of instances. Not stored.
    :ivar unmetered: those of others, whose energy is not known, or not a part
        of the host's.
    """

    header: Header
    intervals: tuple[attribution.Attributed, ...]
    instances: collections.abc.Mapping[str, Identity]
    devices: frozenset[str] = frozenset()
    unmetered: frozenset[str] = frozenset()

    def parts(self, uuid: str) -> list[attribution.Part]:
        """Return the quarter-hours of an instance."""
        none = attribution.Part()
        return [each.instances.get(uuid, none) for each in self.intervals]


#: Columns of a header, and of an identity.
HEADER = [_DAY.c[name] for name in Header._fields]
IDENTITY = [_INSTANCE.c[name] for name in Identity._fields]


def insert(
    connection: sa.Connection, days: collections.abc.Sequence[HostDay]
) -> None:
    """Write versions of days.

    :raises DBDuplicateEntry: if a version exists.
    """
    rows = [
        {
            **each.header._asdict(),
            'packed': attributed_packing.pack_host(each.intervals),
        }
        for each in days
    ]
    if rows:
        connection.execute(_DAY.insert(), rows)
    instances = [row for each in days for row in _instances(each)]
    if instances:
        connection.execute(_INSTANCE.insert(), instances)


def _instances(
    day: HostDay,
) -> collections.abc.Iterator[dict[str, object]]:
    for uuid, identity in day.instances.items():
        parts = day.parts(uuid)
        yield {
            'day': day.header.day,
            'host': day.header.host,
            'version': day.header.version,
            'instance': uuid,
            **identity._asdict(),
            **total(parts)._asdict(),
            'packed': attributed_packing.pack_instance(parts),
        }


def total(
    parts: collections.abc.Iterable[attribution.Part],
) -> attribution.Part:
    """Return the sum of parts."""
    return attribution.Part(*map(sum, zip(*parts, strict=True)))


def headers(
    connection: sa.Connection,
    keys: collections.abc.Iterable[tuple[int, str]],
) -> dict[tuple[int, str], Header]:
    """Return the headers of the latest versions, by day and host.

    :param keys: days and hosts.
    """
    received = documents.table(connection, _KEY)
    query = sa.select(*HEADER).join_from(
        received,
        _DAY,
        sa.and_(_DAY.c.day == received.c.day, _DAY.c.host == received.c.host),
    )
    query = documents.look_up(query, _DAY)
    found: dict[tuple[int, str], Header] = {}
    for parameters in documents.parameters(keys):
        for row in connection.execute(query, parameters):
            header = Header._make(row)
            key = header.day, header.host
            if key not in found or found[key].version < header.version:
                found[key] = header
    return found


def is_stored(connection: sa.Connection, day: HostDay) -> bool:
    """Return whether the latest version of a day has the same result."""
    number = day.header.day
    found = of_host(connection, day.header.host, range(number, number + 1))
    return [_result(each) for each in found] == [_result(day)]


def _result(day: HostDay) -> tuple[object, ...]:
    """Return all that is stored of a day, apart from what led to it."""
    return (
        day.header._replace(version=0, closed_at=0, inputs=''),
        [each._replace(instances={}) for each in day.intervals],
        {
            uuid: (day.instances[uuid], day.parts(uuid))
            for uuid in day.instances
        },
    )


def is_latest(as_of: int | None = None) -> sa.ColumnElement[bool]:
    """Return the condition that a row has the latest version of its day.

    :param as_of: only versions that were written by this date, in ms, count.
    """
    is_later = sa.and_(
        _LATER.c.day == _DAY.c.day,
        _LATER.c.host == _DAY.c.host,
        _LATER.c.version > _DAY.c.version,
    )
    if as_of is None:
        return ~sa.exists().where(is_later)
    return sa.and_(
        _DAY.c.closed_at <= as_of,
        ~sa.exists().where(is_later, _LATER.c.closed_at <= as_of),
    )


def known(
    connection: sa.Connection, days: range
) -> collections.abc.Set[tuple[int, str]]:
    """Return the days that were attributed, and their hosts."""
    query = sa.select(_DAY.c.day, _DAY.c.host).where(
        _DAY.c.day >= days.start,
        _DAY.c.day < days.stop,
        _DAY.c.version == 1,
    )
    return {(day, host) for day, host in connection.execute(query)}


def of_host(
    connection: sa.Connection,
    host: str,
    days: range,
    as_of: int | None = None,
) -> list[HostDay]:
    """Return the latest versions of the days of a host, by day.

    :param as_of: only versions that were written by this date, in ms, count.
    """
    is_host = sa.and_(
        _DAY.c.host == host, _DAY.c.day >= days.start, _DAY.c.day < days.stop
    )
    query = (
        sa.select(*HEADER, _DAY.c.packed)
        .where(is_host, is_latest(as_of))
        .order_by(_DAY.c.day)
    )
    headers = connection.execute(query).all()
    instances: dict[int, list[sa.Row[typing.Any]]] = {}
    joined = sa.select(_INSTANCE).join_from(_DAY, _INSTANCE, IS_SAME_VERSION)
    for row in connection.execute(
        joined.where(is_host, is_latest(as_of)).order_by(_INSTANCE.c.instance)
    ):
        instances.setdefault(row.day, []).append(row)
    return [
        _host_day(
            Header._make(row[:-1]), row.packed, instances.get(row.day, [])
        )
        for row in headers
    ]


#: Condition that joins a version of a day with its instances.
IS_SAME_VERSION = sa.and_(
    _INSTANCE.c.day == _DAY.c.day,
    _INSTANCE.c.host == _DAY.c.host,
    _INSTANCE.c.version == _DAY.c.version,
)


def _host_day(
    header: Header, packed: bytes, rows: list[sa.Row[typing.Any]]
) -> HostDay:
    intervals = tuple(attributed_packing.unpack_host(header.day, packed))
    for row in rows:
        parts = attributed_packing.unpack_instance(row.packed)
        for interval, part in zip(intervals, parts, strict=True):
            if any(part):
                interval.instances[row.instance] = part
    return HostDay(
        header,
        intervals,
        {
            row.instance: Identity(
                row.name, row.project, row.project_name, row.user
            )
            for row in rows
        },
    )
