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

Closings lock alike (:mod:`energy_meter.collector.closing`). They change up to
where the curve of a register is settled, which decides whether a late mark
makes it dirty. A writer of the mark has locked the register: either it commits
before the closing, which sees the mark, or it compares with what the closing
wrote.

Why nothing deadlocks: writers lock registers by number, then marks, then
probes by ID. A settling skips what is locked, so it never waits for a lock
while it holds one.
"""

import collections.abc
import typing

from oslo_db import exception as db_exception
import sqlalchemy as sa

from energy_meter.billing import cells
from energy_meter.collector import locks
from energy_meter.collector import settlement
from energy_meter.db import changed_days
from energy_meter.db import changes
from energy_meter.db import documents
from energy_meter.db import histories
from energy_meter.db import schema
from energy_meter.db import settlements

_ID = {'id': documents.TEXT}
_NUMBER = {'number': documents.INTEGER}

_Registers = dict[str, settlement.Registers]


class Cause(typing.NamedTuple):
    """Why closed days change.

    :ivar username: operator who caused it; empty for a collector.
    """

    reason: str
    username: str = ''


#: Measurements arrived after days were closed.
LATE = Cause('late measurements')

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
    found = locks.free(connection, probes, schema.probe.c.contested)
    return _settle(connection, found, db_now, LATE, lower=False)


def void(
    connection: sa.Connection,
    registers: collections.abc.Collection[int],
    db_now: int,
    cause: Cause,
) -> dict[str, int]:
    """Void registers, and settle their probes.

    The energy that their probes show falls to what is left.

    :param connection: in a transaction that writes.
    :param registers: numbers of registers; those that are void stay so.
    :param cause: why closed days change.
    :returns: by probe, the energy in mJ by which what it shows fell.
    :raises RetryRequest: if another transaction added a register meanwhile;
        the caller repeats its transaction.
    """
    before = _shown(connection, locks.members(connection, registers))
    connection.execute(
        _VOID[documents.family(connection)],
        documents.pack((number,) for number in registers),
    )
    found = locks.found(connection, before)
    settled = _settle(connection, found, db_now, cause, lower=True)
    if settled != before.keys():
        raise db_exception.RetryRequest(
            db_exception.DBDeadlock('a register was added')
        )
    after = _shown(connection, before)
    return {name: before[name] - after[name] for name in before}


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


def _settle(
    connection: sa.Connection,
    probes: locks.Probes,
    db_now: int,
    cause: Cause,
    lower: bool,
) -> set[str]:
    rows = locks.registers(connection, probes)
    registers: _Registers = {
        name: settlement.Registers(members, db_now)
        for name, members in rows.items()
    }
    _add_marks(connection, probes, registers)
    old = _overlaps(connection, probes, registers)
    settled = {
        name: settlement.settle(probes[name], known, old[name], lower)
        for name, known in registers.items()
    }
    _write(connection, settled, old, db_now)
    changed_days.mark(
        connection,
        ((name, *each.changed) for name, each in settled.items()),
        db_now,
        *cause,
    )
    return set(settled)


def _add_marks(
    connection: sa.Connection, probes: locks.Probes, registers: _Registers
) -> None:
    """Load the marks of registers if they matter.

    They do if registers are concurrent, or if days are closed that may change.
    They are loaded from the cell before the change, which shows the line that
    is billed, and once more if the last mark before it was even earlier.
    """
    left = {
        name: known
        for name, known in registers.items()
        if not known.is_line or probes[name].closed_until is not None
    }
    for _ in range(2):
        starts = {
            name: settlement.first_changed_cell(known) - cells.CELL_MS
            for name, known in left.items()
        }
        left = {
            name: known
            for name, known in left.items()
            if known.since is None or starts[name] < known.since
        }
        if not left:
            return
        add_marks(connection, left, starts)


def add_marks(
    connection: sa.Connection,
    registers: _Registers,
    since: collections.abc.Mapping[str, int],
) -> None:
    """Load the marks of the registers of probes, from a date on."""
    starts = {
        row.number: histories.own_opened(row)
        + since[name]
        - known.openings[each.key].opened
        for name, known in registers.items()
        for row, each in zip(known.rows, known.histories, strict=True)
    }
    loaded = histories.add_marks(
        connection,
        {name: known.rows for name, known in registers.items()},
        {name: known.histories for name, known in registers.items()},
        starts,
    )
    for name, known in registers.items():
        known.histories, known.since = loaded[name], since[name]


def _overlaps(
    connection: sa.Connection, probes: locks.Probes, registers: _Registers
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
    since = first | dict.fromkeys(void.values(), changes.BEGINNING)
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
