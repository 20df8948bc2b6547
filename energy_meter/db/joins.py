# SPDX-License-Identifier: Apache-2.0

"""Text of the statement that merges measurements into rows of registers.

Each column that it changes is a join of what arrived, a maximum or a minimum,
so neither order nor repetitions matter. In the same statement, a register
whose change must be settled becomes dirty.
"""

from energy_meter.billing import history
from energy_meter.db import documents
from energy_meter.db import schema

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
# Those of a sole register matter only where a closed day settled its curve.
_MUST_SETTLE = (
    '{new}settled_until < register.settled_until '
    f'OR (register.role <> {schema.Role.SOLE.value} AND ('
    f'(register.role <> {schema.Role.WATCHED.value} '
    f'AND ({_LONGER} OR {{new}}settled_until < {NO_MARK})) '
    f'OR {_JOINED}))'
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


def text(family: str) -> str:
    """Return the statement for a family of databases.

    In SQLite it merges one row, otherwise a document of rows.
    """
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
