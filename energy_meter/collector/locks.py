# SPDX-License-Identifier: Apache-2.0

"""Locks of probes and of their registers.

Writers lock registers by number, then marks, then probes by ID. Those that
begin with probes skip what is locked, so they never wait for a lock while they
hold one.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import histories
from energy_meter.db import schema

_ID = {'id': documents.TEXT}
_NUMBER = {'number': documents.INTEGER}

#: Rows of probes, by ID.
Probes = dict[str, sa.Row[typing.Any]]


def free(
    connection: sa.Connection,
    names: collections.abc.Iterable[str],
    condition: sa.ColumnElement[bool],
) -> Probes:
    """Lock probes, except for those that another transaction has locked.

    :param condition: on the columns of probes.
    """
    query = _probes(connection, schema.probe).where(condition)
    query = query.with_for_update(skip_locked=True, of=schema.probe)
    return _execute(connection, query, names)


def found(
    connection: sa.Connection, names: collections.abc.Iterable[str]
) -> Probes:
    """Return the rows of probes that are locked already."""
    return _execute(connection, _probes(connection, schema.probe), names)


def wait(
    connection: sa.Connection,
    names: collections.abc.Iterable[str],
    *columns: sa.ColumnElement[typing.Any],
) -> Probes:
    """Lock probes in order; wait for those that are locked.

    :param columns: of the rows that are returned, besides the ID.
    """
    query = _probes(connection, schema.probe.c.id, *columns)
    query = query.order_by(schema.probe.c.id)
    return _execute(connection, query.with_for_update(of=schema.probe), names)


def registers(
    connection: sa.Connection, probes: collections.abc.Collection[str]
) -> histories.Rows:
    """Lock all registers of probes that are locked.

    :returns: their rows by probe. Probes of which another transaction has
        locked a register are missing.
    """
    rows = histories.registers(connection, probes, lock=True)
    counts = _counts(connection, probes)
    return {
        name: members
        for name, members in rows.items()
        if len(members) == counts[name]
    }


def members(
    connection: sa.Connection, numbers: collections.abc.Collection[int]
) -> list[str]:
    """Lock all registers of the probes of some, and the probes, in order.

    :param numbers: of registers.
    :returns: the IDs of the probes.
    """
    table = schema.register
    received = documents.table(connection, _NUMBER)
    query = sa.select(table.c.number, table.c.probe).join_from(
        received, table, table.c.number == received.c.number
    )
    rows = documents.pack((number,) for number in numbers)
    names = sorted({row.probe for row in connection.execute(query, rows)})
    related = histories.registers(connection, names)
    query = documents.look_up(query, table).order_by(table.c.number)
    connection.execute(
        query.with_for_update(of=table),
        documents.pack(
            sorted((row.number,) for each in related.values() for row in each)
        ),
    )
    wait(connection, names)
    return names


def _probes(
    connection: sa.Connection,
    *columns: sa.FromClause | sa.ColumnElement[typing.Any],
) -> sa.Select[typing.Any]:
    received = documents.table(connection, _ID)
    query = sa.select(*columns).join_from(
        received, schema.probe, schema.probe.c.id == received.c.id
    )
    return documents.look_up(query, schema.probe)


def _execute(
    connection: sa.Connection,
    query: sa.Select[typing.Any],
    names: collections.abc.Iterable[str],
) -> Probes:
    rows = documents.pack((name,) for name in names)
    return {row.id: row for row in connection.execute(query, rows)}


def _counts(
    connection: sa.Connection, probes: collections.abc.Iterable[str]
) -> dict[str, int]:
    """Return the number of registers of each probe, locked or not."""
    received = documents.table(connection, _ID)
    table = schema.register
    query = (
        sa.select(table.c.probe, sa.func.count())
        .join_from(received, table, table.c.probe == received.c.id)
        .group_by(table.c.probe)
    )
    rows = documents.pack((name,) for name in probes)
    return {name: count for name, count in connection.execute(query, rows)}
