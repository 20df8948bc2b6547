# SPDX-License-Identifier: Apache-2.0

"""Closed days of probes whose energy or CPU time is to be attributed."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import schema

_TABLE = schema.due_attribution
_ROW = {
    'probe': documents.TEXT,
    'day': documents.INTEGER,
    'closed_at': documents.INTEGER,
}


def mark(
    connection: sa.Connection,
    rows: collections.abc.Iterable[tuple[str, int, int]],
) -> None:
    """Mark closed days: probe, day, and when it was closed, in ms."""
    statement = _MARK[documents.family(connection)]
    # A statement of PostgreSQL updates a row only once.
    latest = {(probe, day): at for probe, day, at in sorted(rows)}
    marked = [(*key, closed_at) for key, closed_at in latest.items()]
    for parameters in documents.parameters(marked):
        connection.execute(statement, parameters)


def days(connection: sa.Connection) -> dict[int, set[str]]:
    """Return the probes that are marked, by day."""
    found: dict[int, set[str]] = {}
    query = sa.select(_TABLE.c.day, _TABLE.c.probe)
    for day, probe in connection.execute(query.order_by(_TABLE.c.day)):
        found.setdefault(day, set()).add(probe)
    return found


def find(
    connection: sa.Connection,
    day: int,
    probes: collections.abc.Collection[str],
    lock: bool = False,
) -> set[str]:
    """Return those of some probes that are marked on a day.

    :param lock: lock them, and leave out those that another one has locked.
    """
    query = (
        sa.select(_TABLE.c.probe)
        .where(_TABLE.c.day == day, _TABLE.c.probe.in_(probes))
        .order_by(_TABLE.c.probe)
    )
    if lock:
        query = query.with_for_update(skip_locked=True)
    return {*connection.scalars(query)}


def delete(
    connection: sa.Connection,
    day: int,
    probes: collections.abc.Iterable[str],
) -> None:
    """Delete the marks of probes on a day.

    One by one: to find several, MariaDB reads the table from its beginning,
    and waits for rows that another transaction has locked.
    """
    rows = [{'name': probe} for probe in sorted(probes)]
    if rows:
        connection.execute(
            _TABLE.delete().where(
                _TABLE.c.probe == sa.bindparam('name'), _TABLE.c.day == day
            ),
            rows,
        )


def _statement(family: str) -> sa.TextClause:
    # Only names from this module are inserted into the text.
    return documents.statement(
        'INSERT INTO due_attribution (probe, day, closed_at) '  # noqa: S608
        f'SELECT received.* FROM ({documents.select(family, _ROW)}) '
        'AS received WHERE true '
        + documents.on_conflict(
            family, ('probe', 'day'), 'closed_at = {new}closed_at'
        )
    )


_MARK = {family: _statement(family) for family in documents.FAMILIES}
