# SPDX-License-Identifier: Apache-2.0

"""RRD files of all probes, as seen by the only process that writes them."""

import operator
import os
import pathlib
import time
import typing

from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd.files import index
from energy_meter.rrd.files import layout as rrd_layout
from energy_meter.rrd.files import names
from energy_meter.rrd.files import rrdfile
from energy_meter.rrd.writing import backends
from energy_meter.rrd.writing import points as rrd_points
from energy_meter.rrd.writing import space
from energy_meter.telemetry import counters

_WARNINGS = {
    rrd_points.SkipReason.FUTURE: 'Skipped %d measurements of probe %s with '
    'timestamps in the future; check NTP on its agent and on this host',
    rrd_points.SkipReason.CLOCK_STEP: 'Skipped %d measurements of probe %s: '
    'the clock of its agent was set back; measurements are skipped until it '
    'catches up',
}

#: Measurements by probe id.
MeasurementsByProbe = dict[str, list[measurement.Measurement]]

_TIMESTAMP = operator.attrgetter('timestamp')


class _PendingWrite(typing.NamedTuple):
    """Points of a probe, and the cursor once they are written."""

    probe: str
    points: list[rrd_points.Point]
    skipped: list[rrd_points.SkipReason]
    cursor: rrd_points.FileCursor | None


