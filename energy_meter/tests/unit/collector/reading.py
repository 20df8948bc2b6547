# SPDX-License-Identifier: Apache-2.0

"""Checks of what is read by date against the bill of all that arrived.

The checks run on every database: on SQLite with the unit tests, on PostgreSQL
and MariaDB with the functional tests.
"""

import itertools
import random
import threading
from unittest import mock

import sqlalchemy as sa

from energy_meter.billing import bill
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.collector import housekeeping
from energy_meter.db import changed_days
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import marks
from energy_meter.db import profiles
from energy_meter.db import schema
from energy_meter.db import timelines
from energy_meter.tests.model import collectors
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import deliveries

MINUTE_MS = 60_000
QUARTER_MS = 900_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def expected(arrived: deliveries.Arrived, probe: str) -> timeline.Timeline:
    """Return the energy by date of all that arrived of a probe."""
    known = arrived.known(probe)
    billed = bill.bill(known)
    return timeline.Timeline(known, billed.openings, billed.overlaps)


def dates(generator: random.Random, begin: int, end: int) -> list[int]:
    """Return at least two dates, of which many are quarters of an hour."""
    drawn = {begin, end}
    for _ in range(generator.randint(0, 40)):
        unit = generator.choice([1, MINUTE_MS, QUARTER_MS, DAY_MS])
        date = generator.randrange(begin - HOUR_MS, end + HOUR_MS)
        drawn.add(date // unit * unit)
    return sorted(drawn)


def close(
    engine: sa.Engine, arrived: deliveries.Arrived, probe: str, until: int
) -> None:
    """Close the days of a probe before a date, as they are now."""
    line = expected(arrived, probe)
    first = min(
        each.opened for each in arrived.bills()[probe].openings.values()
    )
    days = range(first // DAY_MS, until // DAY_MS)
    with engine.begin() as connection:
        known = closed_days.latest(connection, [probe], days.start, days.stop)
        closed_days.insert(
            connection,
            [
                closed_day(line, probe, day)
                for day in days
                if (probe, day) not in known
            ],
        )
        if days:
            connection.execute(
                schema.probe.update()
                .where(schema.probe.c.id == probe)
                .values(closed_until=days.stop * DAY_MS)
            )
            watch_tip(connection, probe)


def watch_tip(connection: sa.Connection, probe: str) -> None:
    """Assign the role of a tip with which closed days may change.

    Its changes are then settled, even if the probe is already contested.
    """
    register = schema.register.c
    connection.execute(
        schema.register.update()
        .where(register.probe == probe, register.role == schema.Role.SOLE)
        .values(role=schema.Role.SETTLED)
    )


def closed_day(
    line: timeline.Timeline, probe: str, day: int
) -> closed_days.ClosedDay:
    """Return version 1 of a day."""
    midnight = day * DAY_MS
    dates = range(midnight, midnight + DAY_MS + 1, QUARTER_MS)
    start = line.until(midnight)
    edges = [
        edge._replace(
            millijoules=edge.millijoules - start.millijoules,
            metered=edge.metered - start.metered,
        )
        for edge in map(line.edge, dates)
    ]
    clocks = [line.clock(*each) for each in itertools.pairwise(dates)]
    return closed_days.ClosedDay(
        probe,
        day,
        1,
        midnight,
        True,
        'closed',
        '',
        tuple(edges),
        tuple(clocks),
    )


def mark_changed(engine: sa.Engine, arrived: deliveries.Arrived) -> None:
    """Mark the closed days that are not what they were, as a settling does.

    Those of contested probes wait for it.
    """
    probe, closed = schema.probe.c, schema.closed_day.c
    query = sa.select(closed.probe, closed.day).join_from(
        schema.closed_day, schema.probe, probe.id == closed.probe
    )
    with engine.begin() as connection:
        for name, day in connection.execute(query.where(~probe.contested)):
            stored = closed_days.latest(connection, [name], day, day + 1)
            line = expected(arrived, name)
            if stored[name, day] != closed_day(line, name, day):
                changed_days.mark(
                    connection, [(name, day, day + 1)], 0, 'late', ''
                )


def assert_agree(
    engine: sa.Engine,
    arrived: deliveries.Arrived,
    generator: random.Random,
    end: int,
    db_now: int,
) -> None:
    """Check that few marks and closed days show the energy of all."""
    wanted = {
        probe: dates(generator, end - 9 * HOUR_MS, end)
        for probe in arrived.probes()
    }
    with (
        mock.patch.object(db_engine, 'now', return_value=db_now),
        db_engine.snapshot(engine) as connection,
    ):
        lines = timelines.load(
            connection, {probe: [each] for probe, each in wanted.items()}
        )
        read = profiles.load(connection, wanted)
    for probe, ordered in wanted.items():
        line = expected(arrived, probe)
        intervals = profile.intervals(line, ordered)
        assert intervals == profile.intervals(lines[probe], ordered), probe
        assert intervals == [
            read[probe].profile.between(*each).interval
            for each in itertools.pairwise(ordered)
        ], probe
        assert [
            read[probe].profile.between(ordered[0], ordered[-1]).interval
        ] == profile.intervals(line, [ordered[0], ordered[-1]]), probe


def assert_deliveries_are_read(
    engine: sa.Engine, generator: random.Random
) -> None:
    """Read after some batches, settled or not, and when marks are packed."""
    databases.empty(engine)
    arrived = deliveries.Arrived()
    written = deliveries.arrivals(generator)
    end = 0
    for batch in collectors.batches(written, generator):
        end = max(end, batch.time)
        databases.deliver(engine, batch.measurements, batch.time)
        arrived.add(batch)
        if generator.random() < 0.3:
            databases.settle(engine, batch.time)
        mark_changed(engine, arrived)
        if generator.random() < 0.3:
            for probe in arrived.probes():
                close(engine, arrived, probe, batch.time)
        if generator.random() < 0.3:
            assert_agree(engine, arrived, generator, batch.time, batch.time)
    databases.settle(engine, end)
    mark_changed(engine, arrived)
    db_now = end + marks.HORIZON_MS + generator.randrange(DAY_MS)
    with mock.patch.object(db_engine, 'now', return_value=db_now):
        housekeeping.purge(engine, threading.Event())
    for _ in range(5):
        assert_agree(engine, arrived, generator, end, db_now)
