# SPDX-License-Identifier: Apache-2.0

"""Checks of closed days while histories of the model arrive, in any database.

Days are closed long before all that belongs to them has arrived, so that much
of it changes closed days.
"""

import concurrent.futures
import random
import threading
import typing
from unittest import mock

import sqlalchemy as sa

from energy_meter.collector import days
from energy_meter.collector import housekeeping
from energy_meter.collector import restating
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import marks
from energy_meter.db import schema
from energy_meter.tests.model import collectors
from energy_meter.tests.model import world
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import deliveries

_SETTLED, _CLOSED, _RESTATED, _VOIDED = 0.2, 0.2, 0.3, 0.02

_Versions = dict[tuple[str, int, int], tuple[typing.Any, ...]]


class ClosingDelivery:
    """Delivers histories of some probes, and closes their days meanwhile.

    :ivar versions: all versions of closed days so far.
    :ivar compared: number of closed days that were compared with the curves.
    """

    def __init__(self, engine: sa.Engine, generator: random.Random) -> None:
        databases.empty(engine)
        self.engine = engine
        self.random = generator
        self.versions: _Versions = {}
        self.compared = 0

    def run(self) -> None:
        """Deliver all, and all again, with checks after each step."""
        written = list(
            collectors.batches(deliveries.arrivals(self.random), self.random)
        )
        for batch in written:
            self.write(batch, batch.time)
            self.step(batch.time)
        end = written[-1].time + 4 * world.DAY
        self.finish(end)
        self.random.shuffle(written)
        for batch in written:
            self.write(batch, batch.time + 4 * world.DAY)
        self.finish(end + world.HOUR)
        midnight = (world.BEGIN // world.DAY + 1) * world.DAY
        now = midnight + marks.HORIZON_MS
        with mock.patch.object(db_engine, 'now', return_value=now):
            housekeeping.purge(self.engine, threading.Event())
        self.finish(now)
        self.void(now)
        self.finish(now + world.HOUR)

    def write(self, batch: collectors.Batch, db_now: int) -> None:
        databases.deliver(self.engine, batch.measurements, db_now)
        self.check(db_now, 'written')

    def step(self, db_now: int) -> None:
        """Do some of what collectors and operators do at times."""
        if self.random.random() < _SETTLED:
            databases.settle(self.engine, db_now)
            self.check(db_now, 'settled')
        if self.random.random() < _CLOSED:
            order = days.Order(db_now // world.DAY, 'ann')
            closings.close(self.engine, db_now, order)
            self.check(db_now, 'closed')
        if self.random.random() < _RESTATED:
            closings.restate(self.engine, db_now + restating.MIN_CHANGED_MS)
            self.check(db_now, 'restated')
        if self.random.random() < _VOIDED:
            self.void(db_now)

    def void(self, db_now: int) -> None:
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.register)).all()
        row = self.random.choice(sorted(rows))
        key = deliveries.Tables(self.engine).key(row.number)
        assert key is not None
        databases.void(self.engine, row.probe, key, db_now)
        self.check(db_now, 'void')

    def finish(self, db_now: int) -> None:
        """Settle and close all that can be, and write all versions."""
        databases.settle(self.engine, db_now)
        closings.close(self.engine, db_now)
        closings.restate(self.engine, db_now + restating.MIN_CHANGED_MS)
        self.check(db_now, 'finished')
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(schema.changed_day)
            assert connection.scalar(query) == 0

    def check(self, db_now: int, label: str) -> None:
        """Check closed days, and that no version ever changes."""
        self.compared += closings.assert_agree(self.engine, db_now, label)
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(schema.closed_day)).all()
        versions = {(row.probe, row.day, row.version): row for row in rows}
        for key, row in self.versions.items():
            assert versions[key] == row, f'{key} changed, {label}'
        for (probe, day, number), row in versions.items():
            if number > 1:
                before = versions[probe, day, number - 1]
                assert before.packed != row.packed, f'{probe}, {day}, {label}'
                assert before.closed_at < row.closed_at
        self.versions = {key: tuple(row) for key, row in versions.items()}


def assert_closings_lose_no_late_mark(
    engine: sa.Engine, generator: random.Random
) -> None:
    """Check closed days after collectors wrote and closed at the same time."""
    databases.empty(engine)
    batches = list(
        collectors.batches(deliveries.arrivals(generator), generator)
    )
    end = max(batch.time for batch in batches)
    order = days.Order(end // closed_days.DAY_MS, 'ann')
    written = threading.Event()

    def write(order: list[collectors.Batch]) -> None:
        for batch in order:
            deliveries.retrying(
                databases.deliver, engine, batch.measurements, batch.time
            )

    def close() -> None:
        while not written.is_set():
            deliveries.retrying(closings.close, engine, end, order)
            deliveries.retrying(
                closings.restate, engine, end + restating.MIN_CHANGED_MS
            )

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        closers = [pool.submit(close) for _ in range(2)]
        try:
            orders = [
                generator.sample(batches, len(batches)) for _ in range(2)
            ]
            list(pool.map(write, orders))
        finally:
            written.set()
        for closer in closers:
            closer.result()
    closings.assert_agree(engine, end, 'written')
    databases.settle(engine, end)
    closings.restate(engine, end + restating.MIN_CHANGED_MS)
    assert closings.assert_agree(engine, end, 'restated')
