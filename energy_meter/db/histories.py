# SPDX-License-Identifier: Apache-2.0

"""Loads what is known of the registers of probes."""

import collections
import collections.abc
import dataclasses
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.db import documents
from energy_meter.db import marks
from energy_meter.db import numbers
from energy_meter.db import packing
from energy_meter.db import schema

#: How far the wall clock of a register's marks may drift from that of its
#: first measurement, in steps so small that none ends the register.
MAX_DRIFT_MS = 300_000
#: Number of probes, and of slots, in one statement.
_CHUNK = 5000
_MAX_SLOTS = 50_000

_ID = {'id': documents.TEXT}
_SLOT = {'slot': documents.INTEGER, 'register': documents.INTEGER}

#: Name of the index of registers by probe.
PROBE_INDEX = 'ix_register_probe'

#: Row of table ``register``.
Row = sa.Row[typing.Any]
Rows = dict[str, list[Row]]
Histories = dict[str, list[history.RegisterHistory]]


def load(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    since: int | None = None,
) -> Histories:
    """Return the registers of probes with their marks.

    :param since: date in ms on the agents' clocks; each register has at least
        the marks after it, and one before, if it has one. None for all marks.
    :returns: the registers by probe; probes without any are missing.
    """
    rows = registers(connection, probes)
    histories = {
        name: [to_history(row) for row in members]
        for name, members in rows.items()
    }
    starts = {
        row.number: own_opened(row) if since is None else since
        for members in rows.values()
        for row in members
    }
    return add_marks(connection, rows, histories, starts)


def registers(
    connection: sa.Connection,
    probes: collections.abc.Collection[str],
    lock: bool = False,
) -> Rows:
    """Return the rows of the registers of probes, by probe.

    :param lock: lock them, and leave out those that another one has locked.
    """
    received = documents.table(connection, _ID)
    table = schema.register
    query = sa.select(table).join_from(
        received, table, table.c.probe == received.c.id
    )
    query = documents.look_up(query, table, PROBE_INDEX)
    if lock:
        query = query.with_for_update(skip_locked=True, of=table)
    rows: Rows = collections.defaultdict(list)
    names = [(name,) for name in probes]
    for start in range(0, len(names), _CHUNK):
        parameters = documents.pack(names[start : start + _CHUNK])
        for row in connection.execute(query, parameters):
            rows[row.probe].append(row)
    return dict(rows)


def own_opened(row: Row) -> int:
    """Return when a register was opened on the agent's clock, in ms."""
    return int(row.first_timestamp - row.first_elapsed)


def to_history(row: Row) -> history.RegisterHistory:
    """Return what is known of a register, except its marks."""
    after = None
    if row.after_register is not None:
        after = measurement.Predecessor(row.after_register, row.after_elapsed)
    return history.RegisterHistory(
        measurement.RegisterKey(row.agent, row.register),
        row.agent_name,
        after,
        history.First(row.first_elapsed, row.first_timestamp),
        measurement.Point(row.elapsed, row.millijoules, row.metered),
        row.synced,
        (row.lag0, row.lag1, row.lag2, row.lag3, row.lag4),
        base=measurement.Point(
            row.base_elapsed, row.base_millijoules, row.base_metered
        ),
        pinned_opened=row.pinned_opened,
        voided=row.voided,
    )


def add_marks(
    connection: sa.Connection,
    rows: Rows,
    histories: Histories,
    since: collections.abc.Mapping[int, int],
) -> Histories:
    """Return histories with their marks.

    :param rows: the rows of the registers, by probe.
    :param histories: those without marks, in the same order.
    :param since: by number of the register, the date in ms on its agent's
        clock from which marks are needed. One before it is loaded, too.
    """
    wanted = {
        row.number: _slots(row, since[row.number])
        for members in rows.values()
        for row in members
    }
    found = points(connection, wanted)
    sparse = {
        row.number: _slots(row, own_opened(row))
        for members in rows.values()
        for row in members
        if not _reaches(row, found[row.number], since[row.number])
    }
    found.update(points(connection, sparse))
    return {
        name: [
            dataclasses.replace(known, marks=join(found[row.number]))
            for row, known in zip(rows[name], members, strict=True)
        ]
        for name, members in histories.items()
    }


def _slots(row: Row, since: int) -> range:
    """Return the slots in which a register may have marks after a date."""
    opened = own_opened(row)
    start = max(since, opened + row.base_elapsed) - MAX_DRIFT_MS
    until = opened + row.elapsed + MAX_DRIFT_MS
    return range(start // marks.SLOT_MS, until // marks.SLOT_MS + 1)


def _reaches(row: Row, points: list[measurement.Point], since: int) -> bool:
    """Return whether the first mark, or the origin, is not after a date."""
    opened = own_opened(row)
    if since <= opened + row.base_elapsed or opened + row.elapsed <= since:
        return True
    return any(opened + point.elapsed <= since for point in points)


def points(
    connection: sa.Connection,
    wanted: collections.abc.Mapping[int, collections.abc.Iterable[int]],
) -> dict[int, list[measurement.Point]]:
    """Return the marks of registers in slots.

    :param wanted: slots by number of the register.
    """
    found: dict[int, list[measurement.Point]] = {
        number: [] for number in wanted
    }
    received = documents.table(connection, _SLOT)
    mark = schema.mark.c
    query = sa.select(
        mark.register, mark.elapsed, mark.millijoules, mark.metered
    ).join_from(
        received,
        schema.mark,
        sa.and_(
            mark.slot == received.c.slot,
            mark.register == received.c.register,
        ),
    )
    keys = [
        (slot, number) for number, slots in wanted.items() for slot in slots
    ]
    for start in range(0, len(keys), _MAX_SLOTS):
        parameters = documents.pack(keys[start : start + _MAX_SLOTS])
        for number, *point in connection.execute(query, parameters):
            found[number].append(measurement.Point(*point))
    return found


def join(points: list[measurement.Point]) -> tuple[measurement.Point, ...]:
    """Return points by elapsed time; of two that differ the larger one."""
    return tuple({point.elapsed: point for point in sorted(points)}.values())


def unpack(
    connection: sa.Connection,
    probe: str,
    loaded: collections.abc.Iterable[history.RegisterHistory],
) -> list[history.RegisterHistory]:
    """Return registers of a probe with their packed marks, too."""
    day = schema.profile_day
    registers = {numbers.number(probe, each.key): each for each in loaded}
    packed: dict[int, list[measurement.Point]] = {}
    for number, points in connection.execute(
        sa.select(day.c.register, day.c.packed)
        .where(day.c.register.in_(list(registers)))
        .order_by(day.c.register, day.c.day)
    ):
        packed.setdefault(number, []).extend(packing.unpack(points))
    for number, older in packed.items():
        known = registers[number]
        newer = (
            mark for mark in known.marks if mark.elapsed > older[-1].elapsed
        )
        registers[number] = dataclasses.replace(
            known, marks=(*older, *newer), base=measurement.ORIGIN
        )
    return list(registers.values())
