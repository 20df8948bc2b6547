# SPDX-License-Identifier: Apache-2.0

"""Checks of the collector's tables against what is to be billed.

The checks run on every database: on SQLite with the unit tests, on PostgreSQL
and MariaDB with the functional tests.
"""

import collections.abc
import random

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.collector import settling
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import numbers
from energy_meter.db import schema
from energy_meter.tests.unit.collector import agents

PROBES = ('p', 'p ', 'P', 'é', 'a/b')


def empty(engine: sa.Engine) -> None:
    """Delete all rows of all tables."""
    with engine.begin() as connection:
        for table in schema.metadata.sorted_tables:
            connection.execute(table.delete())


def delete(engine: sa.Engine, probe: str) -> None:
    """Delete the row of a probe, and those of its registers."""
    with engine.begin() as connection:
        for table, column in (
            (schema.probe, schema.probe.c.id),
            (schema.register, schema.register.c.probe),
        ):
            connection.execute(table.delete().where(column == probe))


def deliver(
    engine: sa.Engine,
    measurements: collections.abc.Iterable[measurement.Measurement],
    db_now: int,
) -> store.BatchResult:
    """Write a batch in a transaction of its own."""
    with db_engine.writing(engine) as connection:
        return store.write(connection, list(measurements), db_now)


def settle(engine: sa.Engine, db_now: int) -> set[str]:
    """Settle all probes that are contested."""
    with db_engine.writing(engine) as connection:
        return settling.settle(
            connection, settling.contested(connection), db_now
        )


def void(
    engine: sa.Engine,
    probe: str,
    register: measurement.RegisterKey,
    db_now: int,
) -> int:
    """Void a register; return the energy that its probe shows no more."""
    with db_engine.writing(engine) as connection:
        removed = settling.void(
            connection,
            [numbers.number(probe, register)],
            db_now,
            settling.Cause('void', 'operator'),
        )
    return removed[probe]


def shown(engine: sa.Engine) -> dict[str, int]:
    """Return the energy in mJ that each probe shows."""
    probe, tip = schema.probe.c, schema.register.c
    live = probe.base_millijoules + sa.func.coalesce(tip.millijoules, 0)
    query = sa.select(probe.id, probe.shown, live).join_from(
        schema.probe, schema.register, tip.number == probe.tip, isouter=True
    )
    with engine.connect() as connection:
        return {row[0]: max(row[1:]) for row in connection.execute(query)}


def assert_settled(engine: sa.Engine, label: str) -> None:
    """Check that the tables contain the bill of what is known."""
    with engine.connect() as connection:
        probes = connection.execute(sa.select(schema.probe)).all()
        known = histories.load(connection, [row.id for row in probes])
        registers = histories.registers(connection, known)
        overlaps = connection.execute(sa.select(schema.overlap)).all()
    for probe in probes:
        expected = bill.bill(known[probe.id])
        rows = {row.number: row for row in registers[probe.id]}
        keys = {
            number: measurement.RegisterKey(row.agent, row.register)
            for number, row in rows.items()
        }
        actual = {
            (row.cell, keys[row.register]): tuple(row[3:])
            for row in overlaps
            if row.probe == probe.id
        }
        place = f'probe {probe.id!r}, {label}'
        assert not probe.contested, place
        assert actual == expected.overlaps, (
            f'{place}: {actual} is not {expected.overlaps}'
        )
        tip = rows.get(probe.tip)
        total = tuple(
            getattr(probe, f'base_{name}') + (getattr(tip, name) if tip else 0)
            for name in ('millijoules', 'metered', 'elapsed')
        )
        assert total == expected.total, f'{place}: {total}, {expected.total}'
        assert keys.get(probe.tip) == expected.tip, place
        assert bool(probe.plural) == expected.plural, place


def assert_tables_agree_with_rules(engine: sa.Engine, seed: int) -> None:
    """Check that the tables contain the bill after each settling.

    What is shown never falls, however often and in whatever order batches
    arrive.
    """
    empty(engine)
    generator = random.Random(seed)
    before: dict[str, int] = {}
    for db_now, measurements in agents.batches(generator, PROBES):
        deliver(engine, measurements, db_now)
        if generator.random() < 0.4:
            settle(engine, db_now)
            assert_settled(engine, f'seed {seed}')
        after = shown(engine)
        for probe, millijoules in before.items():
            assert after[probe] >= millijoules, f'{probe!r}, seed {seed}'
        before = after
    settle(engine, db_now)
    assert_settled(engine, f'seed {seed}')
