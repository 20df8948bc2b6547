# SPDX-License-Identifier: Apache-2.0

"""Packing of marks that are older than 30 days.

The marks of each register and UTC day become one row. The last one remains in
the register's row as its base, where its curve begins from then on, and the
date of its opening is pinned. No energy changes.
"""

import collections.abc
import threading
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import dates
from energy_meter.billing import lines
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import marks
from energy_meter.db import packing
from energy_meter.db import schema

#: Interval between two runs.
INTERVAL_S = 3600
#: Time after which a failed run is retried.
RETRY_INTERVAL_S = 10

#: Number of registers in one transaction: with one day each, 20,000 marks.
_CHUNK = 200
_DAY_SLOTS = packing.DAY_MS // marks.SLOT_MS

_MARK, _REGISTER, _DAY = schema.mark, schema.register, schema.profile_day
_Numbers = collections.abc.Sequence[int]


class _Register(typing.NamedTuple):
    """A register that is locked, with its marks before the horizon.

    :ivar opened: date of its opening in ms.
    """

    number: int
    opened: int
    base: measurement.Point
    marks: list[measurement.Point]


def purge(engine: sa.Engine, stopping: threading.Event) -> int:
    """Pack all marks before the horizon, a day of some registers at a time.

    Each transaction leaves the database consistent. Probes and registers that
    another transaction uses are left for the next run.

    :param stopping: ends the run early when set.
    :returns: the number of marks that were packed.
    """
    with engine.connect() as connection:
        db_now = db_engine.now(connection)
    packed = 0
    for slots in _days(engine, packing.horizon(db_now) // marks.SLOT_MS):
        for chunk in _chunks(engine, slots):
            if stopping.is_set():
                return packed
            with db_engine.writing(engine) as connection:
                packed += _pack(connection, chunk, slots, db_now)
    return packed


def _days(
    engine: sa.Engine, horizon: int
) -> collections.abc.Iterator[list[int]]:
    """Return the slots with marks before the horizon, day by day."""
    slot: int | None = -(2**62)
    while True:
        query = sa.select(sa.func.min(_MARK.c.slot)).where(
            _MARK.c.slot >= slot, _MARK.c.slot < horizon
        )
        with engine.connect() as connection:
            slot = connection.scalar(query)
        if slot is None:
            return
        midnight = (slot // _DAY_SLOTS + 1) * _DAY_SLOTS
        yield list(range(slot, min(midnight, horizon)))
        slot = midnight


def _chunks(
    engine: sa.Engine, slots: _Numbers
) -> collections.abc.Iterator[_Numbers]:
    """Return the numbers of the registers with marks in these slots."""
    query = (
        sa.select(_MARK.c.register)
        .distinct()
        .where(_MARK.c.slot.between(slots[0], slots[-1]))
        .order_by(_MARK.c.register)
    )
    with engine.connect() as connection:
        found = connection.scalars(query).all()
    for start in range(0, len(found), _CHUNK):
        yield found[start : start + _CHUNK]


def _pack(
    connection: sa.Connection, chunk: _Numbers, slots: _Numbers, db_now: int
) -> int:
    registers = _lock(connection, chunk, slots, db_now)
    days = [
        (register, day, points)
        for register in registers
        for day, points in _by_day(register).items()
    ]
    _write(connection, days)
    for register in registers:
        _set_base(connection, register)
    connection.execute(
        _MARK.delete().where(
            _MARK.c.slot.in_(slots),
            _MARK.c.register.in_([register.number for register in registers]),
            _MARK.c.elapsed
            <= sa.select(_REGISTER.c.base_elapsed)
            .where(_REGISTER.c.number == _MARK.c.register)
            .scalar_subquery(),
        )
    )
    return sum(len(register.marks) for register in registers)


def _lock(
    connection: sa.Connection, chunk: _Numbers, slots: _Numbers, db_now: int
) -> list[_Register]:
    """Lock the registers that can be packed now, and load their old marks."""
    names = connection.scalars(
        sa.select(_REGISTER.c.probe)
        .distinct()
        .where(_REGISTER.c.number.in_(chunk))
        .order_by(_REGISTER.c.probe)
    ).all()
    # A probe that two agents meter is rarely settled otherwise.
    settling.settle(connection, names, db_now)
    names = _lock_probes(connection, names)
    locked = connection.scalars(
        sa.select(_REGISTER.c.number)
        .where(_REGISTER.c.number.in_(chunk), _REGISTER.c.probe.in_(names))
        .order_by(_REGISTER.c.number)
        .with_for_update(skip_locked=True)
    ).all()
    loaded = _load_marks(connection, locked, slots)
    until = packing.horizon(db_now)
    registers = []
    for rows in histories.registers(connection, names).values():
        # Dates need no marks.
        known = [histories.to_history(row) for row in rows]
        openings = dates.openings(known, lines.Lines(known))
        for row, each in zip(rows, known, strict=True):
            opened = openings[each.key].opened
            old = [
                mark
                for mark in loaded.get(row.number, ())
                if opened + mark.elapsed < until
            ]
            if old:
                registers.append(_Register(row.number, opened, each.base, old))
    return registers


def _lock_probes(
    connection: sa.Connection, names: collections.abc.Sequence[str]
) -> list[str]:
    """Lock the probes that are settled, so that none is settled meanwhile.

    :returns: them, and those that were deleted.
    """
    query = sa.select(schema.probe.c.id).where(schema.probe.c.id.in_(names))
    existing = set(connection.scalars(query))
    settled = connection.scalars(
        query.where(~schema.probe.c.contested)
        .order_by(schema.probe.c.id)
        .with_for_update(skip_locked=True)
    )
    return sorted(set(names) - existing | set(settled))


def _load_marks(
    connection: sa.Connection, registers: _Numbers, slots: _Numbers
) -> dict[int, list[measurement.Point]]:
    loaded: dict[int, list[measurement.Point]] = {}
    for register, *values in connection.execute(
        sa.select(
            _MARK.c.register,
            _MARK.c.elapsed,
            _MARK.c.millijoules,
            _MARK.c.metered,
        ).where(_MARK.c.slot.in_(slots), _MARK.c.register.in_(registers))
    ):
        loaded.setdefault(register, []).append(measurement.Point(*values))
    return {register: sorted(points) for register, points in loaded.items()}


def _by_day(register: _Register) -> dict[int, list[measurement.Point]]:
    days: dict[int, list[measurement.Point]] = {}
    for mark in register.marks:
        day = (register.opened + mark.elapsed) // packing.DAY_MS
        days.setdefault(day, []).append(mark)
    return days


def _write(
    connection: sa.Connection,
    days: list[tuple[_Register, int, list[measurement.Point]]],
) -> None:
    """Write packed days; marks of a day that is packed already are added."""
    stored = {
        (row.register, row.day): row.packed
        for row in connection.execute(
            sa.select(_DAY.c.register, _DAY.c.day, _DAY.c.packed).where(
                _DAY.c.register.in_([each.number for each, _, _ in days]),
                _DAY.c.day.in_({day for _, day, _ in days}),
            )
        )
    }
    rows = []
    for register, day, added in days:
        key = register.number, day
        points = {mark.elapsed: mark for mark in added}
        if key in stored:
            for mark in packing.unpack(stored[key]):
                points[mark.elapsed] = max(
                    mark, points.get(mark.elapsed, mark)
                )
            connection.execute(
                _DAY.delete().where(
                    _DAY.c.register == key[0], _DAY.c.day == day
                )
            )
        ordered = sorted(points.values())
        rows.append(
            {
                'register': register.number,
                'day': day,
                'version': packing.VERSION,
                'packed': packing.pack(ordered),
                'millijoules': ordered[-1].millijoules,
            }
        )
    if rows:
        connection.execute(_DAY.insert(), rows)


def _set_base(connection: sa.Connection, register: _Register) -> None:
    """Store the last mark, raised to the largest one, as the base."""
    points = (register.base, *register.marks)
    connection.execute(
        _REGISTER.update()
        .where(_REGISTER.c.number == register.number)
        .values(
            base_elapsed=max(point.elapsed for point in points),
            base_millijoules=max(point.millijoules for point in points),
            base_metered=max(point.metered for point in points),
            pinned_opened=register.opened,
        )
    )
