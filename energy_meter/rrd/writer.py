# SPDX-License-Identifier: Apache-2.0


"""From measurements into the RRD files. One process writes an archive."""

import collections.abc
import contextlib
import logging
import pathlib
import threading

from oslo_config import cfg

from energy_meter import complaint
from energy_meter import counters
from energy_meter import exception
from energy_meter import measurement
from energy_meter.rrd import files
from energy_meter.rrd import store

LOG = logging.getLogger(__name__)


class Writer:
    """Keeps measurements until their files have taken them.

    Safe to use from several threads.

    :raises ArchiveInUse: when another process writes the archive.
    :raises ArchiveUnusable: when the directory can't be used.
    :raises ConfigurationError: when no file could be made as configured.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        counts: counters.Counters,
        complaints: complaint.Complaints,
    ) -> None:
        self._backlog = conf.rrd.backlog
        self._counters = counts
        self._complaints = complaints
        self._waiting: store.Words = {}
        self._number = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._ownership = contextlib.ExitStack()
        directory = pathlib.Path(conf.rrd.directory).resolve()
        self._ownership.enter_context(files.own(directory))
        self._store = store.Store(conf, directory, counts, complaints)

    def close(self) -> None:
        """Write what waits, and let another process write the archive."""
        self.flush()
        if self._number:
            LOG.error('%d measurements could not be written', self._number)
        self._ownership.close()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more should be put."""
        return self._number >= self._backlog

    def put(
        self, words: collections.abc.Iterable[measurement.Measurement]
    ) -> None:
        """Let measurements wait for the next flush."""
        with self._lock:
            for word in words:
                self._waiting.setdefault(word.probe.id, []).append(word)
                self._number += 1

    def flush(self) -> None:
        """Write what waits; what can't be written waits on."""
        with self._flushing:
            with self._lock:
                waiting, self._waiting, self._number = self._waiting, {}, 0
            if waiting:
                self._write(waiting)
                self._save()

    def _write(self, waiting: store.Words) -> None:
        try:
            failures = self._store.write(waiting)
            # A file that is gone or damaged is begun anew on the second try.
            failures = failures and self._store.write(
                {probe: waiting[probe] for probe in failures}
            )
        except exception.DaemonUnavailable as error:
            self._counters.count('write_failures')
            self._complaints.complain(
                'daemon', '%s; measurements wait for it', error
            )
            self._put_back(waiting)
            return
        self._complaints.settle('daemon', 'rrdcached is back')
        if not failures:
            self._complaints.settle('files', 'All files can be written again')
            return
        self._counters.count('write_failures')
        self._complaints.complain(
            'files',
            '%d files can not be written (%s); the measurements for them wait',
            len(failures),
            next(iter(failures.values())),
        )
        # They must not keep the others out.
        most = max(1, self._backlog // 2 // len(failures))
        self._put_back({probe: waiting[probe][-most:] for probe in failures})
        dropped = sum(max(0, len(waiting[probe]) - most) for probe in failures)
        if dropped:
            self._counters.count('skipped', dropped, reason='overflow')

    def _put_back(self, words: store.Words) -> None:
        with self._lock:
            newer, self._waiting = self._waiting, words
            self._number += sum(map(len, words.values()))
            for probe, found in newer.items():
                self._waiting.setdefault(probe, []).extend(found)

    def _save(self) -> None:
        try:
            self._store.save()
        except OSError as error:
            self._complaints.complain(
                'index',
                'The index of the archive can not be written: %s',
                error,
            )
        else:
            self._complaints.settle('index', 'The index is written again')
