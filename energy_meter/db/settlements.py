# SPDX-License-Identifier: Apache-2.0

"""Writes what is settled of probes."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import schema

_TEXT, _INTEGER = documents.TEXT, documents.INTEGER
_AMOUNTS = ('millijoules', 'metered', 'elapsed')
_CELL = {'probe': _TEXT, 'cell': _INTEGER}


class ProbeRow(typing.NamedTuple):
    """What is settled of a probe, by column of its table."""

    id: str
    tip: int | None
    base_millijoules: int
    base_metered: int
    base_elapsed: int
    overlap_millijoules: int
    overlap_metered: int
    overlap_elapsed: int
    shown: int
    plural: int
    displayed: int | None
    alarms: str


class RegisterRow(typing.NamedTuple):
    """What is settled of a register, by column of its table."""

    number: int
    role: int
    dirty: int
    settled_until: int
    opened: int
    pinned_opened: int | None


class OverlapRow(typing.NamedTuple):
    """Overlap of one register in one cell, by column of its table."""

    probe: str
    cell: int
    register: int
    millijoules: int
    metered: int
    elapsed: int


_PROBE = {
    name: {
        'id': _TEXT,
        'alarms': _TEXT,
        'plural': documents.BOOLEAN,
    }.get(name, _INTEGER)
    for name in ProbeRow._fields
}
_REGISTER = dict.fromkeys(RegisterRow._fields, _INTEGER)
_OVERLAP = {**dict.fromkeys(OverlapRow._fields, _INTEGER), 'probe': _TEXT}


def write_probes(
    connection: sa.Connection,
    rows: collections.abc.Collection[ProbeRow],
    db_now: int,
) -> None:
    """Write what is settled of probes, which are contested no more."""
    statement = _PROBES[documents.family(connection)]
    _execute(connection, statement, rows, db_now=db_now)


def write_registers(
    connection: sa.Connection, rows: collections.abc.Collection[RegisterRow]
) -> None:
    """Write what is settled of registers."""
    _execute(connection, _REGISTERS[documents.family(connection)], rows)


def overlaps(
    connection: sa.Connection, since: collections.abc.Mapping[str, int]
) -> list[OverlapRow]:
    """Return the overlap of probes from a cell on.

    :param since: start of the first cell in ms, by probe.
    """
    received = documents.table(connection, _CELL)
    table = schema.overlap
    query = sa.select(table).join_from(
        received,
        table,
        sa.and_(
            table.c.probe == received.c.probe, table.c.cell >= received.c.cell
        ),
    )
    rows = connection.execute(query, documents.pack(since.items()))
    return [OverlapRow(*row) for row in rows]


def replace_overlaps(
    connection: sa.Connection,
    old: collections.abc.Collection[OverlapRow],
    new: collections.abc.Collection[OverlapRow],
) -> None:
    """Replace rows of overlap, writing only those that differ."""
    written = sorted(set(new).difference(old))
    if written:
        statement = _INSERT[documents.family(connection)]
        _execute(connection, statement, written)
    deleted = sorted(
        {row[:3] for row in old}.difference(row[:3] for row in new)
    )
    if deleted:
        table = schema.overlap
        connection.execute(
            table.delete().where(
                *(
                    table.c[name] == sa.bindparam(f'old_{name}')
                    for name in OverlapRow._fields[:3]
                )
            ),
            [
                {
                    f'old_{name}': value
                    for name, value in zip(
                        OverlapRow._fields, key, strict=False
                    )
                }
                for key in deleted
            ],
        )


def _execute(
    connection: sa.Connection,
    statement: sa.Executable,
    rows: collections.abc.Collection[object],
    **parameters: int,
) -> None:
    if rows:
        connection.execute(statement, {**documents.pack(rows), **parameters})


def _insert(family: str) -> sa.TextClause:
    assignments = ', '.join(f'{name} = {{new}}{name}' for name in _AMOUNTS)
    # Only names from this module are inserted into the text.
    return documents.statement(
        f'INSERT INTO overlap ({", ".join(_OVERLAP)}) '  # noqa: S608
        f'SELECT * FROM ({documents.select(family, _OVERLAP)}) AS received '
        'WHERE true '
        + documents.on_conflict(
            family, ('probe', 'cell', 'register'), assignments
        )
    )


_INSERT = {family: _insert(family) for family in documents.FAMILIES}
_PROBES = {
    family: documents.update(
        family,
        'probe',
        'id',
        _PROBE,
        {
            **{name: f'received.{name}' for name in _PROBE if name != 'id'},
            'contested': 'false',
            'settled_at': ':db_now',
        },
    )
    for family in documents.FAMILIES
}
_REGISTERS = {
    family: documents.update(
        family,
        'register',
        'number',
        _REGISTER,
        {name: f'received.{name}' for name in _REGISTER if name != 'number'},
    )
    for family in documents.FAMILIES
}
