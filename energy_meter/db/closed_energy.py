# SPDX-License-Identifier: Apache-2.0

"""Energy of closed days, of probes and of sums.

Sums have no closed days of their own. A day of a sum is closed if it is closed
for each of its parts; a part counts within its membership.
"""

import collections
import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter.db import closed_days
from energy_meter.db import memberships
from energy_meter.db import schema

#: Number of quarter-hours of a day.
QUARTER_HOURS = closed_days.DAY_MS // closed_days.INTERVAL_MS

_CLOSED, _MEMBER, _PROBE = schema.closed_day, schema.membership, schema.probe

#: Energy in mJ of each quarter-hour, by probe and day.
Days = dict[tuple[str, int], tuple[int, ...]]


class _Span(typing.NamedTuple):
    whole: str
    member: str
    since: int
    until: int | None


def first_day(connection: sa.Connection) -> int | None:
    """Return the first closed day of all probes; None if none is closed."""
    first: int | None = connection.scalar(
        sa.select(sa.func.min(_CLOSED.c.day))
    )
    return first


def restated(connection: sa.Connection) -> dict[str, set[int]]:
    """Return the closed days that have changed since, by probe and sum."""
    days = collections.defaultdict(set)
    query = sa.select(_CLOSED.c.probe, _CLOSED.c.day).where(
        _CLOSED.c.version > 1
    )
    for probe, day in connection.execute(query):
        days[probe].add(day)
    for span in _spans(connection, sa.true()):
        days[span.whole] |= days[span.member]
    return dict(days)


def quarter_hours(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    first: int,
    until: int,
) -> Days:
    """Return the energy of closed days, from their latest versions.

    :param probes: ids of probes and sums.
    :param first: first day.
    :param until: day after the last one.
    """
    spans = _spans(connection, _MEMBER.c.whole.in_(probes))
    members = {span.member for span in spans}
    versions = closed_days.latest(
        connection, {*probes, *members}, first, until
    )
    days = {key: _energies(version) for key, version in versions.items()}
    totals = _totals(
        spans, days, _closed_until(connection, members), range(first, until)
    )
    # A sum hides a probe of its name.
    metered = {*probes}.difference(
        span.whole for span in spans if span.until is None
    )
    return {key: days[key] for key in days if key[0] in metered} | totals


def _spans(
    connection: sa.Connection, condition: sa.ColumnElement[bool]
) -> list[_Span]:
    query = (
        sa.select(*(_MEMBER.c[name] for name in _Span._fields))
        .where(_MEMBER.c.kind == memberships.Kind.SUM, condition)
        .order_by(_MEMBER.c.whole)
    )
    return [_Span(*row) for row in connection.execute(query)]


def _closed_until(
    connection: sa.Connection, members: collections.abc.Set[str]
) -> dict[str, int]:
    """Return the dates before which the days of probes are closed."""
    query = sa.select(
        _PROBE.c.id, sa.func.coalesce(_PROBE.c.closed_until, 0)
    ).where(_PROBE.c.id.in_(members))
    return {probe: until for probe, until in connection.execute(query)}


def _energies(version: closed_days.ClosedDay) -> tuple[int, ...]:
    return tuple(
        after.millijoules - before.millijoules
        for before, after in itertools.pairwise(version.edges)
    )


def _totals(
    spans: collections.abc.Iterable[_Span],
    days: Days,
    closed_until: collections.abc.Mapping[str, int],
    period: range,
) -> Days:
    totals: Days = {}
    for whole, group in itertools.groupby(spans, lambda span: span.whole):
        parts = list(group)
        for day in period:
            on_day = [span for span in parts if _is_member(span, day)]
            if on_day and all(
                # A part that was never metered has no row.
                closed_until.get(span.member, closed_days.DAY_MS * (day + 1))
                >= closed_days.DAY_MS * (day + 1)
                for span in on_day
            ):
                totals[whole, day] = _total(on_day, day, days)
    return totals


def _is_member(span: _Span, day: int) -> bool:
    start = day * closed_days.DAY_MS
    return span.since < start + closed_days.DAY_MS and (
        span.until is None or span.until > start
    )


def _total(
    spans: collections.abc.Iterable[_Span], day: int, days: Days
) -> tuple[int, ...]:
    total = [0] * QUARTER_HOURS
    for span in spans:
        energies = days.get((span.member, day), ())
        for number, millijoules in enumerate(energies):
            start = day * closed_days.DAY_MS + number * closed_days.INTERVAL_MS
            if span.since <= start and (
                span.until is None or start < span.until
            ):
                total[number] += millijoules
    return tuple(total)
