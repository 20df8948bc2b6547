# SPDX-License-Identifier: Apache-2.0

"""Days of probes as an operator sees them, and closing them by order."""

import collections
import collections.abc
import datetime
import itertools
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.billing import profile
from energy_meter.collector import administration
from energy_meter.collector import closing
from energy_meter.collector import days
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema

DAY_MS = closed_days.DAY_MS
_PROBE, _CHANGED = schema.probe, schema.changed_day

#: Number of probes that are closed in one transaction.
_CHUNK = 50
_EPOCH = datetime.date(1970, 1, 1)
#: A day that is due, and will be closed by the next run of a collector.
_DUE = 'due'


class DayView(typing.NamedTuple):
    """One version of a day, or a day that is due but not closed.

    :ivar day: number of the UTC day since the epoch.
    :ivar total: what was billed; None if it is not closed.
    :ivar waiting: why it is not closed, or why it needs another version; empty
        if neither.
    """

    day: int
    total: closed_days.Total | None
    waiting: str


class Interval(typing.NamedTuple):
    """A quarter-hour of a version.

    :ivar difference: energy in mJ by which it differs from the version
        before; None if there is none.
    """

    interval: profile.Interval
    difference: int | None


class Order(typing.NamedTuple):
    """Result of closing days of a probe by order.

    :ivar millijoules: energy of those days.
    :ivar incomplete: number of those days that may lack measurements.
    :ivar waiting: why no more were closed; None if no more were ordered.
    """

    days: int
    millijoules: int
    incomplete: int
    waiting: days.Waiting | None


def list_days(
    connection: sa.Connection, probe: str, first: int, until: int
) -> list[DayView]:
    """Return all versions of the days of a probe, and those that are due.

    :param first: number of the first day, ``until`` of the one after the
        last.
    :raises ProbeNotFound: if the probe does not exist, and no day of it was
        closed before it was deleted.
    """
    totals = closed_days.versions(connection, probe, first, until)
    if not totals:
        _require(connection, probe)
    changed = {
        row.day: f'{days.Waiting.CHANGED}: {row.reason}'
        for row in connection.execute(
            sa.select(_CHANGED).where(_CHANGED.c.probe == probe)
        )
    }
    views = []
    for day, members in itertools.groupby(totals, lambda each: each.day):
        *older, latest = members
        views += [DayView(day, total, '') for total in older]
        views.append(DayView(day, latest, changed.get(day, '')))
    return views + [
        DayView(day, None, reason)
        for day, reason in _due(connection, probe)
        if first <= day < until
    ]


def show_day(
    connection: sa.Connection, probe: str, day: int, version: int | None
) -> tuple[closed_days.ClosedDay, list[Interval]]:
    """Return one version of a day, and its quarter-hours.

    :param version: None for the latest one.
    :raises DayNotClosed: if there is no such version.
    """
    if version is None:
        found = closed_days.latest(connection, [probe], day, day + 1)
        shown = found.get((probe, day))
    else:
        shown = closed_days.version(connection, probe, day, version)
    if shown is None:
        raise exception.DayNotClosed(probe=probe, day=iso(day))
    before = closed_days.version(connection, probe, day, shown.version - 1)
    intervals = shown.intervals()
    if before is None:
        return shown, [Interval(each, None) for each in intervals]
    return shown, [
        Interval(each, each.millijoules - old.millijoules)
        for each, old in zip(intervals, before.intervals(), strict=True)
    ]


def close(
    engine: sa.Engine,
    probes: collections.abc.Collection[str] | None,
    until: int,
    username: str,
) -> dict[str, Order]:
    """Close days of probes although measurements may be missing.

    :param probes: their IDs; None for all.
    :param until: number of the day after the last one.
    :param username: operator who is named in the audit trail.
    :returns: what was closed, by probe.
    :raises ProbeNotFound: if a probe does not exist.
    """
    with engine.connect() as connection:
        if probes is None:
            names = connection.scalars(
                sa.select(_PROBE.c.id).order_by(_PROBE.c.id)
            ).all()
        else:
            names = sorted(probes)
            for name in names:
                _require(connection, name)
    closed: dict[str, Order] = {}
    for start in range(0, len(names), _CHUNK):
        order = days.Order(until, username)
        closed |= _close(engine, names[start : start + _CHUNK], order)
    return closed


def _close(
    engine: sa.Engine, names: collections.abc.Sequence[str], order: days.Order
) -> dict[str, Order]:
    """Close days of some probes, each transaction with its audit trail."""
    contested = days.Waiting.CONTESTED
    closed = dict.fromkeys(names, Order(0, 0, 0, contested))
    left = list(names)
    while left:
        with db_engine.writing(engine) as connection:
            left = _close_some(connection, left, order, closed)
            # What is undone would be closed again by the next transaction.
            while left and db_engine.is_dry_run(engine):
                left = _close_some(connection, left, order, closed)
    return closed


def _close_some(
    connection: sa.Connection,
    names: collections.abc.Sequence[str],
    order: days.Order,
    closed: dict[str, Order],
) -> list[str]:
    """Close up to :data:`~energy_meter.collector.days.MAX_DAYS` days.

    :param closed: what was closed before, by probe; it is updated.
    :returns: the probes of which more days may be closed.
    """
    db_now = db_engine.now(connection)
    plans = closing.close(connection, names, db_now, days.date(db_now), order)
    totals = closed_days.totals_of(
        connection,
        (
            (day, name)
            for name, plan in plans.items()
            for day in range(plan.first, plan.until)
        ),
    )
    energies = collections.Counter[str]()
    for (name, _), total in totals.items():
        energies[name] += total.millijoules
    for name, plan in plans.items():
        if plan.complete:
            administration.audit(
                connection, order.username, _describe(name, plan)
            )
        closed[name] = Order(
            closed[name].days + len(plan.complete),
            closed[name].millijoules + energies[name],
            closed[name].incomplete + plan.complete.count(False),
            plan.waiting,
        )
    return [name for name, plan in plans.items() if plan.complete]


def _describe(probe: str, plan: days.Plan) -> str:
    return (
        f'close days {iso(plan.first)} to {iso(plan.until - 1)} of probe '
        f'{probe}: {plan.complete.count(False)} incomplete'
    )


def iso(day: int) -> str:
    """Format the number of a day, for example 2027-01-31."""
    return (_EPOCH + datetime.timedelta(day)).isoformat()


def _due(
    connection: sa.Connection, probe: str
) -> collections.abc.Iterator[tuple[int, str]]:
    """Yield the days of a probe that are due but not closed, and why not."""
    db_now = db_engine.now(connection)
    date = days.date(db_now)
    plan = closing.explain(connection, probe, db_now, date)
    if plan is None:
        return
    for day in range(plan.first, (date - days.MIN_AGE_MS) // DAY_MS):
        yield day, _DUE if day < plan.until else plan.waiting or _DUE


def _require(connection: sa.Connection, probe: str) -> None:
    if not connection.scalar(
        sa.select(sa.exists().where(_PROBE.c.id == probe))
    ):
        raise exception.ProbeNotFound(probe=probe)
