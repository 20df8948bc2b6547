# SPDX-License-Identifier: Apache-2.0

"""Closes all days that are due, and reports those that are not closed."""

import collections
import collections.abc
import logging
import threading

from prometheus_client import metrics_core
import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.collector import closing
from energy_meter.collector import days
from energy_meter.collector import restating
from energy_meter.db import engine as db_engine
from energy_meter.telemetry import counters

_CONTESTED = days.Waiting.CONTESTED
#: Number of closed days by whether they are complete.
_Closed = collections.Counter[bool]

LOG = logging.getLogger(__name__)

#: Number of probes that are closed in one transaction. Batches that advance
#: one of them wait for it.
_CHUNK = 50
#: Number of probes that are looked at without locks.
_SURVEYED = 1000
#: Difference between clocks above which days close late.
_MAX_CLOCK_SKEW_MS = 60_000


class Closer:
    """Closes days and writes new versions of those that changed.

    Each collector does. Probes that another one is writing are left for the
    next run. Each transaction leaves the database consistent.

    :param stopping: ends a run early when set.
    """

    def __init__(
        self,
        engine: sa.Engine,
        stopping: threading.Event,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._engine = engine
        self._stopping = stopping
        self._counters = counts
        self._throttled_log = throttled_log
        #: For each probe of which a day is due, that day, and why it waits.
        self._waiting: dict[str, tuple[int, days.Waiting]] = {}
        self._changed = 0
        self._date = 0
        counts.registry.register(self)

    def run(self) -> None:
        """Close all days that are due, and write all versions that are."""
        with self._engine.connect() as connection:
            db_now = db_engine.now(connection)
        date = days.date(db_now)
        if db_now - date > _MAX_CLOCK_SKEW_MS:
            self._throttled_log.warning(
                'closing',
                'Clock of the database is %.0f s ahead of this machine; days '
                'close late. Synchronize both with NTP',
                (db_now - date) / 1000,
            )
        self._close(date)
        self._restate(date)

    def collect(
        self,
    ) -> collections.abc.Iterator[metrics_core.GaugeMetricFamily]:
        """Yield the metrics of days that wait, for Prometheus."""
        waiting = metrics_core.GaugeMetricFamily(
            'energy_meter_closings_waiting',
            'Days of probes that are due but not closed, or that changed and '
            'have no new version yet, in the whole database',
            labels=['reason'],
        )
        latest = (self._date - days.MIN_AGE_MS) // days.DAY_MS
        numbers = collections.Counter({days.Waiting.CHANGED: self._changed})
        for day, reason in self._waiting.values():
            numbers[reason] += latest - day
        for reason in days.Waiting:
            waiting.add_metric([reason], numbers[reason])
        yield waiting
        oldest = min(
            (day for day, _ in self._waiting.values()), default=latest
        )
        lag = self._date - days.MIN_AGE_MS - (oldest + 1) * days.DAY_MS
        yield metrics_core.GaugeMetricFamily(
            'energy_meter_closing_lag_seconds',
            'Time since the oldest day that is not closed became due',
            value=max(lag, 0) / 1000,
        )

    def _close(self, date: int) -> None:
        plans: dict[str, days.Plan] = {}
        with self._engine.connect() as connection:
            db_now = db_engine.now(connection)
            due = closing.due(connection, date)
            for chunk in _chunks(due, _SURVEYED):
                plans |= closing.survey(connection, chunk, db_now, date)
        self._waiting = {
            name: (plan.first, plan.waiting)
            for name, plan in plans.items()
            if plan.waiting
        }
        self._date = date
        closed: _Closed = collections.Counter()
        ready = [name for name, plan in plans.items() if plan.complete]
        for chunk in _chunks(ready, _CHUNK):
            left = {name: plans[name].first for name in chunk}
            while left and not self._stopping.is_set():
                left = self._close_some(left, closed)
        for complete, number in closed.items():
            label = 'true' if complete else 'false'
            self._counters.count('closings', number, complete=label)
        if closed:
            LOG.info(
                'Closed %d days of %d probes, %d of them although '
                'measurements may be missing',
                closed.total(),
                len(ready),
                closed[False],
            )

    def _close_some(
        self, first: dict[str, int], closed: _Closed
    ) -> dict[str, int]:
        """Close some days of probes.

        :param first: by probe, the next day.
        :param closed: to which the days are added, by whether it is complete.
        :returns: those of which more days may be closed.
        """
        with db_engine.writing(self._engine) as connection:
            plans = closing.close(
                connection, first, db_engine.now(connection), self._date
            )
        unfinished = {}
        for name, day in first.items():
            plan = plans.get(name, days.Plan(day, (), _CONTESTED))
            closed.update(plan.complete)
            self._waiting.pop(name, None)
            if plan.waiting:
                self._waiting[name] = plan.until, plan.waiting
            elif len(plan.complete) == days.MAX_DAYS:
                unfinished[name] = plan.until
        return unfinished

    def _restate(self, date: int) -> None:
        with self._engine.connect() as connection:
            names = restating.changed(connection, db_engine.now(connection))
        total = 0
        for chunk in _chunks(names, _CHUNK):
            marked = 1
            while marked and not self._stopping.is_set():
                with db_engine.writing(self._engine) as connection:
                    marked, written = restating.restate(
                        connection, chunk, db_engine.now(connection), date
                    )
                total += written
        self._counters.count('restatements', total)
        if total:
            LOG.info('Wrote new versions of %d closed days', total)
        with self._engine.connect() as connection:
            self._changed = restating.count(connection)


def _chunks(
    names: list[str], size: int
) -> collections.abc.Iterator[list[str]]:
    for start in range(0, len(names), size):
        yield names[start : start + size]
