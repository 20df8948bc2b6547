# SPDX-License-Identifier: Apache-2.0

"""Settles probes: computes what is billed of their registers.

A batch advances rows of registers without a look at others. If that can
change what is billed of another register, the row becomes dirty, and the same
transaction contests the probe. A settling then computes the bill of all its
registers.

Why nothing is lost, with any number of collectors at READ COMMITTED: a
settling locks the row of the probe, and then those of all its registers. A
transaction that changes a known register, or its marks, has locked that row
until it commits: the settling either sees all of it, or skips the probe. One
that adds a register, or makes one dirty, locks the row of the probe before it
commits, so it waits for the settling, and contests the probe after it; its
register is still dirty. One that changes a register that was dirty before
need not: the settling that cleans it must lock it first.

Why nothing deadlocks: writers lock registers by number, then marks, then
probes by ID. A settling skips what is locked, so it never waits for a lock
while it holds one.
"""

import collections.abc
import typing

from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter.billing import cells
from energy_meter.collector import settlement
from energy_meter.db import documents
from energy_meter.db import histories
from energy_meter.db import schema
from energy_meter.db import settlements

_ID = {'id': documents.TEXT}
_NUMBER = {'number': documents.INTEGER}

_Probes = dict[str, sa.Row[typing.Any]]
_Registers = dict[str, settlement.Registers]

_VOID = {
    family: documents.update(
        family,
        'register',
        'number',
        _NUMBER,
        {
            'voided': 'true',
            'dirty': str(schema.Dirty.CHANGED.value),
            'settled_until': '-1',
        },
    )
    for family in documents.FAMILIES
}


def contested(connection: sa.Connection) -> list[str]:
    """Return the IDs of all probes that are to be settled, sorted."""
    probe = schema.probe.c
    query = sa.select(probe.id).where(probe.contested).order_by(probe.id)
    return list(connection.scalars(query))


def settle(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    db_now: int,
) -> set[str]:
    """Settle probes that are contested.

    :param connection: in a transaction that writes.
    :param db_now: the database's clock.
    :returns: IDs of the settled probes. Those that another transaction is
        writing are missing.
    """
    query = _probes(connection).where(schema.probe.c.contested)
    query = query.with_for_update(skip_locked=True, of=schema.probe)
    return _settle(connection, query, probes, db_now, lower=False)


def void(
    connection: sa.Connection,
    registers: collections.abc.Collection[int],
    db_now: int,
) -> dict[str, int]:
    """Void registers, and settle their probes.

    The energy that their probes show falls to what is left.

    :param connection: in a transaction that writes.
    :param registers: numbers of registers; those that are void stay so.
    :returns: by probe, the energy in mJ by which what it shows fell.
    :raises RetryRequest: if another transaction added a register meanwhile;
        the caller repeats its transaction.
    """
    before = _lock(connection, registers)
    connection.execute(
        _VOID[documents.family(connection)],
        documents.pack((number,) for number in registers),
    )
    query = _probes(connection)
    settled = _settle(connection, query, list(before), db_now, lower=True)
    if settled != before.keys():
        raise db_exception.RetryRequest(
            db_exception.DBDeadlock('a register was added')
        )
    after = _shown(connection, before)
    return {name: before[name] - after[name] for name in before}


def _lock(
    connection: sa.Connection, registers: collections.abc.Collection[int]
) -> dict[str, int]:
    """Lock all registers of the probes of some, and the probes, in order.

    :returns: the energy in mJ that each probe shows.
    """
    table, probe = schema.register, schema.probe
    received = documents.table(connection, _NUMBER)
    query = sa.select(table.c.number, table.c.probe).join_from(
        received, table, table.c.number == received.c.number
    )
    numbers = documents.pack((number,) for number in registers)
    names = sorted({row.probe for row in connection.execute(query, numbers)})
    rows = documents.pack((name,) for name in names)
    members = histories.registers(connection, names)
    query = documents.look_up(query, table).order_by(table.c.number)
    connection.execute(
        query.with_for_update(of=table),
        documents.pack(
            sorted((row.number,) for each in members.values() for row in each)
        ),
    )
    query = _probes(connection).order_by(probe.c.id)
    connection.execute(query.with_for_update(of=probe), rows)
    return _shown(connection, names)


