# SPDX-License-Identifier: Apache-2.0

"""Write of a batch as before curves, the peer of collector_write.py.

A probe had one row, with its total and the register that was billed, its
owner. This module is the work of that collector for batches of owners. It
shares no code with the collector, so that its cost stays the same.
"""

import collections
import collections.abc
import json
import typing

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql

from energy_meter import measurement

#: Number of rows in one statement.
_CHUNK = 5000
#: Difference between clocks above which it was reported.
_MAX_CLOCK_SKEW_S = 1.0

_NAME = (
    sa.String(190)
    .with_variant(postgresql.VARCHAR(190, collation='C'), 'postgresql')
    .with_variant(
        mysql.VARCHAR(190, charset='utf8mb4', collation='utf8mb4_nopad_bin'),
        'mysql',
        'mariadb',
    )
)
_SECONDS = sa.Double().with_variant(
    mysql.DOUBLE(asdecimal=False), 'mysql', 'mariadb'
)
_MILLIJOULES = sa.BigInteger()

#: Values of a measurement, in the order of the document. The first ones after
#: the key belong to the latest measurement.
_LATEST: dict[str, sa.types.TypeEngine[typing.Any]] = {
    **dict.fromkeys(
        ('wattmeter', 'driver', 'scope', 'host', 'agent_name'), _NAME
    ),
    **dict.fromkeys(
        ('timestamp', 'watts', 'volts', 'amperes', 'last_seen_at'), _SECONDS
    ),
}
_TOTALS: dict[str, sa.types.TypeEngine[typing.Any]] = {
    'millijoules': _MILLIJOULES,
    'metered_seconds': _SECONDS,
    'elapsed': _SECONDS,
}
_FIELDS = {
    'id': _NAME,
    **_LATEST,
    'owner_agent': _NAME,
    'owner_register': _NAME,
    'owner_incarnation': _MILLIJOULES,
    'owner_opened_at': _SECONDS,
    **{f'owner_{name}': kind for name, kind in _TOTALS.items()},
}
#: Columns of a new row that are copies of others.
_COPIES = {
    'owner_billed_from': 'owner_opened_at',
    'owner_overlap': '0',
    **{name: f'owner_{name}' for name in _TOTALS},
}

_METADATA = sa.MetaData()
sa.Table(
    'before_probe',
    _METADATA,
    *(
        sa.Column(
            name,
            kind,
            primary_key=name == 'id',
            nullable=name in ('watts', 'volts', 'amperes'),
            index=name == 'last_seen_at',
        )
        for name, kind in {
            **_FIELDS,
            **_TOTALS,
            'owner_billed_from': _SECONDS,
            'owner_overlap': _MILLIJOULES,
        }.items()
    ),
)
sa.Table(
    'before_floor',
    _METADATA,
    sa.Column('probe', _NAME, primary_key=True),
    sa.Column('agent', _NAME, primary_key=True),
    sa.Column('incarnation', sa.BigInteger, nullable=False),
)
_DISABLED = sa.Table(
    'before_disabled_agent',
    _METADATA,
    sa.Column('agent', _NAME, primary_key=True),
)

_CLOCKS = {
    'sqlite': "(julianday('now') - 2440587.5) * 86400",
    'postgresql': (
        'CAST(extract(epoch from clock_timestamp()) AS double precision)'
    ),
    'mysql': 'CAST(UNIX_TIMESTAMP(SYSDATE(6)) AS DOUBLE)',
}


def create(engine: sa.Engine) -> None:
    """Create the tables."""
    _METADATA.create_all(engine)


def write(
    engine: sa.Engine, measurements: list[measurement.Measurement]
) -> list[tuple[float, str]]:
    """Write the measurements of owners in one transaction.

    :returns: agents whose clocks are ahead: the difference in seconds, and
        the agent's name.
    :raises AssertionError: if a register is not the owner of its probe.
    """
    family = engine.dialect.name.replace('mariadb', 'mysql')
    newest = _newest(measurements)
    with engine.begin() as connection:
        db_now = connection.scalar(sa.text(f'SELECT {_CLOCKS[family]}'))
        assert db_now is not None, 'the expression is never NULL'
        assert not connection.scalars(sa.select(_DISABLED.c.agent)).all()
        skews = [
            (received.timestamp / 1000 - db_now, received.probe.agent)
            for received in newest
            if received.timestamp / 1000 > db_now + _MAX_CLOCK_SKEW_S
        ]
        owners: dict[str, tuple[str, str]] = {}
        for start in range(0, len(newest), _CHUNK):
            rows = [
                _row(received, db_now)
                for received in newest[start : start + _CHUNK]
            ]
            document = json.dumps(rows, separators=(',', ':'))
            found = connection.execute(_STATEMENTS[family], {'rows': document})
            owners |= {
                probe: (agent, register) for probe, agent, register in found
            }
        outcomes = collections.Counter(
            owners[received.probe.id] == tuple(received.register)
            for received in newest
        )
        assert not outcomes[False], 'each register is an owner'
    return skews


