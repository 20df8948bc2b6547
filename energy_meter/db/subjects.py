# SPDX-License-Identifier: Apache-2.0

"""What has energy: probes, sums of probes, and members of a project."""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.db import tips

#: Dates before and after all others.
BEGINNING, END = -(2**62), 2**62

_PROBE, _SUM, _REGISTER = schema.probe, schema.sum_probe, schema.register
_MEMBER = schema.membership
#: Number of members in one statement.
_CHUNK = 1000
#: What a sum measures, see :mod:`energy_meter.db.sums`.
SUM_SCOPE = 'node'
#: A sum hides a probe of its name.
_IS_HIDDEN = _PROBE.c.id.in_(sa.select(_SUM.c.id))


class Span(typing.NamedTuple):
    """Time in which a probe counts, in ms."""

    probe: str
    since: int
    until: int


class Subject(typing.NamedTuple):
    """A probe, or a sum of probes.

    :ivar project: the project that is billed for it, if there is one.
    :ivar spans: the time of the probe itself, or of the parts of a sum. Only
        in this time it has energy.
    """

    id: str
    host: str | None
    scope: str | None
    project: str | None
    spans: tuple[Span, ...]


class Filter(typing.NamedTuple):
    """Which probes to list.

    :ivar project: also lists sums, each in the time in which it is billed to
        this project. Otherwise no sums are listed, as their parts are.
    """

    host: str | None = None
    scope: str | None = None
    project: str | None = None


def get(connection: sa.Connection, name: str) -> Subject:
    """Return a sum, or else a probe, in all of its time.

    :raises ProbeNotFound: if there is neither.
    """
    for row in connection.execute(_sums().where(_SUM.c.id == name)):
        parts = _spans(connection, memberships.Kind.SUM, [name])
        return _subject(row, row.whole, parts[name])
    query = _probes().where(_PROBE.c.id == name)
    for row in connection.execute(query):
        return _subject(row, row.whole, [Span(name, BEGINNING, END)])
    raise exception.ProbeNotFound(probe=name)


def listing(
    connection: sa.Connection,
    chosen: Filter,
    start: int,
    end: int,
) -> list[Subject]:
    """Return the probes that fulfill conditions, by ID.

    :param start: date in ms; members of a project between it and ``end``
        count.
    """
    if chosen.project is not None:
        return _members(connection, chosen, chosen.project, start, end)
    query = _where(_probes(), _PROBE, chosen).order_by(_PROBE.c.id)
    return [
        _subject(row, row.whole, [Span(row.id, BEGINNING, END)])
        for row in connection.execute(query)
    ]


def _subject(
    row: sa.Row[typing.Any],
    project: str | None,
    spans: collections.abc.Iterable[Span],
) -> Subject:
    return Subject(row.id, row.host, row.scope, project, tuple(spans))


def _probes() -> sa.Select[typing.Any]:
    displayed = sa.func.coalesce(_PROBE.c.tip, _PROBE.c.displayed)
    return (
        sa.select(
            _PROBE.c.id,
            _REGISTER.c.host,
            _REGISTER.c.scope,
            memberships.PROJECT.c.whole,
        )
        .join(_REGISTER, _REGISTER.c.number == displayed, isouter=True)
        .join(
            memberships.PROJECT,
            memberships.is_billed_for(_PROBE.c.id),
            isouter=True,
        )
        .where(tips.HAS_ENERGY)
    )


def _sums() -> sa.Select[typing.Any]:
    return sa.select(
        _SUM.c.id,
        _SUM.c.host,
        sa.literal(SUM_SCOPE).label('scope'),
        memberships.PROJECT.c.whole,
    ).join(
        memberships.PROJECT, memberships.is_billed_for(_SUM.c.id), isouter=True
    )


def _where(
    query: sa.Select[typing.Any], table: sa.Table, chosen: Filter
) -> sa.Select[typing.Any]:
    if chosen.host is not None:
        host = (_SUM if table is _SUM else _REGISTER).c.host
        query = query.where(host == chosen.host)
    if chosen.scope is not None and table is _SUM:
        query = query.where(sa.literal(chosen.scope == SUM_SCOPE))
    elif chosen.scope is not None:
        query = query.where(_REGISTER.c.scope == chosen.scope)
    return query


def _members(
    connection: sa.Connection,
    chosen: Filter,
    project: str,
    start: int,
    end: int,
) -> list[Subject]:
    """Return the probes and sums of a project, when they are billed to it."""
    billed = collections.defaultdict(list)
    kind = memberships.Kind.PROJECT
    for span in _spans(connection, kind, [project])[project]:
        clipped = _common(span, start, end)
        if clipped.since < clipped.until:
            billed[span.probe].append(span)
    found = {}
    for names in _chunks(sorted(billed)):
        sums = _where(_sums().where(_SUM.c.id.in_(names)), _SUM, chosen)
        totals = connection.execute(sums).all()
        parts = _spans(
            connection, memberships.Kind.SUM, [row.id for row in totals]
        )
        for row in totals:
            spans = [
                _common(part, span.since, span.until)
                for part in parts[row.id]
                for span in billed[row.id]
            ]
            found[row.id] = _subject(row, project, spans)
        probes = _where(
            _probes().where(_PROBE.c.id.in_(names), ~_IS_HIDDEN),
            _PROBE,
            chosen,
        )
        for row in connection.execute(probes):
            found[row.id] = _subject(row, project, billed[row.id])
    return [found[name] for name in sorted(found)]


def _common(span: Span, since: int, until: int) -> Span:
    """Return the part of a span between two dates; it may be empty."""
    return Span(span.probe, max(span.since, since), min(span.until, until))


def _spans(
    connection: sa.Connection,
    kind: memberships.Kind,
    wholes: collections.abc.Collection[str],
) -> dict[str, list[Span]]:
    """Return the spans of all members, by sum or project."""
    found: dict[str, list[Span]] = {name: [] for name in wholes}
    query = (
        sa.select(
            _MEMBER.c.whole,
            _MEMBER.c.member,
            _MEMBER.c.since,
            sa.func.coalesce(_MEMBER.c.until, END),
        )
        .where(_MEMBER.c.kind == kind, _MEMBER.c.whole.in_(wholes))
        .order_by(_MEMBER.c.member, _MEMBER.c.since)
    )
    for whole, *span in connection.execute(query):
        found[whole].append(Span(*span))
    return found


def _chunks(
    names: list[str],
) -> collections.abc.Iterator[list[str]]:
    for start in range(0, len(names), _CHUNK):
        yield names[start : start + _CHUNK]