def _shown(
    connection: sa.Connection, probes: collections.abc.Iterable[str]
) -> dict[str, int]:
    """Return the energy in mJ that each probe shows."""
    probe, tip = schema.probe.c, schema.register.c
    received = documents.table(connection, _ID)
    query = (
        sa.select(
            probe.id,
            probe.shown,
            probe.base_millijoules + sa.func.coalesce(tip.millijoules, 0),
        )
        .join_from(received, schema.probe, probe.id == received.c.id)
        .join(schema.register, tip.number == probe.tip, isouter=True)
    )
    rows = documents.pack((name,) for name in probes)
    return {
        name: max(amounts)
        for name, *amounts in connection.execute(query, rows)
    }


def _probes(connection: sa.Connection) -> sa.Select[typing.Any]:
    received = documents.table(connection, _ID)
    query = sa.select(schema.probe).join_from(
        received, schema.probe, schema.probe.c.id == received.c.id
    )
    return documents.look_up(query, schema.probe)


def _settle(
    connection: sa.Connection,
    query: sa.Select[typing.Any],
    names: collections.abc.Collection[str],
    db_now: int,
    lower: bool,
) -> set[str]:
    found = connection.execute(query, documents.pack((n,) for n in names))
    probes: _Probes = {row.id: row for row in found}
    rows = histories.registers(connection, probes, lock=True)
    counts = _counts(connection, probes)
    registers: _Registers = {
        name: settlement.Registers(members, db_now)
        for name, members in rows.items()
        if len(members) == counts[name]
    }
    _add_marks(connection, registers)
    old = _overlaps(connection, probes, registers)
    settled = {
        name: settlement.settle(probes[name], known, old[name], lower)
        for name, known in registers.items()
    }
    _write(connection, settled, old, db_now)
    return set(settled)


def _counts(
    connection: sa.Connection, probes: collections.abc.Iterable[str]
) -> dict[str, int]:
    """Return the number of registers of each probe, locked or not."""
    received = documents.table(connection, _ID)
    table = schema.register
    query = (
        sa.select(table.c.probe, sa.func.count())
        .join_from(received, table, table.c.probe == received.c.id)
        .group_by(table.c.probe)
    )
    rows = documents.pack((name,) for name in probes)
    return {name: count for name, count in connection.execute(query, rows)}


def _add_marks(connection: sa.Connection, probes: _Registers) -> None:
    """Load the marks of all registers that are concurrent with others.

    They are loaded from the cell before the change, which shows the line that
    is billed, and once more if the last mark before it was even earlier.
    """
    plural = {
        name: known for name, known in probes.items() if not known.is_line
    }
    for _ in range(2):
        starts = {
            name: settlement.first_cell(known) - cells.CELL_MS
            for name, known in plural.items()
        }
        plural = {
            name: known
            for name, known in plural.items()
            if known.since is None or starts[name] < known.since
        }
        if not plural:
            return
        since = {
            row.number: histories.own_opened(row)
            + starts[name]
            - known.openings[each.key].opened
            for name, known in plural.items()
            for row, each in zip(known.rows, known.histories, strict=True)
        }
        loaded = histories.add_marks(
            connection,
            {name: known.rows for name, known in plural.items()},
            {name: known.histories for name, known in plural.items()},
            since,
        )
        for name, known in plural.items():
            known.histories, known.since = loaded[name], starts[name]


def _overlaps(
    connection: sa.Connection, probes: _Probes, registers: _Registers
) -> dict[str, list[settlements.OverlapRow]]:
    """Return the overlap that may change, by probe.

    That of a register that becomes void goes, even before the horizon: its
    energy does, too.
    """
    first = {
        name: settlement.first_cell(known)
        for name, known in registers.items()
        if probes[name].plural
    }
    void = {
        row.number: row.probe
        for name in first
        for row in registers[name].rows
        if row.voided and row.dirty
    }
    since = first | dict.fromkeys(void.values(), settlement.BEGINNING)
    rows: dict[str, list[settlements.OverlapRow]] = {
        name: [] for name in registers
    }
    for row in settlements.overlaps(connection, since) if since else ():
        if row.cell >= first[row.probe] or row.register in void:
            rows[row.probe].append(row)
    return rows


def _write(
    connection: sa.Connection,
    settled: dict[str, settlement.Settlement],
    old: dict[str, list[settlements.OverlapRow]],
    db_now: int,
) -> None:
    settlements.replace_overlaps(
        connection,
        [row for rows in old.values() for row in rows],
        [row for each in settled.values() for row in each.overlaps],
    )
    settlements.write_registers(
        connection,
        [row for each in settled.values() for row in each.registers],
    )
    settlements.write_probes(
        connection, [each.probe for each in settled.values()], db_now
    )
