# SPDX-License-Identifier: Apache-2.0

"""Upsert of measurements of the probes' owners, the common case.

One statement merges any number of measurements. They are sent as one JSON
document, which each database unpacks with functions of its own. A measurement
of an unknown probe inserts the probe with its register as the owner. A
measurement of the owner updates the register together with the total of the
probe. Any other measurement leaves the probe unchanged. The statement returns
the owner of each probe, which shows the caller what was not merged.
"""

import collections.abc
import json
import typing

import sqlalchemy as sa

#: Values of one measurement, in the order of :data:`FIELDS`.
Row = tuple[typing.Any, ...]

_TEXT, _REAL, _INTEGER = 'text', 'real', 'integer'
_FIELDS = {
    'id': _TEXT,
    'wattmeter': _TEXT,
    'driver': _TEXT,
    'scope': _TEXT,
    'host': _TEXT,
    'agent_name': _TEXT,
    'timestamp': _REAL,
    'watts': _REAL,
    'volts': _REAL,
    'amperes': _REAL,
    'last_seen_at': _REAL,
    'owner_agent': _TEXT,
    'owner_register': _TEXT,
    'owner_incarnation': _INTEGER,
    'owner_opened_at': _REAL,
    'owner_millijoules': _INTEGER,
    'owner_metered_seconds': _REAL,
    'owner_elapsed': _REAL,
}

#: Columns that an insert sets from another field.
_COPIES = {
    'owner_billed_from': 'owner_opened_at',
    'owner_overlap': '0',
    'millijoules': 'owner_millijoules',
    'metered_seconds': 'owner_metered_seconds',
    'elapsed': 'owner_elapsed',
}

_LATEST = (
    'wattmeter',
    'driver',
    'scope',
    'host',
    'agent_name',
    'timestamp',
    'watts',
    'volts',
    'amperes',
    'last_seen_at',
)
# Order matters: MariaDB evaluates assignments left to right, using values
# already assigned. Set totals before the columns they are computed from, and
# owner_elapsed, which every condition tests, last.
_TOTALS = ('millijoules', 'metered_seconds', 'elapsed')

_SOURCES = {
    'sqlite': (
        'json_each(:rows)',
        {
            _TEXT: "json_extract(value, '$[{index}]')",
            _REAL: "json_extract(value, '$[{index}]')",
            _INTEGER: "json_extract(value, '$[{index}]')",
        },
    ),
    'postgresql': (
        'json_array_elements(CAST(:rows AS json))',
        {
            _TEXT: 'value->>{index}',
            _REAL: 'CAST(value->>{index} AS double precision)',
            _INTEGER: 'CAST(value->>{index} AS bigint)',
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
    """Merge a batch of measurements of the owners.

    :param rows: at most one per probe, sorted by probe; writers that lock in
        the same order don't deadlock.
    :returns: the agent and register id of the owner after the statement, by
        probe. Probes with a measurement of a folded register are missing.
    """
    statement = _STATEMENTS[_family(connection)]
    text = json.dumps(list(rows), separators=(',', ':'))
    owners = connection.execute(statement, {'rows': text})
    return {probe: (agent, register) for probe, agent, register in owners}


FIELDS = tuple(_FIELDS)


def _family(connection: sa.Connection) -> str:
    name = connection.dialect.name
    return 'mysql' if name == 'mariadb' else name


def _source(family: str) -> str:
    """Return an SQL expression for the measurements as a table."""
    if family == 'mysql':
        columns = ', '.join(
            f"{name} {_MYSQL_TYPES[kind]} PATH '$[{index}]'"
            for index, (name, kind) in enumerate(_FIELDS.items())
        )
        return f"JSON_TABLE(:rows, '$[*]' COLUMNS ({columns})) AS received"
    table, forms = _SOURCES[family]
    columns = ', '.join(
        f'{forms[kind].format(index=index)} AS {name}'
        for index, (name, kind) in enumerate(_FIELDS.items())
    )
    return f'(SELECT {columns} FROM {table}) AS received'  # noqa: S608


def _assignments(new: str, choose: str) -> str:
    """Return the assignments that update an existing row.

    :param new: template of the new value of a column.
    :param choose: template of a conditional: condition, then, else.
    """
    own = ' AND '.join(
        f'probe.{name} = {new.format(name)}'
        for name in ('owner_agent', 'owner_register')
    )
    newer = f'{own} AND {new.format("owner_elapsed")} > probe.owner_elapsed'
    parts = [(name, new.format(name)) for name in _LATEST]
    for total in _TOTALS:
        owner = f'owner_{total}'
        more = f'{new.format(owner)} - probe.{owner}'
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
                    f'{new.format(owner)} > probe.{owner}',
                    new.format(owner),
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
    values = [f'received.{name}' for name in _FIELDS]
    values += [
        f'received.{name}' if name in _FIELDS else name
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
    # Only names from this module are inserted into the text.
    return sa.text(
        f'INSERT INTO probe ({", ".join(columns)}) '  # noqa: S608
        f'SELECT {", ".join(values)} FROM {_source(family)} '
        'WHERE NOT EXISTS (SELECT 1 FROM floor '
        'WHERE floor.probe = received.id '
        'AND floor.agent = received.owner_agent '
        'AND floor.incarnation >= received.owner_incarnation) '
        f'ORDER BY received.id {conflict} '
        'RETURNING id, owner_agent, owner_register'
    )


_STATEMENTS = {
    family: _write(family) for family in ('sqlite', 'postgresql', 'mysql')
}
