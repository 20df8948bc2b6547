# SPDX-License-Identifier: Apache-2.0

"""Closed days that wait for a new version, because their energy changed."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import schema

_COLUMNS = {
    'day': documents.INTEGER,
    'probe': documents.TEXT,
    'reason': documents.TEXT,
    'username': documents.TEXT,
}


def find(
    connection: sa.Connection, probes: collections.abc.Collection[str]
) -> dict[str, set[int]]:
    """Return the days that wait for a new version, by probe.

    Probes without any are missing.
    """
    table = schema.changed_day
    received = documents.table(connection, {'probe': documents.TEXT})
    query = documents.look_up(
        sa.select(table.c.probe, table.c.day).join_from(
            received, table, table.c.probe == received.c.probe
        ),
        table,
    )
    found: dict[str, set[int]] = {}
    for parameters in documents.parameters((probe,) for probe in probes):
        for probe, day in connection.execute(query, parameters):
            found.setdefault(probe, set()).add(day)
    return found


def mark(
    connection: sa.Connection,
    changes: collections.abc.Iterable[tuple[str, int, int]],
    db_now: int,
    reason: str,
    username: str,
) -> None:
    """Mark days that need a new version.

    An operator's reason replaces that of a day that is marked already.

    :param connection: in a transaction that has locked the probes' rows.
    :param changes: probe, first day, and the day after the last one.
    :param username: operator who caused it; empty for a collector.
    """
    statement = _MARK[documents.family(connection)]
    rows = (
        (day, probe, reason, username)
        for probe, first, until in changes
        for day in range(first, until)
    )
    for parameters in documents.parameters(rows):
        connection.execute(statement, {**parameters, 'db_now': db_now})


def _statement(family: str) -> sa.TextClause:
    # MariaDB evaluates assignments left to right, using values already
    # assigned, so the compared one comes last.
    assignments = ', '.join(
        f"{name} = CASE WHEN {{new}}username <> '' THEN {{new}}{name} "
        f'ELSE changed_day.{name} END'
        for name in ('reason', 'username')
    )
    # Only names from this module are inserted into the text.
    return sa.text(
        'INSERT INTO changed_day (day, probe, reason, username, changed_at) '  # noqa: S608
        f'SELECT received.*, :db_now '
        f'FROM ({documents.select(family, _COLUMNS)}) AS received '
        'WHERE true '
        + documents.on_conflict(family, ('probe', 'day'), assignments)
    )


_MARK = {family: _statement(family) for family in documents.FAMILIES}
