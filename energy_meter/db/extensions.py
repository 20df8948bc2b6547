# SPDX-License-Identifier: Apache-2.0

"""Writes how the lines of probes are extended."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import schema

_TEXT, _INTEGER = documents.TEXT, documents.INTEGER
_AMOUNTS = ('millijoules', 'metered', 'elapsed')
_ID = {'id': _TEXT}


class NewProbe(typing.NamedTuple):
    """A probe without a tip, by column of its table."""

    id: str
    displayed: int
    quantity: int


class Advance(typing.NamedTuple):
    """A new tip of a probe, and the values of the old one.

    :ivar id: that of the probe.
    :ivar tip: number of the new tip.
    """

    id: str
    tip: int
    millijoules: int
    metered: int
    elapsed: int


class RoleOf(typing.NamedTuple):
    """A register by its number, and its :class:`schema.Role`."""

    number: int
    role: int


def insert_probes(
    connection: sa.Connection, rows: collections.abc.Iterable[NewProbe]
) -> None:
    """Insert the missing probes, none of them contested.

    Those that another transaction inserts stay as they are.
    """
    _execute(connection, _INSERT, sorted(rows))


def advance(
    connection: sa.Connection,
    rows: collections.abc.Iterable[Advance],
    db_now: int,
) -> None:
    """Add the old tips of probes to their bases, and set the new ones.

    :param db_now: when they were settled, on the database's clock, in ms.
    """
    _execute(connection, _ADVANCE, rows, {'db_now': db_now})


def assign(
    connection: sa.Connection, rows: collections.abc.Iterable[RoleOf]
) -> None:
    """Set the roles of old and new tips, which are then clean.

    A line is settled without its curves, except for those of closed days.
    """
    _execute(connection, _ASSIGN, rows)


def contest(
    connection: sa.Connection, names: collections.abc.Iterable[str]
) -> None:
    """Contest probes."""
    _execute(connection, _CONTEST, ((name,) for name in names))


def _execute(
    connection: sa.Connection,
    statements: collections.abc.Mapping[str, sa.TextClause],
    rows: collections.abc.Iterable[tuple[object, ...]],
    values: collections.abc.Mapping[str, object] | None = None,
) -> None:
    if some := [*rows]:
        connection.execute(
            statements[documents.family(connection)],
            {**documents.pack(some), **(values or {})},
        )


def _insert(family: str) -> sa.TextClause:
    values = {
        'id': 'received.id',
        'displayed': 'received.displayed',
        **{
            f'{part}_{name}': '0'
            for part in ('base', 'overlap')
            for name in _AMOUNTS
        },
        'shown': '0',
        'contested': 'false',
        'plural': 'false',
        'settled_at': '0',
        'alarms': "''",
        'quantity': 'received.quantity',
    }
    fields = {**_ID, 'displayed': _INTEGER, 'quantity': _INTEGER}
    # Only names from this module are inserted into the text.
    return documents.statement(
        f'INSERT INTO probe ({", ".join(values)}) '  # noqa: S608
        f'SELECT {", ".join(values.values())} '
        f'FROM ({documents.select(family, fields)}) AS received '
        'WHERE NOT EXISTS '
        '(SELECT 1 FROM probe WHERE probe.id = received.id) '
        'ORDER BY received.id '
        + documents.on_conflict(family, ('id',), 'id = probe.id')
    )


_INSERT = {family: _insert(family) for family in documents.FAMILIES}
_ADVANCE = {
    family: documents.update(
        family,
        'probe',
        'id',
        {**_ID, 'tip': _INTEGER, **dict.fromkeys(_AMOUNTS, _INTEGER)},
        {
            'tip': 'received.tip',
            **{
                f'base_{name}': f'base_{name} + received.{name}'
                for name in _AMOUNTS
            },
            'settled_at': ':db_now',
        },
    )
    for family in documents.FAMILIES
}
_ASSIGN = {
    family: documents.update(
        family,
        'register',
        'number',
        {'number': _INTEGER, 'role': _INTEGER},
        {
            'role': 'received.role',
            'dirty': '0',
            'settled_until': (
                f'CASE WHEN received.role = {schema.Role.SOLE.value} THEN 0 '
                'ELSE settled_until END'
            ),
        },
    )
    for family in documents.FAMILIES
}
_CONTEST = {
    family: documents.update(family, 'probe', 'id', _ID, {'contested': 'true'})
    for family in documents.FAMILIES
}