def _newest(
    measurements: collections.abc.Iterable[measurement.Measurement],
) -> list[measurement.Measurement]:
    """Return the newest measurement of each register, sorted by probe."""
    latest: dict[tuple[str, str, str], measurement.Measurement] = {}
    for received in measurements:
        key = (received.probe.id, *received.register)
        previous = latest.get(key)
        if previous is None or received.elapsed > previous.elapsed:
            latest[key] = received
    return [latest[key] for key in sorted(latest)]


def _row(
    received: measurement.Measurement, db_now: float
) -> tuple[object, ...]:
    """Return the values of a measurement, in the order of the fields."""
    probe, register = received.probe, received.register
    timestamp = min(received.timestamp / 1000, db_now)
    elapsed = received.elapsed / 1000
    return (
        probe.id,
        probe.wattmeter,
        probe.driver,
        probe.scope,
        probe.host,
        probe.agent,
        timestamp,
        received.watts,
        received.volts,
        received.amperes,
        db_now,
        register.agent,
        register.id,
        1,
        timestamp - elapsed,
        received.millijoules,
        received.metered / 1000,
        elapsed,
    )


def _source(family: str) -> str:
    """Return the text of the table of received measurements."""
    kinds = {_NAME: 'text', _SECONDS: 'double precision'}
    types = {name: kinds.get(kind, 'bigint') for name, kind in _FIELDS.items()}
    if family == 'mysql':
        text = 'VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin'
        columns = ', '.join(
            f"{name} {text if kind == 'text' else kind} PATH '$[{index}]'"
            for index, (name, kind) in enumerate(types.items())
        )
        return f"JSON_TABLE(:rows, '$[*]' COLUMNS ({columns})) AS received"
    value, table = '', ''
    if family == 'sqlite':
        value = "json_extract(value, '$[{index}]')"
        table = 'json_each(:rows)'
    else:
        value = 'CAST(value->>{index} AS {kind})'
        table = 'json_array_elements(CAST(:rows AS json))'
    columns = ', '.join(
        f'{value.format(index=index, kind=kind)} AS {name}'
        for index, (name, kind) in enumerate(types.items())
    )
    return f'(SELECT {columns} FROM {table}) AS received'  # noqa: S608


def _assignments() -> str:
    """Return the assignments to an existing row, the condition's last."""
    newer = (
        'before_probe.owner_agent = {new}owner_agent{end} '
        'AND before_probe.owner_register = {new}owner_register{end} '
        'AND {new}owner_elapsed{end} > before_probe.owner_elapsed'
    )
    values = {name: f'{{new}}{name}{{end}}' for name in _LATEST}
    for name in _TOTALS:
        more = f'{{new}}owner_{name}{{end}} - before_probe.owner_{name}'
        values[name] = (
            f'CASE WHEN {more} > 0 THEN before_probe.{name} + {more} '
            f'ELSE before_probe.{name} END'
        )
    for name in (f'owner_{name}' for name in _TOTALS):
        values[name] = (
            f'CASE WHEN {{new}}{name}{{end}} > before_probe.{name} '
            f'THEN {{new}}{name}{{end}} ELSE before_probe.{name} END'
        )
    return ', '.join(
        f'{name} = CASE WHEN {newer} THEN {value} ELSE before_probe.{name} END'
        for name, value in values.items()
    )


def _statement(family: str) -> sa.TextClause:
    """Return the upsert; it returns the owner of each probe."""
    clause, new, end = 'ON CONFLICT (id) DO UPDATE SET', 'EXCLUDED.', ''
    if family == 'mysql':
        clause, new, end = 'ON DUPLICATE KEY UPDATE', 'VALUES(', ')'
    values = ', '.join(
        f'received.{name}' if name in _FIELDS else name
        for name in (*_FIELDS, *_COPIES.values())
    )
    # Only names from this module are inserted into the text.
    return sa.text(
        f'INSERT INTO before_probe ({", ".join((*_FIELDS, *_COPIES))}) '  # noqa: S608
        f'SELECT {values} FROM {_source(family)} '
        'WHERE NOT EXISTS (SELECT 1 FROM before_floor '
        'WHERE before_floor.probe = received.id '
        'AND before_floor.agent = received.owner_agent '
        'AND before_floor.incarnation >= received.owner_incarnation) '
        f'ORDER BY received.id {clause} '
        f'{_assignments().format(new=new, end=end)} '
        'RETURNING id, owner_agent, owner_register'
    )


_STATEMENTS = {family: _statement(family) for family in _CLOCKS}
