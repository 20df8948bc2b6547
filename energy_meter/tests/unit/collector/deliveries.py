# SPDX-License-Identifier: Apache-2.0

"""Checks that the tables contain the bill of all that arrived.

The collector's store and its settling get histories of the model, on any
database. After each settling, the tables must contain what the pure function
of all that arrived returns.
"""

import collections
import concurrent.futures
import dataclasses
import heapq
import random
import threading
import typing
from unittest import mock

from oslo_db import exception as db_exception
import sqlalchemy as sa
import tenacity

from energy_meter import measurement
from energy_meter.billing import bill as billing
from energy_meter.billing import history
from energy_meter.collector import housekeeping
from energy_meter.collector import outcome
from energy_meter.db import engine as db_engine
from energy_meter.db import marks
from energy_meter.db import schema
from energy_meter.tests.model import bus
from energy_meter.tests.model import collectors
from energy_meter.tests.model import histories
from energy_meter.tests.model import joined
from energy_meter.tests.model import world
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import freshness

PROBES = ('p', 'q', 'r')
_AMOUNTS = ('millijoules', 'metered', 'elapsed')
_SETTLED = 0.2
_VOIDED = 0.02
_WRITERS = _SETTLERS = 2
_REPEATED_AFTER = world.DAY


class Arrived:
    """All that arrived at the collectors.

    What arrives of a void register changes nothing.
    """

    def __init__(self) -> None:
        self._arrivals: dict[str, list[bus.Arrival]] = collections.defaultdict(
            list
        )
        self._voided: set[measurement.RegisterKey] = set()

    def add(self, batch: collectors.Batch) -> None:
        for arrival in batch.arrivals:
            measured = arrival.measurement
            if measured.register not in self._voided:
                self._arrivals[measured.probe.id].append(arrival)

    def void(self, register: measurement.RegisterKey) -> None:
        self._voided.add(register)

    def known(self, probe: str) -> list[history.RegisterHistory]:
        return [
            dataclasses.replace(known, voided=known.key in self._voided)
            for known in joined.join(self._arrivals[probe])
        ]

    def probes(self) -> list[str]:
        return [*self._arrivals]

    def bills(self) -> dict[str, billing.Bill]:
        """Return the bill of each probe."""
        return {
            probe: billing.bill(self.known(probe)) for probe in self.probes()
        }


class Tables(dict[str, sa.Row[typing.Any]]):
    """The rows of all probes, and those of their registers and overlap."""

    def __init__(self, engine: sa.Engine) -> None:
        probe, register, overlap = (
            schema.probe,
            schema.register,
            schema.overlap,
        )
        with engine.connect() as connection:
            rows = connection.execute(sa.select(probe)).all()
            registers = connection.execute(sa.select(register)).all()
            overlaps = connection.execute(sa.select(overlap)).all()
        super().__init__((row.id, row) for row in rows)
        self.registers = {row.number: row for row in registers}
        self.overlaps = overlaps

    def key(self, number: int | None) -> measurement.RegisterKey | None:
        """Return the key of a register."""
        if number is None:
            return None
        row = self.registers[number]
        return measurement.RegisterKey(row.agent, row.register)

    def total(self, probe: str) -> tuple[int, ...]:
        """Return what is billed: energy, metered and elapsed time."""
        row = self[probe]
        tip = self.registers.get(row.tip)
        return tuple(
            getattr(row, f'base_{name}') + (getattr(tip, name) if tip else 0)
            for name in _AMOUNTS
        )

    def shown(self, probe: str) -> int:
        """Return the energy that is shown, in mJ."""
        return max(int(self[probe].shown), self.total(probe)[0])

    def overlap(
        self, probe: str
    ) -> dict[tuple[int, measurement.RegisterKey | None], tuple[int, ...]]:
        return {
            (row.cell, self.key(row.register)): tuple(
                getattr(row, name) for name in _AMOUNTS
            )
            for row in self.overlaps
            if row.probe == probe
        }


def assert_contain(tables: Tables, bills: dict[str, billing.Bill]) -> None:
    """Check that all is settled, and agrees with the bills."""
    for probe, bill in bills.items():
        row = tables[probe]
        assert not row.contested, probe
        assert tables.overlap(probe) == bill.overlaps, (
            f'{probe}: {tables.overlap(probe)} is not {bill.overlaps}'
        )
        assert tables.total(probe) == bill.total, (
            f'{probe}: {tables.total(probe)} is not {bill.total}'
        )
        assert tables.key(row.tip) == bill.tip, probe
        assert row.plural == bill.plural, probe
        if row.tip is None:
            assert tables.key(row.displayed) == bill.displayed, probe
        if row.plural:
            assert set(row.alarms.split()) == bill.alarms, probe


def arrivals(generator: random.Random) -> list[bus.Arrival]:
    """Return what arrives of some probes, in order."""
    of_probes = [
        histories.generate(
            generator.choice([*histories.FAMILIES]), generator, probe=probe
        ).arrivals
        for probe in PROBES
    ]
    return list(heapq.merge(*of_probes, key=lambda arrival: arrival.time))


