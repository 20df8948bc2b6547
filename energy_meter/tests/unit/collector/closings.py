# SPDX-License-Identifier: Apache-2.0

"""Closings of days, and checks of closed days against the curves."""

import typing
from unittest import mock

import sqlalchemy as sa

from energy_meter.collector import closing
from energy_meter.collector import days
from energy_meter.collector import restating
from energy_meter.collector import settlement
from energy_meter.collector import settling
from energy_meter.db import changed_days
from energy_meter.db import changes
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import schema
from energy_meter.tests.unit.db import curves

DAY_MS = closed_days.DAY_MS


def close(
    engine: sa.Engine, db_now: int, order: days.Order | None = None
) -> dict[str, days.Waiting]:
    """Close all days that can be closed; return why no more are."""
    while True:
        with db_engine.writing(engine) as connection:
            names = closing.due(connection, db_now)
            if order is not None:
                query = sa.select(schema.probe.c.id)
                names = list(connection.scalars(query))
            plans = closing.close(connection, names, db_now, db_now, order)
        if not any(plan.complete for plan in plans.values()):
            return {
                name: plan.waiting
                for name, plan in plans.items()
                if plan.waiting
            }


def restate(engine: sa.Engine, db_now: int) -> int:
    """Write all new versions that are due; return how many."""
    written = 0
    while True:
        with db_engine.writing(engine) as connection:
            names = restating.changed(connection, db_now)
            marked, differ = restating.restate(
                connection, names, db_now, db_now
            )
        written += differ
        if not marked:
            return written


def versions(engine: sa.Engine, probe: str = 'p') -> list[closed_days.Total]:
    """Return all versions of the days of a probe."""
    with engine.connect() as connection:
        return closed_days.versions(connection, probe, 0, 2**40)


def assert_agree(engine: sa.Engine, db_now: int, label: str = '') -> int:
    """Check that closed days are what the curves give, unless marked.

    If a probe is contested, this holds for the days before the change. In any
    case all quarter-hours add up to what the probe is billed for.

    :returns: the number of days that were compared.
    """
    compared = 0
    with (
        mock.patch.object(db_engine, 'now', return_value=db_now),
        db_engine.snapshot(engine) as connection,
    ):
        for probe in connection.execute(sa.select(schema.probe)).all():
            if probe.closed_until is not None:
                place = f'{probe.id!r}, {label}'
                compared += _assert_agrees(connection, probe, db_now, place)
    return compared


def _assert_agrees(
    connection: sa.Connection,
    probe: sa.Row[typing.Any],
    db_now: int,
    place: str,
) -> int:
    name = probe.id
    until = probe.closed_until // DAY_MS
    first = _first(connection, name, until)
    latest = closed_days.latest(connection, [name], first, until)
    assert len(latest) == until - first, f'{place}: a day is missing'
    holds = latest.keys() - {
        (name, day)
        for day in changed_days.find(connection, [name]).get(name, ())
    }
    if probe.contested:
        changed = changes.first_day(_changed_since(connection, name, db_now))
        holds = {key for key in holds if key[1] < changed}
    line = curves.load(connection, name)
    total = line.until(first * DAY_MS).millijoules
    for key, version in latest.items():
        expected = days.compute(line, *key)
        if key in holds:
            assert version.edges == expected.edges, f'{place}, {key}'
            expected = version
        total += expected.edges[-1].millijoules
    end = line.until(2**62).millijoules
    rest = end - line.until(probe.closed_until).millijoules
    assert total + rest == end, f'{place}: {total} and {rest} are not {end}'
    return len(holds)


def _changed_since(connection: sa.Connection, probe: str, db_now: int) -> int:
    rows = histories.registers(connection, [probe])[probe]
    registers = settlement.Registers(rows, db_now)
    settling.add_marks(
        connection, {probe: registers}, {probe: changes.BEGINNING}
    )
    return registers.changed_since()


def _first(connection: sa.Connection, probe: str, default: int) -> int:
    table = schema.closed_day.c
    query = sa.select(sa.func.min(table.day)).where(table.probe == probe)
    first = connection.scalar(query)
    return default if first is None else first
