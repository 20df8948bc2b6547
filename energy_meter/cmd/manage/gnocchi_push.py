# SPDX-License-Identifier: Apache-2.0

"""Transfer of closed days to Gnocchi.

The measures that Gnocchi has are compared with the latest versions of the
closed days, and what differs is written. No record is kept of what was
written: it would be wrong after a backup of either side was restored.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.clients import gnocchi_intervals as intervals
from energy_meter.collector import day_views
from energy_meter.db import closed_days
from energy_meter.db import closed_energy
from energy_meter.db import engine as db_engine

#: Probes and days that are in memory at once, about 20 MB.
_BATCH = 50
_CHUNK_DAYS = 31
#: Number of probes between two reports of progress.
_PROGRESS = 1000

_Report = collections.abc.Callable[[str], object]


class Result(typing.NamedTuple):
    """What a transfer did.

    :ivar measures: number of measures that were written.
    :ivar problems: number of probes that were not transferred, or not
        completely.
    """

    measures: int
    problems: int


class _Job(typing.NamedTuple):
    """A probe of a batch.

    :ivar first: day from which measures are compared.
    """

    probe: str
    metric: intervals.Metric
    first: int


class Push:
    """Transfer of the closed days of probes.

    :param metrics: the metrics in Gnocchi.
    :param step_s: length of a measure, a multiple of a quarter-hour.
    :param progress: called with a line of text from time to time.
    :param warn: called with a line for each problem of a probe.
    """

    def __init__(
        self,
        engine: sa.Engine,
        metrics: intervals.IntervalMetrics,
        step_s: int,
        progress: _Report,
        warn: _Report,
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._quarter_hours = step_s // intervals.QUARTER_HOUR_S
        self._progress = progress
        self._warn = warn
        self._measures = 0
        self._problems: set[str] = set()
        self._restated: dict[str, set[int]] = {}

    def run(self, probes: collections.abc.Sequence[intervals.Probe]) -> Result:
        """Compare all closed days of the probes, and write what differs.

        :raises GnocchiUnavailable: if Gnocchi does not answer. The next
            transfer continues with what is missing then.
        """
        with self._engine.connect() as connection:
            today = db_engine.now(connection) // closed_days.DAY_MS
            first = closed_energy.first_day(connection)
            self._restated = closed_energy.restated(connection)
        days = range(today if first is None else first, today)
        for start in range(0, len(probes), _BATCH):
            if start and start % _PROGRESS == 0:
                self._progress(
                    f'compared {start} of {len(probes)} probes, wrote '
                    f'{self._measures} measures'
                )
            self._push_batch(probes[start : start + _BATCH], days)
        return Result(self._measures, len(self._problems))

    def _push_batch(
        self, batch: collections.abc.Iterable[intervals.Probe], days: range
    ) -> None:
        jobs = []
        for probe in batch:
            try:
                jobs.append(self._open(probe, days.start))
            except exception.GnocchiRequestRejected as error:
                self._report(probe.id, str(error))
        first = min((job.first for job in jobs), default=days.stop)
        for start in range(max(first, days.start), days.stop, _CHUNK_DAYS):
            chunk = range(start, min(start + _CHUNK_DAYS, days.stop))
            jobs = self._push_days(jobs, chunk)

    def _open(self, probe: intervals.Probe, first: int) -> _Job:
        metric = self._metrics.open(probe)
        if metric.days:
            first = max(metric.days) - self._metrics.reach_days
            self._check_before(probe.id, metric, first)
        return _Job(probe.id, metric, first)

    def _check_before(
        self, probe: str, metric: intervals.Metric, first: int
    ) -> None:
        """Report restated days that differ and that Gnocchi would drop."""
        differing = []
        for day in sorted(self._restated.get(probe, ())):
            if day < first and day in metric.days:
                energies = self._load([probe], range(day, day + 1))
                if sum(energies[probe, day]) != metric.days[day]:
                    differing.append(day_views.iso(day))
        if differing:
            self._report(
                probe,
                f'restated on {", ".join(differing)}, which is older than '
                f'Gnocchi accepts; delete its metric {metric.id} '
                f'({intervals.METRIC}) to transfer all days again',
            )

    def _push_days(self, jobs: list[_Job], days: range) -> list[_Job]:
        """Transfer some days; return the jobs that did not fail.

        The later days of the others wait as well, because Gnocchi may drop
        measures that are not in the order of time.
        """
        energies = self._load(
            [job.probe for job in jobs if job.first < days.stop], days
        )
        succeeded = []
        for job in jobs:
            try:
                self._push_probe(job, days, energies)
            except exception.GnocchiRequestRejected as error:
                self._report(job.probe, str(error))
            else:
                succeeded.append(job)
        return succeeded

    def _push_probe(
        self, job: _Job, days: range, energies: closed_energy.Days
    ) -> None:
        closed = [
            day
            for day in days
            if day >= job.first and (job.probe, day) in energies
        ]
        if not closed:
            return
        wanted: dict[int, int] = {}
        for day in closed:
            wanted |= self._to_measures(day, energies[job.probe, day])
        present = {}
        if job.metric.days:
            present = self._metrics.read(
                job.metric,
                closed[0] * intervals.DAY_S,
                (closed[-1] + 1) * intervals.DAY_S,
            )
        # Measures of another granularity.
        for start in present.keys() - wanted.keys():
            if start // intervals.DAY_S in closed:
                wanted[start] = 0
        changes = {
            start: millijoules
            for start, millijoules in wanted.items()
            if present.get(start) != millijoules
        }
        if changes:
            self._metrics.write(job.metric, changes)
            self._measures += len(changes)

    def _to_measures(
        self, day: int, energies: collections.abc.Sequence[int]
    ) -> dict[int, int]:
        size = self._quarter_hours
        return {
            day * intervals.DAY_S + number * intervals.QUARTER_HOUR_S: sum(
                energies[number : number + size]
            )
            for number in range(0, closed_energy.QUARTER_HOURS, size)
        }

    def _load(
        self, probes: collections.abc.Collection[str], days: range
    ) -> closed_energy.Days:
        with self._engine.connect() as connection:
            return closed_energy.quarter_hours(
                connection, probes, days.start, days.stop
            )

    def _report(self, probe: str, problem: str) -> None:
        self._problems.add(probe)
        self._warn(f'{probe}: {problem}')
