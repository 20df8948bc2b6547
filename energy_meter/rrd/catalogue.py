# SPDX-License-Identifier: Apache-2.0


"""Which probes have a file, as any process may know it at any time."""

import logging
import os
import pathlib
import threading

from energy_meter import complaint
from energy_meter import exception
from energy_meter.rrd import index

LOG = logging.getLogger(__name__)


class Catalogue:
    """The index of an archive that another process may be writing.

    :param directory: of the archive; it need not be there yet.
    """

    def __init__(
        self, directory: pathlib.Path, complaints: complaint.Complaints
    ) -> None:
        self._directory = directory
        self._complaints = complaints
        self._lock = threading.Lock()
        self._seen: list[tuple[int, int]] = []
        self._entries: index.Entries = {}

    def entries(self) -> index.Entries:
        """Give the probes that have a file; not to be changed."""
        with self._lock:
            seen = [
                _state(self._directory),
                _state(self._directory / index.NAME),
            ]
            if seen != self._seen:
                self._entries, self._seen = self._read(), seen
            return self._entries

    def _read(self) -> index.Entries:
        try:
            try:
                entries = index.load(self._directory)
            except exception.DamagedFile as error:
                self._complaints.complain('index', '%s', error)
                entries = {}
            return index.complete(self._directory, entries)
        except OSError as error:
            self._complaints.complain(
                'archive', 'The archive can not be read: %s', error
            )
            return {}


def _state(path: pathlib.Path) -> tuple[int, int]:
    """Give what changes when a file is replaced."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_ino
