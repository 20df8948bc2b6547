# SPDX-License-Identifier: Apache-2.0

"""Upsert of registers: one statement merges any number of measurements.

Each column that it changes is a join of what arrived, a maximum or a minimum,
so neither order nor repetitions matter. In the same statement, a register
whose change must be settled becomes dirty.
"""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.billing import history
from energy_meter.db import documents
from energy_meter.db import schema

#: Values of one register, in the order of :data:`FIELDS`.
Row = tuple[typing.Any, ...]

_TEXT, _REAL, _INTEGER = documents.TEXT, documents.REAL, documents.INTEGER

#: Elapsed time up to which a curve is settled if no mark is to be written.
NO_MARK = 2**62

#: Names of the columns of lags, and the elapsed time at which each of their
#: classes begins, again and again.
_LAGS = {
    f'lag{number}': number * history.LAG_CLASS_MS
    for number in range(history.LAG_CLASSES)
}
_LAG_CYCLE_MS = history.LAG_CLASSES * history.LAG_CLASS_MS
_LIVE = (
    'wattmeter',
    'driver',
    'scope',
    'host',
    'agent_name',
    'timestamp',
    'watts',
    'volts',
    'amperes',
    'live_elapsed',
)
#: Names and types of the values of a register. They are those of its columns,
#: except for two: ``lag_elapsed`` is the largest elapsed time in a class of
#: lags, and ``settled_until`` the elapsed time before the first mark that is
#: to be written, or null. Short values come first: MariaDB skips all before a
#: field each time that it looks for it.
FIELDS = {
    'synced': documents.BOOLEAN,
    'watts': _REAL,
    'volts': _REAL,
    'amperes': _REAL,
    'settled_until': _INTEGER,
    'after_elapsed': _INTEGER,
    'elapsed': _INTEGER,
    'metered': _INTEGER,
    'millijoules': _INTEGER,
    'live_elapsed': _INTEGER,
    'lag_elapsed': _INTEGER,
    'first_elapsed': _INTEGER,
    'first_timestamp': _INTEGER,
    'timestamp': _INTEGER,
    'scope': _TEXT,
    'number': _INTEGER,
    'after_register': _TEXT,
    'driver': _TEXT,
    'register': _TEXT,
    'agent_name': _TEXT,
    'wattmeter': _TEXT,
    'probe': _TEXT,
    'host': _TEXT,
    'agent': _TEXT,
}

#: Values of the other columns of a new row.
_INITIAL = {
    'last_seen_at': 'CAST(:arrived_at AS {integer})',
    'role': str(schema.Role.UNBILLED.value),
    'dirty': str(schema.Dirty.CHANGED.value),
    'base_elapsed': '0',
    'base_millijoules': '0',
    'base_metered': '0',
    'voided': 'false',
}

_COLUMNS = (
    *(name for name in FIELDS if name != 'lag_elapsed'),
    *_LAGS,
    *_INITIAL,
)

# Conditions on a row of the table, and the values that arrived for it.
_SAME = (
    'register.probe = {new}probe AND register.agent = {new}agent '
    'AND register.register = {new}register AND NOT register.voided'
)
_MAXIMA = ('elapsed', 'millijoules', 'metered')
_LONGER = (
    f'({" OR ".join(f"{{new}}{name} > register.{name}" for name in _MAXIMA)})'
)
_NEWER = '{new}live_elapsed > register.live_elapsed'
_EARLIER = (
    '({new}first_elapsed, {new}first_timestamp) < '
    '(register.first_elapsed, register.first_timestamp)'
)
_SYNCED = '{new}synced > register.synced'
_JOINED = ' OR '.join(
    (
        _EARLIER,
        _SYNCED,
        *(f'{{new}}{lag} < register.{lag}' for lag in _LAGS),
    )
)
_CHANGED = (
    f'{_SAME} AND ({_LONGER} OR {_NEWER} OR {_JOINED} '
    f'OR {{new}}settled_until < {NO_MARK})'
)
_MUST_SETTLE = (
    f'register.role <> {schema.Role.SOLE.value} AND ('
    f'(register.role <> {schema.Role.WATCHED.value} '
    f'AND ({_LONGER} OR {{new}}settled_until < {NO_MARK})) '
    f'OR {_JOINED} '
    'OR {new}settled_until < register.settled_until)'
)

