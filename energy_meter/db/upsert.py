# SPDX-License-Identifier: Apache-2.0

"""The statement for the ordinary case: words of the probes' owners.

One statement, whatever the number of rows: they travel as one JSON text,
which each database unpacks in its own words. A row whose probe is unknown is
inserted, with its register as the owner. A row whose register is the owner
moves it, and in the same assignment the probe's total; any other row leaves
the probe as it is. The statement returns each probe's owner, so the caller
sees which words were not taken.
"""

import collections.abc
import json
import typing

import sqlalchemy as sa

#: A row: what the statement is told of one word, in this order.
Row = tuple[typing.Any, ...]

_TEXT, _REAL, _INTEGER = 'text', 'real', 'integer'
_FIELDS = {
    'id': _TEXT,
    'wattmeter': _TEXT,
    'driver': _TEXT,
    'scope': _TEXT,
    'host': _TEXT,
    'agent_name': _TEXT,
    'time': _REAL,
    'watts': _REAL,
    'volts': _REAL,
    'amperes': _REAL,
    'heard_at': _REAL,
    'owner_agent': _TEXT,
    'owner_register': _TEXT,
    'owner_incarnation': _INTEGER,
    'owner_began': _REAL,
    'owner_millijoules': _INTEGER,
    'owner_metered': _REAL,
    'owner_elapsed': _REAL,
}

#: Columns that an insert takes from another field.
_COPIES = {
    'owner_billed_from': 'owner_began',
    'owner_overlap': '0',
    'millijoules': 'owner_millijoules',
    'metered': 'owner_metered',
    'elapsed': 'owner_elapsed',
}

_LATEST = (
    'wattmeter',
    'driver',
    'scope',
    'host',
    'agent_name',
    'time',
    'watts',
    'volts',
    'amperes',
    'heard_at',
)
# A total before the guard that it is reckoned from: MariaDB assigns from
# left to right and sees what it has assigned. What tells old from new,
# elapsed, is therefore the last of all.
_TOTALS = ('millijoules', 'metered', 'elapsed')

_SOURCES = {
    'sqlite': (
        'json_each(:rows)',
        {
            _TEXT: "json_extract(value, '$[{at}]')",
            _REAL: "json_extract(value, '$[{at}]')",
            _INTEGER: "json_extract(value, '$[{at}]')",
        },
    ),
    'postgresql': (
        'json_array_elements(CAST(:rows AS json))',
        {
            _TEXT: 'value->>{at}',
            _REAL: 'CAST(value->>{at} AS double precision)',
            _INTEGER: 'CAST(value->>{at} AS bigint)',
        },
    ),
}
_MYSQL_TYPES = {
    _TEXT: 'VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin',
    _REAL: 'DOUBLE',
    _INTEGER: 'BIGINT',
}


def execute(
    connection: sa.Connection, rows: collections.abc.Iterable[Row]
) -> dict[str, tuple[str, str]]:
    """Move the owners' registers by a batch of words.

    :param rows: at most one a probe, sorted by probe: writers that lock in
        the same order don't deadlock. Each has the fields of
        :data:`FIELDS`.
    :returns: by probe, its owner's agent and register id afterwards;
        without the probes whose words are of folded registers.
    """
    statement = _STATEMENTS[_family(connection)]
    text = json.dumps(list(rows), separators=(',', ':'))
    found = connection.execute(statement, {'rows': text})
    return {probe: (agent, register) for probe, agent, register in found}


FIELDS = tuple(_FIELDS)


def _family(connection: sa.Connection) -> str:
    name = connection.dialect.name
    return 'mysql' if name == 'mariadb' else name


def _source(family: str) -> str:
    """Give the words as a table."""
    if family == 'mysql':
        columns = ', '.join(
            f"{name} {_MYSQL_TYPES[kind]} PATH '$[{at}]'"
            for at, (name, kind) in enumerate(_FIELDS.items())
        )
        return f"JSON_TABLE(:rows, '$[*]' COLUMNS ({columns})) AS word"
    table, forms = _SOURCES[family]
    columns = ', '.join(
        f'{forms[kind].format(at=at)} AS {name}'
        for at, (name, kind) in enumerate(_FIELDS.items())
    )
    return f'(SELECT {columns} FROM {table}) AS word'  # noqa: S608


def _assignments(given: str, choose: str) -> str:
    """Write what an existing row is set to.

    :param given: how the word's value of a column is called.
    :param choose: how a choice is written: condition, then, else.
    """
    own = ' AND '.join(
        f'probe.{name} = {given.format(name)}'
        for name in ('owner_agent', 'owner_register')
    )
    newer = f'{own} AND {given.format("owner_elapsed")} > probe.owner_elapsed'
    parts = [(name, given.format(name)) for name in _LATEST]
    for total in _TOTALS:
        owner = f'owner_{total}'
        more = f'{given.format(owner)} - probe.{owner}'
        grown = choose.format(
            f'{more} > 0', f'probe.{total} + {more}', f'probe.{total}'
        )
        parts.append((total, grown))
    for total in _TOTALS:
        owner = f'owner_{total}'
        parts.append(
            (
                owner,
                choose.format(
                    f'{given.format(owner)} > probe.{owner}',
                    given.format(owner),
                    f'probe.{owner}',
                ),
            )
        )
    return ', '.join(
        f'{name} = {choose.format(newer, value, f"probe.{name}")}'
        for name, value in parts
    )


def _write(family: str) -> sa.TextClause:
    columns = [*_FIELDS, *_COPIES]
    values = [f'word.{name}' for name in _FIELDS]
    values += [
        f'word.{name}' if name in _FIELDS else name
        for name in _COPIES.values()
    ]
    if family == 'mysql':
        conflict = 'ON DUPLICATE KEY UPDATE ' + _assignments(
            'VALUES({})', 'IF({}, {}, {})'
        )
    else:
        conflict = 'ON CONFLICT (id) DO UPDATE SET ' + _assignments(
            'EXCLUDED.{}', 'CASE WHEN {} THEN {} ELSE {} END'
        )
    return sa.text(  # Nothing but names from this module goes into it.
        f'INSERT INTO probe ({", ".join(columns)}) '  # noqa: S608
        f'SELECT {", ".join(values)} FROM {_source(family)} '
        'WHERE NOT EXISTS (SELECT 1 FROM floor WHERE floor.probe = word.id '
        'AND floor.agent = word.owner_agent '
        'AND floor.incarnation >= word.owner_incarnation) '
        f'ORDER BY word.id {conflict} '
        'RETURNING id, owner_agent, owner_register'
    )


_STATEMENTS = {
    family: _write(family) for family in ('sqlite', 'postgresql', 'mysql')
}
