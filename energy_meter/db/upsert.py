# SPDX-License-Identifier: Apache-2.0

"""Upsert of registers: one statement merges any number of measurements.

Each column that it changes is a join of what arrived, a maximum or a minimum,
so neither order nor repetitions matter. In the same statement, a register
whose change must be settled becomes dirty.
"""

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

_LAGS = tuple(f'lag{number}' for number in range(history.LAG_CLASSES))
_LIVE = {
    'wattmeter': _TEXT,
    'driver': _TEXT,
    'scope': _TEXT,
    'host': _TEXT,
    'agent_name': _TEXT,
    'timestamp': _INTEGER,
    'watts': _REAL,
    'volts': _REAL,
    'amperes': _REAL,
    'live_elapsed': _INTEGER,
}
#: Names and types of the values of a register. They are those of its columns,
#: except that a lag is null in a class without a measurement, and that
#: ``settled_until`` is the elapsed time before the first mark that is to be
#: written, or :data:`NO_MARK`.
FIELDS = {
    'number': _INTEGER,
    'probe': _TEXT,
    'agent': _TEXT,
    'register': _TEXT,
    'after_register': _TEXT,
    'after_elapsed': _INTEGER,
    'first_elapsed': _INTEGER,
    'first_timestamp': _INTEGER,
    'synced': documents.BOOLEAN,
    **dict.fromkeys(_LAGS, _INTEGER),
    'elapsed': _INTEGER,
    'millijoules': _INTEGER,
    'metered': _INTEGER,
    **_LIVE,
    'settled_until': _INTEGER,
}

#: Values of the other columns of a new row.
_INITIAL = {
    'last_seen_at': 'CAST(:arrival AS {integer})',
    'role': str(schema.Role.UNBILLED.value),
    'dirty': str(schema.Dirty.CHANGED.value),
    'base_elapsed': '0',
    'base_millijoules': '0',
    'base_metered': '0',
    'voided': 'false',
}

# Conditions on a row of the table, and the values that arrived for it.
_SAME = (
    'register.probe = {new}probe AND register.agent = {new}agent '
    'AND register.register = {new}register AND NOT register.voided'
)
_LONGER = (
    '({new}elapsed, {new}millijoules, {new}metered) > (register.elapsed, '
    'register.millijoules, register.metered)'
)
_NEWER = '{new}live_elapsed > register.live_elapsed'
_EARLIER = (
    '({new}first_elapsed, {new}first_timestamp) < '
    '(register.first_elapsed, register.first_timestamp)'
)
_JOINED = ' OR '.join(
    (
        _EARLIER,
        '{new}synced > register.synced',
        *(f'{{new}}{lag} < register.{lag}' for lag in _LAGS),
    )
)
_CHANGED = (
    f'{_SAME} AND ({_LONGER} OR {_NEWER} OR {_JOINED} '
    f'OR {{new}}settled_until < {NO_MARK})'
)
# Energy or metered time that falls changes all of a curve. No agent publishes
# it, but what is billed must be a function of what is stored.
_FALLS = (
    f'{_LONGER} AND ({{new}}millijoules < register.millijoules '
    'OR {new}metered < register.metered)'
)
_MUST_SETTLE = (
    f'register.role <> {schema.Role.SOLE.value} AND ('
    f'(register.role <> {schema.Role.WATCHED.value} '
    f'AND ({_LONGER} OR {{new}}settled_until < {NO_MARK})) '
    f'OR {_JOINED} OR {_FALLS} '
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
        f'CASE WHEN {_FALLS} THEN -1 '
        'WHEN {new}settled_until < register.settled_until '
        'THEN {new}settled_until ELSE register.settled_until END'
    ),
    'synced': '{new}synced OR register.synced',
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
            (_LONGER, ('metered', 'millijoules', 'elapsed')),
            (_NEWER, ('last_seen_at', *_LIVE)),
        )
        for name in names
    },
}


class Written(typing.NamedTuple):
    """State of a register that the upsert changed.

    :ivar role: a :class:`energy_meter.db.schema.Role`.
    :ivar dirty: a :class:`energy_meter.db.schema.Dirty`.
    """

    number: int
    role: int
    dirty: int


def execute(
    connection: sa.Connection,
    rows: collections.abc.Iterable[Row],
    arrival: int,
) -> list[Written]:
    """Merge what arrived of registers into their rows.

    :param rows: one per register, sorted by number; writers that lock in the
        same order don't deadlock.
    :param arrival: when they arrived, on the database's clock.
    :returns: the rows that changed.
    """
    statement = _STATEMENTS[documents.family(connection)]
    parameters = {**documents.pack(rows), 'arrival': arrival}
    return [Written(*row) for row in connection.execute(statement, parameters)]


def _conflict(family: str) -> str:
    """Return the clause that updates an existing row."""
    guard = '{value}'
    if family == 'mysql':
        # There is no condition for the row, so each assignment has it.
        guard = f'CASE WHEN {_SAME} THEN {{value}} ELSE register.{{name}} END'
    assignments = ', '.join(
        f'{name} = ' + guard.replace('{value}', value).replace('{name}', name)
        for name, value in _ASSIGNMENTS.items()
    )
    return documents.on_conflict(family, ('number',), assignments, _SAME)


def _write(family: str) -> sa.TextClause:
    values = [
        f'COALESCE(received.{name}, {history.NO_LAG})'
        if name in _LAGS
        else f'received.{name}'
        for name in FIELDS
    ]
    integer = 'bigint' if family == 'postgresql' else 'INTEGER'
    values += [value.format(integer=integer) for value in _INITIAL.values()]
    changed = _CHANGED.replace('{new}', 'received.')
    # Only names from this module are inserted into the text. Rows that do
    # not change are neither written nor returned.
    return sa.text(
        f'INSERT INTO register ({", ".join((*FIELDS, *_INITIAL))}) '  # noqa: S608
        f'SELECT {", ".join(values)} '
        f'FROM ({documents.select(family, FIELDS)}) AS received '
        'WHERE NOT EXISTS (SELECT 1 FROM register '
        'WHERE register.number = received.number '
        f'AND COALESCE(NOT ({changed}), TRUE)) '
        f'ORDER BY received.number {_conflict(family)} '
        'RETURNING number, role, dirty'
    )


_STATEMENTS = {family: _write(family) for family in documents.FAMILIES}