class ProbeFiles:
    """Writes measurements into the files of their probes.

    :param directory: of the archive, locked by this process.
    :raises ConfigurationError: if the configured layout is invalid.
    :raises ArchiveUnusable: if the directory cannot be used.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        directory: pathlib.Path,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._directory = directory
        self._layout = rrd_layout.Layout(conf.rrd)
        self._rules = rrd_points.PointRules(
            conf.rrd.step, conf.rrd.max_gap, conf.collector.max_watts
        )
        self._backend = backends.make(conf.rrd.daemon)
        self._counters = counts
        self._throttled_log = throttled_log
        self._cursors: dict[str, rrd_points.FileCursor] = {}
        try:
            self._entries = index.complete(directory, self._load_index())
        except OSError as error:
            raise exception.ArchiveUnusable(
                path=directory, reason=error.strerror
            )
        self._colors = index.unused_colors(self._entries)
        self._space = space.Space(conf, directory, self._entries)

    def postpone(
        self, measurements: MeasurementsByProbe
    ) -> MeasurementsByProbe:
        """Remove what is not to be written now, because its file is missing.

        :returns: what is to be written later. Measurements of agents that may
            not have another file are skipped.
        """
        choice = self._space.choose(
            received[-1].probe
            for probe, received in measurements.items()
            if probe not in self._cursors
            and not os.path.exists(self._directory / names.to_file(probe))
        )
        for probe in choice.excess:
            self._counters.count(
                'rrd_measurements_skipped',
                len(measurements.pop(probe.id)),
                reason=rrd_points.SkipReason.QUOTA,
            )
            self._throttled_log.warning(
                f'quota {probe.agent}',
                'Created no file for probe %s: agent %s has as many as '
                '[collector] max_agent_probes allows',
                probe.id,
                probe.agent,
            )
        return {probe.id: measurements.pop(probe.id) for probe in choice.later}

    def write(self, measurements: MeasurementsByProbe) -> dict[str, str]:
        """Write measurements.

        :returns: reasons for files that could not be written, by probe.
        :raises RRDCachedUnavailable: if it is unknown what was written.
        """
        try:
            return self._write(measurements)
        except exception.RRDCachedUnavailable:
            self._cursors.clear()
            raise

    def save_index(self) -> None:
        """Write the index.

        :raises OSError: if it cannot be written.
        """
        index.save(self._directory, self._entries)

    def _load_index(self) -> index.Entries:
        entries, error = attempt.call(
            lambda: index.load(self._directory), exception.CorruptFile
        )
        if error is not None:
            self._set_aside(self._directory / index.NAME, error)
        return entries or {}

    def _set_aside(
        self, path: pathlib.Path, error: exception.CorruptFile
    ) -> None:
        rrdfile.set_aside(path, error)
        self._counters.count('rrd_corrupt_files')

    def _write(self, measurements: MeasurementsByProbe) -> dict[str, str]:
        failures: dict[str, str] = {}
        writes: dict[str, _PendingWrite] = {}
        directory = str(self._directory)
        now = time.time()
        for probe, received in measurements.items():
            path = f'{directory}/{names.to_file(probe)}'
            try:
                writes[path] = self._prepare(path, probe, received, now)
            except (
                exception.RRDError,
                exception.ArchiveFull,
                OSError,
            ) as error:
                failures[probe] = str(error)
        rejected = self._backend.write(
            {
                path: write.points
                for path, write in writes.items()
                if write.points
            }
        )
        self._counters.count(
            'rrd_points_written',
            sum(
                len(write.points)
                for path, write in writes.items()
                if path not in rejected
            ),
        )
        for path, write in writes.items():
            if path in rejected:
                failures[write.probe] = rejected[path]
                # Some points may be written: read the cursor from the file.
                del self._cursors[write.probe]
            else:
                self._commit(write)
        return failures

    def _prepare(
        self,
        path: str,
        probe: str,
        measurements: list[measurement.Measurement],
        now: float,
    ) -> _PendingWrite:
        """Convert measurements into points.

        :raises RRDError: if a file is missing and cannot be created.
        :raises ArchiveFull: if there is no room to create it.
        :raises OSError: if the file cannot be used.
        """
        skipped: list[rrd_points.SkipReason] = []
        measurements = sorted(measurements, key=_TIMESTAMP)
        while measurements and rrd_points.is_future(measurements[-1], now):
            measurements.pop()
            skipped.append(rrd_points.SkipReason.FUTURE)
        if not measurements:
            return _PendingWrite(probe, [], skipped, None)
        points, cursor = rrd_points.regular_points(
            self._cursor(path, measurements[0]), measurements, self._rules
        )
        for received in measurements[len(points) :]:
            reason = rrd_points.skip_reason(cursor, received)
            if reason is not None:
                skipped.append(reason)
                continue
            added, cursor = rrd_points.to_points(cursor, received, self._rules)
            points += added
            if not added:
                skipped.append(rrd_points.SkipReason.NO_VALUE)
        return _PendingWrite(probe, points, skipped, cursor)

    def _cursor(
        self, path: str, measurement: measurement.Measurement
    ) -> rrd_points.FileCursor:
        probe = measurement.probe.id
        if probe not in self._cursors:
            self._cursors[probe] = self._open(pathlib.Path(path), measurement)
            self._space.add(measurement.probe)
        return self._cursors[probe]

    def _open(
        self, path: pathlib.Path, measurement: measurement.Measurement
    ) -> rrd_points.FileCursor:
        """Return the cursor of a file.

        :param measurement: the first one to write; a file that is missing or
            corrupt is created for it.
        """
        self._backend.flush([path])
        try:
            info, error = attempt.call(
                lambda: rrdfile.inspect(path), exception.CorruptFile
            )
        except FileNotFoundError:
            return self._create(path, measurement)
        if error is not None:
            self._backend.discard(path)
            self._set_aside(path, error)
        if info is None:
            return self._create(path, measurement)
        if not self._layout.fits(info):
            self._throttled_log.warning(
                'layout',
                '%s does not match [rrd] step, max_gap and archives; run '
                'energy-meter-manage rrd migrate to convert such files',
                path,
            )
        entry = self._entries.get(measurement.probe.id) or index.Entry(0)
        return rrd_points.restore(
            info['last_update'],
            rrdfile.last_watts(info),
            entry.interval,
            entry.latest,
        )

    def _create(
        self, path: pathlib.Path, measurement: measurement.Measurement
    ) -> rrd_points.FileCursor:
        start = rrd_points.row_start(
            rrd_points.point_timestamp(measurement), self._rules.step
        )
        self._space.check()
        rrdfile.create(path, start, self._layout)
        return rrd_points.FileCursor(start)

    def _commit(self, write: _PendingWrite) -> None:
        """Update cursor, index and counters after a successful write."""
        for reason in set(write.skipped):
            count = write.skipped.count(reason)
            self._counters.count(
                'rrd_measurements_skipped', count, reason=reason
            )
            if reason in _WARNINGS:
                self._throttled_log.warning(
                    reason, _WARNINGS[reason], count, write.probe
                )
        if write.cursor is None or not write.points:
            return
        self._cursors[write.probe] = write.cursor
        previous = self._entries.get(write.probe)
        self._entries[write.probe] = index.Entry(
            next(self._colors) if previous is None else previous.color,
            write.cursor.interval,
            write.cursor.latest,
        )
