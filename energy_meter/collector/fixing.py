# SPDX-License-Identifier: Apache-2.0

"""Fixes the curves of registers where days are closed.

A closed day that is not marked as changed is what the curves of the registers
give, so each change of it must be settled. The row of a register therefore
notes up to where its curve is settled. When it was opened is pinned: the date
of a register whose clock drifts would move all of its days with each
measurement.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.collector import days
from energy_meter.collector import locks
from energy_meter.collector import settlement
from energy_meter.db import changes
from energy_meter.db import documents
from energy_meter.db import histories
from energy_meter.db import marks
from energy_meter.db import schema
from energy_meter.db import settlements

_CLOSED = {'id': documents.TEXT, 'closed_until': documents.INTEGER}


def fix(
    connection: sa.Connection,
    probes: locks.Probes,
    registers: collections.abc.Mapping[str, settlement.Registers],
    closed_until: collections.abc.Mapping[str, int],
    date: int,
) -> None:
    """Close the days of probes before a date.

    :param probes: rows of the probes, which are locked.
    :param registers: their registers, which are locked, with marks.
    :param closed_until: the date, by probe.
    :param date: date at which a register must have been seen to go on.
    """
    rows: list[settlements.RegisterRow] = []
    kept: list[marks.Row] = []
    for name, until in closed_until.items():
        added = _last(registers[name], until, date)
        kept += added
        rows += _register_rows(probes[name], registers[name], until, added)
    marks.insert(connection, sorted(kept))
    settlements.write_registers(connection, rows)
    if closed_until:
        statement = _CLOSE[documents.family(connection)]
        parameters = documents.pack(closed_until.items())
        connection.execute(statement, parameters)


def moved(
    probe: sa.Row[typing.Any], registers: settlement.Registers
) -> tuple[int, int]:
    """Return the closed days of a probe to which a register moved unnoticed.

    That of a sole register does if the database's clock was set back by hours.
    """
    until = probe.closed_until or changes.BEGINNING
    opened = (
        min(registers.openings[known.key].opened, row.opened or until)
        for row, known in zip(registers.rows, registers.histories, strict=True)
        if not known.voided and row.pinned_opened is None
    )
    first = min((date for date in opened if date < until), default=None)
    end = until // days.DAY_MS
    return end if first is None else changes.first_day(first), end


def _last(
    registers: settlement.Registers, closed_until: int, date: int
) -> list[marks.Row]:
    """Return the last measurements of registers that go on without marks.

    As a mark, it keeps the closed day from changing with each measurement.
    """
    kept = []
    for number in days.leaves(registers):
        row, known = registers.rows[number], registers.histories[number]
        opened = registers.openings[known.key].opened
        until = opened + known.last.elapsed
        if (
            opened < closed_until <= until
            and opened + registers.settled_until(row, known) < closed_until
            and date - row.last_seen_at < days.MAX_UNSEEN_MS
        ):
            wall = histories.own_opened(row) + known.last.elapsed
            kept.append(
                marks.Row(wall // marks.SLOT_MS, row.number, *known.last)
            )
    return kept


def _register_rows(
    probe: sa.Row[typing.Any],
    registers: settlement.Registers,
    closed_until: int,
    kept: collections.abc.Iterable[marks.Row],
) -> list[settlements.RegisterRow]:
    """Return the rows of billed registers that change."""
    elapsed = {row.register: row.elapsed for row in kept}
    rows = []
    for row, known in zip(registers.rows, registers.histories, strict=True):
        if known.voided:
            continue
        opened, is_live, _ = registers.openings[known.key]
        pinned = row.pinned_opened
        if pinned is None and (is_live or opened < closed_until):
            pinned = opened
        settled_until = registers.settled_until(row, known)
        new = settlements.RegisterRow(
            row.number,
            row.role,
            schema.Dirty.CLEAN,
            elapsed.get(row.number, settled_until),
            opened,
            pinned,
        )
        if row.number == probe.tip:
            role = settlement.tip_role(
                new, probe.plural, is_live, closed_until
            )
            new = new._replace(role=role)
        if new != tuple(getattr(row, name) for name in new._fields):
            rows.append(new)
    return rows


_CLOSE = {
    family: documents.update(
        family,
        'probe',
        'id',
        _CLOSED,
        {'closed_until': 'received.closed_until'},
    )
    for family in documents.FAMILIES
}
