# SPDX-License-Identifier: Apache-2.0

"""Reader of an index that another process may be writing."""

import logging
import os
import pathlib
import threading

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.rrd.files import index

LOG = logging.getLogger(__name__)


class IndexReader:
    """Reads the index of an archive again whenever it changes. Thread-safe.

    :param directory: of the archive; it does not have to exist yet.
    """

    def __init__(
        self,
        directory: pathlib.Path,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._directory = directory
        self._throttled_log = throttled_log
        self._lock = threading.Lock()
        self._versions: list[tuple[int, int]] = []
        self._entries: index.Entries = {}

    def entries(self) -> index.Entries:
        """Return the probes that have a file. Do not change the result."""
        with self._lock:
            versions = [
                _version(self._directory),
                _version(self._directory / index.NAME),
            ]
            if versions != self._versions:
                self._entries, self._versions = self._read(), versions
            return self._entries

    def _read(self) -> index.Entries:
        entries, error = attempt.call(
            lambda: index.complete(self._directory, self._load()), OSError
        )
        if error is not None:
            self._throttled_log.warning(
                'archive', 'Cannot read the archive: %s', error
            )
        return entries or {}

    def _load(self) -> index.Entries:
        entries, error = attempt.call(
            lambda: index.load(self._directory), exception.CorruptFile
        )
        if error is not None:
            self._throttled_log.warning('index', '%s', error)
        return entries or {}


def _version(path: pathlib.Path) -> tuple[int, int]:
    """Return a value that changes whenever a file is replaced."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino
