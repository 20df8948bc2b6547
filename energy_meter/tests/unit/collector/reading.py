# SPDX-License-Identifier: Apache-2.0

"""Checks of what is read by date against the bill of all that arrived.

The checks run on every database: on SQLite with the unit tests, on PostgreSQL
and MariaDB with the functional tests.
"""

import collections.abc
import random
from unittest import mock

import sqlalchemy as sa

from energy_meter.billing import bill
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.db import curves
from energy_meter.db import engine as db_engine
from energy_meter.db import timelines
from energy_meter.tests.model import collectors
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import deliveries

MINUTE_MS = 60_000
QUARTER_MS = 900_000
HOUR_MS = 3_600_000


def expected(arrived: deliveries.Arrived, probe: str) -> timeline.Timeline:
    """Return the energy by date of all that arrived of a probe."""
    known = arrived.known(probe)
    billed = bill.bill(known)
    return timeline.Timeline(known, billed.openings, billed.overlaps)


def dates(generator: random.Random, begin: int, end: int) -> list[list[int]]:
    """Return runs of dates, of which many are quarters of an hour."""
    drawn = {
        generator.randrange(begin - HOUR_MS, end + HOUR_MS)
        // (unit := generator.choice([1, MINUTE_MS, QUARTER_MS]))
        * unit
        for _ in range(generator.randint(2, 40))
    }
    ordered = sorted(drawn)
    cut = generator.randrange(len(ordered))
    return [run for run in (ordered[: cut + 1], ordered[cut:]) if run]


def assert_timelines_agree(
    engine: sa.Engine,
    arrived: deliveries.Arrived,
    probes: collections.abc.Iterable[str],
    generator: random.Random,
    db_now: int,
) -> None:
    """Check that few marks show the same energy as all that arrived."""
    wanted = {
        probe: dates(generator, db_now - 9 * HOUR_MS, db_now)
        for probe in probes
    }
    with (
        mock.patch.object(db_engine, 'now', return_value=db_now),
        curves.snapshot(engine) as connection,
    ):
        found = timelines.load(connection, wanted)
    for probe, runs in wanted.items():
        line = expected(arrived, probe)
        for run in runs:
            assert profile.intervals(found[probe], run) == profile.intervals(
                line, run
            ), f'{probe}: {run}'


def assert_deliveries_are_read(
    engine: sa.Engine, generator: random.Random
) -> None:
    """Read after each batch, settled or not."""
    databases.empty(engine)
    arrived = deliveries.Arrived()
    written = deliveries.arrivals(generator)
    for batch in collectors.batches(written, generator):
        databases.deliver(engine, batch.measurements, batch.time)
        arrived.add(batch)
        if generator.random() < 0.3:
            databases.settle(engine, batch.time)
        if generator.random() < 0.3:
            assert_timelines_agree(
                engine, arrived, arrived.probes(), generator, batch.time
            )
