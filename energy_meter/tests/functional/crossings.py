# SPDX-License-Identifier: Apache-2.0

"""Collectors that are killed while all probes cross midnight.

They write the marks, settle probes of two agents, close the day, and write the
day before again, of which some marks arrive late.
"""

import collections.abc
import logging
import os
import random
import signal
import threading
from unittest import mock

import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.collector import closer
from energy_meter.collector import days
from energy_meter.collector import metrics
from energy_meter.collector import outage
from energy_meter.collector import restating
from energy_meter.collector import settler
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import closings
from energy_meter.tests.unit.collector import databases
from energy_meter.tests.unit.collector import deliveries

LOG = logging.getLogger(__name__)

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
#: Noon of the first day, at which all registers are opened.
OPENED = agents.EPOCH // DAY_MS * DAY_MS + DAY_MS // 2
#: The midnight that is crossed, a day after the first one.
MIDNIGHT = OPENED + 36 * HOUR_MS
_MILLIWATTS = 100_000
#: Energy in mJ that each probe is billed for.
ENERGY = 36 * HOUR_MS * _MILLIWATTS // 1000
#: Number of measurements in one batch.
_BATCH = 1000
_FINISH_TIMEOUT_S = 300.0
#: Columns that depend on when a collector did something.
_DATES_OF_WORK = ('closed_at', 'settled_at')
#: Exit status of a collector that did all of its work.
_DONE = 0

_Measurements = list[measurement.Measurement]


class Crossing:
    """Probes of which every tenth has two agents, and three lack a mark.

    :param url: URL of an empty database.
    """

    def __init__(self, url: str, probes: int) -> None:
        self._url = url
        self.engine = connect(url)
        generator = random.Random(1)
        self._before: _Measurements = []
        self._crossing: _Measurements = []
        for number in range(probes):
            kind = number % 10
            for name in ('A', 'B') if kind == 0 else ('A',):
                agent = agents.Agent(f'probe-{number:05}', name, _MILLIWATTS)
                agent.start(generator, OPENED)
                self._meter(agent, is_late=kind in (1, 2, 3))

    def _meter(self, agent: agents.Agent, is_late: bool) -> None:
        late = agent.point(OPENED + 6 * HOUR_MS, is_mark=True)
        (self._crossing if is_late else self._before).append(late)
        midnight = OPENED + 12 * HOUR_MS
        self._before += [
            agent.point(OPENED + MINUTE_MS, is_mark=False),
            agent.point(midnight, is_mark=True),
            agent.point(midnight + MINUTE_MS, is_mark=False),
        ]
        self._crossing += [
            agent.point(MIDNIGHT - 12 * HOUR_MS, is_mark=True),
            agent.point(MIDNIGHT, is_mark=True),
            agent.point(MIDNIGHT + MINUTE_MS, is_mark=False),
        ]

    def prepare(self) -> None:
        """Empty the database, and close the first day of all probes."""
        databases.empty(self.engine)
        _collect(self.engine, self._before, MIDNIGHT - DAY_MS)

    def collect(self) -> int:
        """Do the work of one collector.

        :returns: the number of statements and commits.
        """
        points = _Points(self.engine)
        _collect(self.engine, self._crossing, MIDNIGHT)
        return points.count

    def kill(self, *points: int | None) -> list[bool]:
        """Start collectors at the same time, and kill them.

        :param points: the number of statements and commits before a collector
            is killed; None for one that is not.
        :returns: for each of them whether it did all of its work before.
        """
        self.engine.dispose()
        children = [self._fork(point) for point in points]
        return [os.waitpid(child, 0)[1] == _DONE for child in children]

    def _fork(self, point: int | None) -> int:
        child = os.fork()
        if child:
            return child
        try:
            engine = connect(self._url)
            _Points(engine, point)
            _collect(engine, self._crossing, MIDNIGHT)
            os._exit(_DONE)
        except BaseException as error:
            # Such as a deadlock, after which a collector would try again.
            LOG.info('A collector ended: %s', error)
            os._exit(1)

    def finish(self) -> None:
        """Do all that was not done, as another collector.

        It waits for the database to notice that collectors were killed.
        """
        base.wait_for(self._is_finished, _FINISH_TIMEOUT_S, 'all days')

    def _is_finished(self) -> bool:
        deliveries.retrying(_collect, self.engine, self._crossing, MIDNIGHT)
        probe = schema.probe.c
        unfinished = (
            sa.select(probe.id).where(
                probe.contested | (probe.closed_until < MIDNIGHT)
            ),
            sa.select(schema.changed_day.c.probe),
        )
        with self.engine.connect() as connection:
            return not any(
                connection.execute(query.limit(1)).all()
                for query in unfinished
            )

    def contents(self) -> dict[str, list[str]]:
        """Return the rows of all tables, without the dates of work."""
        found = {}
        with self.engine.connect() as connection:
            for table in schema.metadata.sorted_tables:
                columns = [
                    column
                    for column in table.columns
                    if column.name not in _DATES_OF_WORK
                ]
                rows = connection.execute(sa.select(*columns))
                found[table.name] = sorted(map(str, rows))
        return found

    def energies(self) -> dict[str, int]:
        """Return the energy in mJ of the closed days of each probe."""
        table = schema.closed_day
        newer = table.alias()
        query = (
            sa.select(table.c.probe, sa.func.sum(table.c.millijoules))
            .join(
                newer,
                sa.and_(
                    newer.c.probe == table.c.probe,
                    newer.c.day == table.c.day,
                    newer.c.version > table.c.version,
                ),
                isouter=True,
            )
            .where(newer.c.version.is_(None))
            .group_by(table.c.probe)
        )
        with self.engine.connect() as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query)}

    def assert_agree(self) -> int:
        """Check closed days against the curves.

        :returns: the number of days that were compared.
        :raises AssertionError: if one differs.
        """
        return closings.assert_agree(self.engine, MIDNIGHT + DAY_MS)


class _Points:
    """Counts statements and commits, and kills the process before one.

    :param limit: number of those that are executed; None for all.
    """

    def __init__(self, engine: sa.Engine, limit: int | None = None) -> None:
        self.count = 0
        self._limit = limit
        for event in ('before_cursor_execute', 'commit'):
            sa.event.listen(engine, event, self._pass)

    def _pass(self, *_: object) -> None:
        if self.count == self._limit:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1


def connect(url: str) -> sa.Engine:
    """Return an engine like that of a collector."""
    return db_engine.connect(simulation.configure(url))


def _collect(
    engine: sa.Engine, measurements: _Measurements, midnight: int
) -> None:
    """Do what a collector does in the hours after a midnight."""
    for batch in _batches(measurements):
        databases.deliver(engine, batch, midnight + MINUTE_MS)
    throttled_log = log_throttle.ThrottledLogger(LOG)
    counts = counters.Counters(metrics.COUNTERS)
    settling = settler.Settler(
        engine, 0, counts, throttled_log, outage.DatabaseOutage(counts)
    )
    closing = closer.Closer(engine, threading.Event(), counts, throttled_log)
    closed = midnight + days.MIN_AGE_MS
    for db_now in (closed, closed + restating.MIN_CHANGED_MS):
        with mock.patch.object(db_engine, 'now', return_value=db_now):
            settling.settle()
            closing.run()


def _batches(
    measurements: _Measurements,
) -> collections.abc.Iterator[_Measurements]:
    for start in range(0, len(measurements), _BATCH):
        yield measurements[start : start + _BATCH]
