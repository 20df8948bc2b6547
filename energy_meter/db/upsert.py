# SPDX-License-Identifier: Apache-2.0

"""Upsert of registers: one statement merges any number of measurements."""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import documents
from energy_meter.db import joins
from energy_meter.db import schema

#: Values of one register, in the order of
#: :data:`energy_meter.db.joins.FIELDS`.
Row = tuple[typing.Any, ...]

#: State of a register: its ``number``, ``role`` and ``dirty``. The latter are
#: null if it is clean.
State: typing.TypeAlias = typing.Any


class Result(typing.NamedTuple):
    """Result of merging.

    :ivar changed: number of registers that changed or, in SQLite, that were
        dirty before.
    :ivar dirty: those of them that are dirty.
    """

    changed: int
    dirty: list[State]


def execute(
    connection: sa.Connection,
    rows: collections.abc.Sequence[Row],
    arrived_at: int,
) -> Result:
    """Merge what arrived of registers into their rows.

    :param rows: sorted by number; writers that lock in the same order don't
        deadlock. A register has several if it has several lags.
    :param arrived_at: when they arrived, on the database's clock.
    """
    merge = {'sqlite': _merge_each}.get(documents.family(connection), _merge)
    changed = 0
    dirty: dict[int, State] = {}
    for part in _parts(documents.family(connection), rows):
        result = merge(connection, part, arrived_at)
        changed = max(changed, result.changed)
        # What a later row of a register makes dirty counts, too.
        for state in result.dirty:
            dirty.setdefault(state.number, state)
    return Result(max(changed, len(dirty)), list(dirty.values()))


def _merge(
    connection: sa.Connection,
    rows: collections.abc.Sequence[Row],
    arrived_at: int,
) -> Result:
    family = documents.family(connection)
    parameters = {**documents.pack(rows), 'arrived_at': arrived_at}
    found = connection.execute(_STATEMENTS[family], parameters).all()
    if family == 'postgresql':
        *dirty, last = found
        return Result(last.number, dirty)
    dirty = [state for state in found if state.dirty]
    return Result(len({state.number for state in found}), dirty)


def _parts(
    family: str, rows: collections.abc.Sequence[Row]
) -> collections.abc.Iterable[collections.abc.Sequence[Row]]:
    """Return the first row of each register, the second ones, and so on.

    A statement of PostgreSQL updates a row only once; the first one locks all
    rows, in order. In MariaDB it would not lock those that do not change, so
    it takes all.
    """
    if family == 'mysql' or len({row[_NUMBER] for row in rows}) == len(rows):
        return [rows]
    rounds: list[list[Row]] = []
    counts: collections.Counter[int] = collections.Counter()
    for row in rows:
        index = counts[row[_NUMBER]]
        counts[row[_NUMBER]] += 1
        if index == len(rounds):
            rounds.append([])
        rounds[index].append(row)
    return rounds


def _merge_each(
    connection: sa.Connection,
    rows: collections.abc.Sequence[Row],
    arrived_at: int,
) -> Result:
    """Merge rows into SQLite, by one statement each.

    There is no server to wait for, and it unpacks a document slowly: 10,000
    rows took 165 ms as documents, and take 70 ms. It does not return which
    rows changed; if some did not, those that were dirty before count.
    """
    statement = _EACH.replace(':arrived_at', str(arrived_at))
    written = connection.exec_driver_sql(statement, list(rows)).rowcount
    received = documents.table(connection, {'number': documents.INTEGER})
    register = schema.register.c
    query = (
        sa.select(register.number, register.role, register.dirty)
        .join_from(
            received, schema.register, register.number == received.c.number
        )
        .where(register.dirty > schema.Dirty.CLEAN.value)
    )
    numbers = [row[_NUMBER] for row in rows]
    dirty = connection.execute(
        query, documents.pack((number,) for number in numbers)
    ).all()
    return Result(max(written, len(dirty)), list(dirty))


# Most rows are clean. PostgreSQL returns the others and, last of all, how many
# changed.
_POSTGRESQL = (
    'WITH merged AS ({} RETURNING number, role, dirty), '
    'result AS (SELECT * FROM merged WHERE dirty > 0 '
    'UNION ALL SELECT count(*), NULL, NULL FROM merged) '
    'SELECT * FROM result ORDER BY dirty NULLS LAST'
)
# What is null is much faster to transfer.
_MYSQL = (
    '{} RETURNING number, CASE WHEN dirty > 0 THEN role END AS role, '
    'NULLIF(dirty, 0) AS dirty'
)
_STATEMENTS = {
    family: documents.statement(template.format(joins.text(family)))
    for family, template in (('postgresql', _POSTGRESQL), ('mysql', _MYSQL))
}
_EACH = joins.text('sqlite')
_NUMBER = list(joins.FIELDS).index('number')
