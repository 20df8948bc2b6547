# SPDX-License-Identifier: Apache-2.0

"""Reading probes."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

MILLIJOULES_PER_KWH = 3.6e9


class ProbeState(typing.NamedTuple):
    """What is known of one probe.

    :ivar timestamp: when it was measured, seconds since the epoch.
    :ivar kwh: energy that was credited to it since its first measurement.
    :ivar watts: power at ``timestamp``; None where it isn't known.
    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar project_id: the project that pays for it, if there is one.
    :ivar parts: the probes that it is the sum of.
    """

    id: str
    timestamp: float
    kwh: float
    watts: float | None
    scope: str
    host: str
    wattmeter: str
    driver: str
    coverage: float
    project_id: str | None
    parts: tuple[str, ...] = ()


_COLUMNS = (
    schema.probe.c.id,
    schema.probe.c.time,
    schema.probe.c.millijoules,
    schema.probe.c.watts,
    schema.probe.c.scope,
    schema.probe.c.host,
    schema.probe.c.wattmeter,
    schema.probe.c.driver,
    schema.probe.c.metered,
    schema.probe.c.elapsed,
    schema.probe_project.c.project_id,
)


def _is_fresh(ttl: float) -> sa.ColumnElement[bool]:
    # A subquery is evaluated once; PostgreSQL would look at the clock for each
    # row, which takes as long as all the rest.
    return (
        schema.probe.c.heard_at
        > sa.select(db_engine.clock() - ttl).scalar_subquery()
    )


def _query(*conditions: sa.ColumnElement[bool]) -> sa.Select[typing.Any]:
    return (
        sa.select(*_COLUMNS)
        .where(*conditions)
        .join_from(
            schema.probe,
            schema.probe_project,
            schema.probe_project.c.probe == schema.probe.c.id,
            isouter=True,
        )
    )


def _state(row: collections.abc.Sequence[typing.Any]) -> ProbeState:
    (
        name,
        time,
        millijoules,
        watts,
        scope,
        host,
        wattmeter,
        driver,
        met,
        elapsed,
        project,
    ) = row
    return ProbeState(
        name,
        time,
        millijoules / MILLIJOULES_PER_KWH,
        watts,
        scope,
        host,
        wattmeter,
        driver,
        met / elapsed if elapsed > met else 1.0,
        project,
    )


def list_ids(connection: sa.Connection, ttl: float) -> list[str]:
    """List the probes that had news within ``ttl`` seconds, sorted."""
    query = (
        sa.select(schema.probe.c.id)
        .where(_is_fresh(ttl))
        .order_by(schema.probe.c.id)
    )
    return list(connection.scalars(query))


def list_states(
    connection: sa.Connection, ttl: float
) -> collections.abc.Iterator[ProbeState]:
    """Give the probes that had news within ``ttl`` seconds, sorted by id."""
    query = _query(_is_fresh(ttl)).order_by(schema.probe.c.id)
    # At once: drivers take much longer to give one row after the other.
    return map(_state, connection.execute(query).all())


def get_state(
    connection: sa.Connection, probe: str, ttl: float
) -> ProbeState | None:
    """Give one probe; None if it is unknown or had no news for ``ttl``."""
    query = _query(schema.probe.c.id == probe, _is_fresh(ttl))
    row = connection.execute(query).one_or_none()
    return None if row is None else _state(row)


def fingerprint(connection: sa.Connection, ttl: float) -> tuple[object, ...]:
    """Give a value that differs whenever a listing would.

    Much cheaper than the listing itself: every change moves a register, and
    a probe that leaves or joins changes the count.
    """
    total = sa.func.sum
    query = sa.select(
        # As a float, because SQLite's integers would overflow.
        sa.func.count(),
        total(schema.probe.c.millijoules * 1.0),
        total(schema.probe.c.owner_elapsed),
        total(schema.probe.c.time),
        sa.func.max(schema.probe.c.heard_at),
    ).where(_is_fresh(ttl))
    return tuple(connection.execute(query).one())