# Order matters: MariaDB evaluates assignments left to right, using values
# already assigned. Columns that a condition compares come after those that
# depend on it, the most significant one last.
_ASSIGNMENTS = {
    'dirty': (
        f'CASE WHEN register.dirty > 0 THEN {schema.Dirty.WAITING.value} '
        f'WHEN {_MUST_SETTLE} THEN {schema.Dirty.CHANGED.value} ELSE 0 END'
    ),
    'settled_until': (
        'CASE WHEN {new}settled_until < register.settled_until '
        'THEN {new}settled_until ELSE register.settled_until END'
    ),
    'synced': '{new}synced OR register.synced',
    **{
        name: f'CASE WHEN {{new}}{name} > register.{name} '
        f'THEN {{new}}{name} ELSE register.{name} END'
        for name in _MAXIMA
    },
    **{
        lag: f'CASE WHEN {{new}}{lag} < register.{lag} '
        f'THEN {{new}}{lag} ELSE register.{lag} END'
        for lag in _LAGS
    },
    **{
        name: f'CASE WHEN {condition} THEN {{new}}{name} '
        f'ELSE register.{name} END'
        for condition, names in (
            (_EARLIER, ('first_timestamp', 'first_elapsed')),
            (_NEWER, ('last_seen_at', *_LIVE)),
        )
        for name in names
    },
}


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
    statement = _STATEMENTS[documents.family(connection)]
    parameters = {**documents.pack(rows), 'arrived_at': arrived_at}
    changed = connection.execute(statement, parameters).all()
    return Result(
        len({number for number, _, _ in changed}),
        [state for state in changed if state[2]],
    )


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


def _received(fields: str) -> str:
    """Return a query for the values of rows, by name of the column.

    :param fields: query for the fields.
    """
    columns = {
        **{name: name for name in FIELDS if name != 'lag_elapsed'},
        'settled_until': f'COALESCE(settled_until, {NO_MARK})',
        **{
            lag: f'CASE WHEN lag_elapsed % {_LAG_CYCLE_MS} '
            f'BETWEEN {start} AND {start + history.LAG_CLASS_MS - 1} '
            f'THEN :arrived_at - lag_elapsed ELSE {history.NO_LAG} END'
            for lag, start in _LAGS.items()
        },
        **_INITIAL,
    }
    # Only names from this module are inserted into the text.
    values = ', '.join(f'{value} AS {name}' for name, value in columns.items())
    return f'SELECT {values} FROM ({fields}) AS fields'  # noqa: S608


def _write(family: str) -> str:
    # Rows that do not change are neither written nor returned.
    condition, guard, integer = 'true', '{value}', 'bigint'
    if family == 'mysql':
        # No clause keeps a row from an update, so the query leaves it out.
        # Only whether it is void may change meanwhile.
        condition = (
            'NOT EXISTS (SELECT 1 FROM register '  # noqa: S608
            'WHERE register.number = received.number '
            f'AND NOT ({_CHANGED.replace("{new}", "received.")}))'
        )
        guard = 'IF(register.voided, register.{name}, {value})'
        integer = 'integer'
    assignments = ', '.join(
        f'{name} = ' + guard.replace('{value}', value).replace('{name}', name)
        for name, value in _ASSIGNMENTS.items()
    )
    fields = documents.select(family, FIELDS)
    if family == 'sqlite':
        fields = 'SELECT ' + ', '.join(
            f'?{number} AS {name}' for number, name in enumerate(FIELDS, 1)
        )
    columns = ', '.join(_COLUMNS)
    return (
        f'INSERT INTO register ({columns}) '  # noqa: S608
        f'SELECT {columns} FROM ({_received(fields)}) AS received '
        f'WHERE {condition} ORDER BY received.number '
        + documents.on_conflict(family, ('number',), assignments, _CHANGED)
    ).replace('{integer}', integer)


# What is null is much faster to transfer, and most rows are clean.
_RETURNING = (
    ' RETURNING number, CASE WHEN dirty > 0 THEN role END AS role, '
    'NULLIF(dirty, 0) AS dirty'
)
_STATEMENTS = {
    family: sa.text(_write(family) + _RETURNING)
    for family in ('postgresql', 'mysql')
}
_EACH = _write('sqlite')
_NUMBER = list(FIELDS).index('number')
