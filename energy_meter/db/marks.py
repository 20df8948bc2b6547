# SPDX-License-Identifier: Apache-2.0

"""Marks: the points of the registers' curves that are kept."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import schema

#: Length of a slot: a quarter of an hour.
SLOT_MS = 900_000
#: Age at which marks are packed. Older ones are not taken any more.
HORIZON_MS = 30 * 86_400_000

#: Number of rows in one statement.
_CHUNK = 5000

_FIELDS = {column.name: documents.INTEGER for column in schema.mark.columns}


class Row(typing.NamedTuple):
    """A mark, in the order of the columns of its table.

    :ivar slot: number of the slot of its time on the agent's wall clock.
    :ivar register: number of its register.
    """

    slot: int
    register: int
    elapsed: int
    millijoules: int
    metered: int


def unknown(
    connection: sa.Connection, rows: collections.abc.Sequence[Row]
) -> list[Row]:
    """Return those of the marks that would change a curve, sorted.

    The marks of void registers, and those before the horizon, change none.
    """
    new: list[Row] = []
    for chunk in _chunks(sorted(rows)):
        known = connection.execute(_known(connection), documents.pack(chunk))
        new += sorted(set(chunk).difference(Row(*row) for row in known))
    return new


def _known(connection: sa.Connection) -> sa.Select[typing.Any]:
    received = documents.table(connection, _FIELDS)
    mark, register = schema.mark.c, schema.register.c
    stored = sa.and_(
        mark.slot == received.c.slot,
        mark.register == received.c.register,
        mark.elapsed == received.c.elapsed,
    )
    return (
        sa.select(received)
        .join_from(received, schema.mark, stored, isouter=True)
        .join(
            schema.register,
            register.number == received.c.register,
            isouter=True,
        )
        .where(
            sa.or_(
                sa.tuple_(mark.millijoules, mark.metered)
                >= sa.tuple_(received.c.millijoules, received.c.metered),
                received.c.elapsed <= register.base_elapsed,
                register.voided,
            )
        )
    )


def insert(
    connection: sa.Connection, rows: collections.abc.Sequence[Row]
) -> None:
    """Write marks; of two that differ the larger one stays.

    :param rows: sorted; writers that lock in the same order don't deadlock.
    """
    statement = _STATEMENTS[documents.family(connection)]
    for chunk in _chunks(rows):
        connection.execute(statement, documents.pack(chunk))


def _chunks(
    rows: collections.abc.Sequence[Row],
) -> collections.abc.Iterator[collections.abc.Sequence[Row]]:
    for start in range(0, len(rows), _CHUNK):
        yield rows[start : start + _CHUNK]


def _insert(family: str) -> sa.TextClause:
    larger = (
        '({new}millijoules, {new}metered) > (mark.millijoules, mark.metered)'
    )
    # MariaDB evaluates assignments left to right, using values already
    # assigned, so the most significant one comes last.
    assignments = ', '.join(
        f'{name} = CASE WHEN {larger} THEN {{new}}{name} ELSE mark.{name} END'
        for name in ('metered', 'millijoules')
    )
    # Only names from this module are inserted into the text.
    return documents.statement(
        f'INSERT INTO mark ({", ".join(_FIELDS)}) '  # noqa: S608
        f'SELECT * FROM ({documents.select(family, _FIELDS)}) AS received '
        'WHERE true ORDER BY slot, register, elapsed '
        + documents.on_conflict(
            family, ('slot', 'register', 'elapsed'), assignments
        )
    )


_STATEMENTS = {family: _insert(family) for family in documents.FAMILIES}
