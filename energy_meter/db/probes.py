# SPDX-License-Identifier: Apache-2.0

"""Queries of probes."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

MILLIJOULES_PER_KWH = 3.6e9


class ProbeState(typing.NamedTuple):
    """State of one probe.

    :ivar timestamp: time of the measurement, in seconds since the epoch.
    :ivar kwh: energy billed since its first measurement.
    :ivar watts: power at ``timestamp``; None if it is unknown.
    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar project_id: the project that is billed for it, if there is one.
    :ivar parts: ids of the probes of a sum; empty for other probes.
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
    schema.probe.c.timestamp,
    schema.probe.c.millijoules,
    schema.probe.c.watts,
    schema.probe.c.scope,
    schema.probe.c.host,
    schema.probe.c.wattmeter,
    schema.probe.c.driver,
    schema.probe.c.metered_seconds,
    schema.probe.c.elapsed,
    schema.probe_project.c.project_id,
)


def _is_fresh(ttl: float) -> sa.ColumnElement[bool]:
    # A subquery is evaluated once. PostgreSQL would read the clock for each
    # row, which doubles the time of the query.
    return (
        schema.probe.c.last_seen_at
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
        timestamp,
        millijoules,
        watts,
        scope,
        host,
        wattmeter,
        driver,
        metered_seconds,
        elapsed,
        project,
    ) = row
    return ProbeState(
        name,
        timestamp,
        millijoules / MILLIJOULES_PER_KWH,
        watts,
        scope,
        host,
        wattmeter,
        driver,
        metered_seconds / elapsed if elapsed > metered_seconds else 1.0,
        project,
    )


def list_ids(connection: sa.Connection, ttl: float) -> list[str]:
    """Return the ids of probes updated within ``ttl`` seconds, sorted."""
    query = (
        sa.select(schema.probe.c.id)
        .where(_is_fresh(ttl))
        .order_by(schema.probe.c.id)
    )
    return list(connection.scalars(query))


def list_states(
    connection: sa.Connection, ttl: float
) -> collections.abc.Iterator[ProbeState]:
    """Return the probes updated within ``ttl`` seconds, sorted by id."""
    query = _query(_is_fresh(ttl)).order_by(schema.probe.c.id)
    # All rows at once, which is much faster than row by row.
    return map(_state, connection.execute(query).all())


def get_state(
    connection: sa.Connection, probe: str, ttl: float
) -> ProbeState | None:
    """Return a probe; None if it is not updated within ``ttl`` seconds."""
    query = _query(schema.probe.c.id == probe, _is_fresh(ttl))
    row = connection.execute(query).one_or_none()
    return None if row is None else _state(row)


def fingerprint(connection: sa.Connection, ttl: float) -> tuple[object, ...]:
    """Return a value that changes whenever the list of probes changes.

    It is much cheaper than the list: every update advances a register, and a
    probe that is added or expires changes the count.
    """
    total = sa.func.sum
    query = sa.select(
        # As a float, because the sum would overflow SQLite's integers.
        sa.func.count(),
        total(schema.probe.c.millijoules * 1.0),
        total(schema.probe.c.owner_elapsed),
        total(schema.probe.c.timestamp),
        sa.func.max(schema.probe.c.last_seen_at),
    ).where(_is_fresh(ttl))
    return tuple(connection.execute(query).one())