class Delivery:
    """Delivers histories of some probes to two collectors.

    :param void: whether registers are voided meanwhile.
    """

    def __init__(
        self, engine: sa.Engine, generator: random.Random, void: bool
    ) -> None:
        databases.empty(engine)
        self.engine = engine
        self.random = generator
        self.void_share = _VOIDED if void else 0.0
        self.arrived = Arrived()
        self.shown: dict[str, int] = {}

    def run(self) -> None:
        """Deliver all, with checks after each settling, and then again."""
        written = list(collectors.batches(arrivals(self.random), self.random))
        for batch in written:
            self.write(batch)
            if self.random.random() < _SETTLED:
                self.settle(batch.time)
            if self.random.random() < self.void_share:
                self.void(batch.time)
        self.settle(written[-1].time)
        self.repeat(written, _REPEATED_AFTER)
        midnight = (world.BEGIN // world.DAY + 1) * world.DAY
        self.purge(midnight + marks.HORIZON_MS)
        self.repeat(written, marks.HORIZON_MS + world.HOUR)

    def write(self, batch: collectors.Batch) -> None:
        databases.deliver(self.engine, batch.measurements, batch.time)
        self.arrived.add(batch)
        tables = Tables(self.engine)
        for probe, shown in self.shown.items():
            assert tables.shown(probe) >= shown, probe
        self.shown = {probe: tables.shown(probe) for probe in tables}

    def settle(self, db_now: int) -> None:
        databases.settle(self.engine, db_now)
        tables, bills = Tables(self.engine), self.arrived.bills()
        assert_contain(tables, bills)
        freshness.assert_power_is_fresh(self.engine, bills)
        for probe, bill in bills.items():
            expected = max(self.shown[probe], bill.total.millijoules)
            assert tables.shown(probe) == expected, probe
            self.shown[probe] = expected

    def void(self, db_now: int) -> None:
        """Void a register. What its probe shows becomes what is billed."""
        probe = self.random.choice([*self.shown])
        known = self.arrived.known(probe)
        key = self.random.choice(known).key

        removed = databases.void(self.engine, probe, key, db_now)

        self.arrived.void(key)
        tables = Tables(self.engine)
        billed = self.arrived.bills()[probe].total.millijoules
        assert tables.shown(probe) == billed, probe
        assert removed == self.shown[probe] - billed, probe
        self.shown[probe] = billed

    def repeat(self, written: list[collectors.Batch], after: int) -> None:
        """Deliver all again, in another order. Nothing may change."""
        before = Tables(self.engine)
        self.random.shuffle(written)
        for batch in written:
            result = databases.deliver(
                self.engine, batch.measurements, batch.time + after
            )
            assert (+result.outcomes).keys() <= {
                outcome.Outcome.DUPLICATE,
                outcome.Outcome.VOID,
            }, result
        tables = Tables(self.engine)
        assert tables == before
        assert tables.registers == before.registers

    def purge(self, db_now: int) -> None:
        """Pack the marks before the horizon. Nothing that is billed changes.

        Half of them are before midnight.
        """
        before = Tables(self.engine)
        with mock.patch.object(db_engine, 'now', return_value=db_now):
            housekeeping.purge(self.engine, threading.Event())
        tables = Tables(self.engine)
        for probe in before:
            assert tables.total(probe) == before.total(probe), probe
            assert tables.shown(probe) == before.shown(probe), probe
            assert tables.overlap(probe) == before.overlap(probe), probe


#: Repeats a transaction after a deadlock, as the collector does.
retrying = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(db_exception.DBDeadlock)
)


def assert_concurrent_collectors_agree(
    engine: sa.Engine, generator: random.Random
) -> None:
    """Check the tables after collectors wrote and settled at the same time.

    Each batch is written by every collector, each in an order of its own.
    """
    databases.empty(engine)
    batches = list(collectors.batches(arrivals(generator), generator))
    arrived = Arrived()
    for batch in batches:
        arrived.add(batch)
    end = max(batch.time for batch in batches)
    written = threading.Event()

    def write(order: list[collectors.Batch]) -> None:
        for batch in order:
            retrying(databases.deliver, engine, batch.measurements, batch.time)

    def settle() -> None:
        while not written.is_set():
            retrying(databases.settle, engine, end)

    with concurrent.futures.ThreadPoolExecutor(_WRITERS + _SETTLERS) as pool:
        settlers = [pool.submit(settle) for _ in range(_SETTLERS)]
        try:
            orders = [
                generator.sample(batches, len(batches))
                for _ in range(_WRITERS)
            ]
            list(pool.map(write, orders))
        finally:
            written.set()
        for settler in settlers:
            settler.result()
    databases.settle(engine, end)
    assert_contain(Tables(engine), arrived.bills())
