# SPDX-License-Identifier: Apache-2.0

"""Buffered writer of an archive. Only one process writes to an archive."""

import collections.abc
import contextlib
import logging
import pathlib
import threading

from oslo_config import cfg

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.rrd.files import rrdfile
from energy_meter.rrd.writing import points
from energy_meter.rrd.writing import probe_files
from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)

_TASK = outages.Task(
    'rrdcached',
    'write through rrdcached',
    'measurements are queued',
    'measurements queued',
)


class Writer:
    """Buffers measurements until they are written. Thread-safe.

    :raises ArchiveInUse: if another process writes to the archive.
    :raises ArchiveUnusable: if the directory cannot be used.
    :raises ConfigurationError: if the configured layout is invalid.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._max_backlog: int = conf.rrd.max_backlog
        self._counters = counts
        self._throttled_log = throttled_log
        self._outage = outages.Outage(_TASK, LOG, counts)
        self._buffer: probe_files.MeasurementsByProbe = {}
        self._count = 0
        self._added = 0
        self._buffer_lock = threading.Lock()
        self._flush_lock = threading.Lock()
        self._archive_lock = contextlib.ExitStack()
        directory = pathlib.Path(conf.rrd.directory).resolve()
        self._archive_lock.enter_context(rrdfile.lock_archive(directory))
        self._files = probe_files.ProbeFiles(
            conf, directory, counts, throttled_log
        )

    def close(self) -> None:
        """Flush the buffer and unlock the archive."""
        self.flush()
        if self._count:
            LOG.error('%d measurements could not be written', self._count)
        self._archive_lock.close()

    @property
    def is_full(self) -> bool:
        """Whether the backlog has reached its limit."""
        return self._count >= self._max_backlog

    @property
    def is_due(self) -> bool:
        """Whether half of the backlog was added since the last flush."""
        return self._added >= self._max_backlog / 2

    def put(
        self, measurements: collections.abc.Iterable[measurement.Measurement]
    ) -> None:
        """Buffer measurements for the next flush."""
        with self._buffer_lock:
            for received in measurements:
                self._buffer.setdefault(received.series.probe.id, []).append(
                    received
                )
                self._count += 1
                self._added += 1

    def flush(self) -> None:
        """Write the buffer; keep what cannot be written."""
        with self._flush_lock:
            with self._buffer_lock:
                batch, self._buffer = self._buffer, {}
                self._count = self._added = 0
            later = self._files.postpone(batch)
            if batch:
                self._write(batch)
                self._save_index()
            if later:
                self._put_back(self._limit(later))

    def _write(self, batch: probe_files.MeasurementsByProbe) -> None:
        failures, error = attempt.call(
            lambda: self._try_twice(batch), exception.RRDCachedUnavailable
        )
        if failures is None:
            self._counters.count('write_retries')
            self._put_back(batch)
            self._outage.fail(f'{error}', self._count)
            return
        self._outage.succeed()
        if not failures:
            self._throttled_log.recovered(
                'files', 'All RRD files can be written again'
            )
            return
        self._counters.count('write_retries')
        self._throttled_log.warning(
            'files',
            'Cannot write %d RRD files (%s); measurements are queued',
            len(failures),
            next(iter(failures.values())),
        )
        self._put_back(
            self._limit({probe: batch[probe] for probe in failures})
        )

    def _try_twice(
        self, batch: probe_files.MeasurementsByProbe
    ) -> dict[str, str]:
        """Write measurements, those that failed once more.

        The second attempt creates files that the first one found missing or
        corrupt.
        """
        failures = self._files.write(batch)
        return failures and self._files.write(
            {probe: batch[probe] for probe in failures}
        )

    def _limit(
        self, batch: probe_files.MeasurementsByProbe
    ) -> probe_files.MeasurementsByProbe:
        """Keep the newest measurements of files that cannot be written.

        Together they take up to half of the backlog, so that the other probes
        are not blocked.
        """
        limit = max(1, self._max_backlog // 2 // len(batch))
        dropped = sum(
            max(0, len(measurements) - limit)
            for measurements in batch.values()
        )
        if dropped:
            self._counters.count(
                'rrd_measurements_skipped',
                dropped,
                reason=points.SkipReason.OVERFLOW,
            )
        return {
            probe: measurements[-limit:]
            for probe, measurements in batch.items()
        }

    def _put_back(self, batch: probe_files.MeasurementsByProbe) -> None:
        with self._buffer_lock:
            newer, self._buffer = self._buffer, batch
            self._count += sum(map(len, batch.values()))
            for probe, measurements in newer.items():
                self._buffer.setdefault(probe, []).extend(measurements)

    def _save_index(self) -> None:
        _, error = attempt.call(self._files.save_index, OSError)
        if error is not None:
            self._throttled_log.warning(
                'index', 'Cannot write the index of the archive: %s', error
            )
        else:
            self._throttled_log.recovered(
                'index', 'The index of the archive can be written again'
            )
