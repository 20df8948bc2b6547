# SPDX-License-Identifier: Apache-2.0

"""Buffer of marks on disk, as in the profile of an electricity meter."""

import collections.abc
import errno
import logging
import os
import pathlib
import threading
import time

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import mark_file
from energy_meter.agent import state
from energy_meter.conf import agent as agent_conf

LOG = logging.getLogger(__name__)

#: Size and age in seconds at which a file ends and the next one begins.
_MAX_FILE_BYTES = 4 * 2**20
_MAX_FILE_AGE_S = 300.0
#: Maximum number of marks in one block.
_MAX_BLOCK = 1000
#: Maximum number of marks in memory while the disk cannot be written.
_MAX_PENDING = 20_000


class MarkBuffer:
    """Writes marks to numbered files; thread-safe.

    Numbers order the files: dates would step with the clock. An agent never
    appends to a file of an earlier run, whose end may be damaged.

    :param path: directory of the files.
    :param max_bytes: size above which the oldest files are deleted.
    :raises StateUnusable: if the directory cannot be used.
    """

    def __init__(
        self,
        path: pathlib.Path,
        max_bytes: int = agent_conf.MARK_BUFFER_BYTES,
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._writing = threading.Lock()
        self._adding = threading.Lock()
        self._pending: list[measurement.Measurement] = []
        self._sizes: dict[int, int] = {}
        self._open: _OpenFile | None = None
        try:
            path.mkdir(exist_ok=True, mode=0o750)
            for file in sorted(path.glob('[0-9]' * 8)):
                self._sizes[int(file.name)] = file.stat().st_size
        except OSError as error:
            raise exception.StateUnusable(path=path, reason=error.strerror)
        self._next_number = max(self._sizes, default=0) + 1

    def size(self) -> int:
        """Return the size of all files, in bytes."""
        return sum(list(self._sizes.values()))

    def size_after(self, number: int) -> int:
        """Return the size of all files after one, in bytes."""
        return sum(
            size for other, size in list(self._sizes.items()) if other > number
        )

    def size_of(self, number: int) -> int:
        """Return the size of what is on the disk of one file, in bytes."""
        return self._sizes.get(number, 0)

    def numbers(self) -> list[int]:
        """Return the numbers of all files, in order."""
        with self._writing:
            return list(self._sizes)

    def is_complete(self, number: int) -> bool:
        """Return whether a file does not grow any more."""
        current = self._open
        return current is None or current.number != number

    def put(
        self, marks: collections.abc.Sequence[measurement.Measurement]
    ) -> None:
        """Take marks, which :meth:`flush` writes."""
        if marks:
            with self._adding:
                self._pending += marks

    def flush(self) -> bool:
        """Write all marks to the disk, and return whether that succeeded."""
        with self._writing:
            with self._adding:
                marks = list(self._pending)
            if marks:
                _, error = attempt.call(lambda: self._write(marks), OSError)
                if error is not None:
                    self._fail(error)
                    return False
                with self._adding:
                    del self._pending[: len(marks)]
                self._throttled_log.recovered('disk', 'Marks written again')
            if self._open is not None and self._open.is_due():
                self._end_file()
            self._limit_size()
        return True

    def take_unwritten(self) -> list[measurement.Measurement]:
        """Remove and return marks that could not be written."""
        with self._writing, self._adding:
            taken, self._pending = self._pending, []
            return taken

    def reader(self, number: int) -> mark_file.Reader | None:
        """Return a reader of a file; None if it was deleted."""
        try:
            return mark_file.Reader(self._file(number))
        except OSError:
            return None

    def delete(self, number: int) -> None:
        """Delete a complete file."""
        with self._writing:
            self._delete(number)

    def close(self) -> None:
        """Write the last marks and close the file."""
        self.flush()
        with self._writing:
            self._end_file()

    def _file(self, number: int) -> pathlib.Path:
        return self._path / f'{number:08}'

    def _write(self, marks: list[measurement.Measurement]) -> None:
        if self._open is None:
            number, self._next_number = (
                self._next_number,
                self._next_number + 1,
            )
            self._open = _OpenFile(number, self._file(number))
            self._sizes[number] = 0
        self._open.append(marks)
        self._sizes[self._open.number] = self._open.size

    def _fail(self, error: OSError) -> None:
        self._throttled_log.warning(
            'disk',
            'Cannot write marks to %s (%s); they are published once, and '
            'not again',
            self._path,
            error.strerror,
        )
        self._end_file()
        with self._adding:
            del self._pending[:-_MAX_PENDING]

    def _end_file(self) -> None:
        if self._open is not None:
            self._open.close()
            if not self._open.size:
                self._delete(self._open.number)
            self._open = None

    def _limit_size(self) -> None:
        while self.size() > self._max_bytes and len(self._sizes) > 1:
            oldest = next(iter(self._sizes))
            self._throttled_log.warning(
                'size',
                'The marks in %s exceed %d MiB; the oldest are deleted',
                self._path,
                self._max_bytes // 2**20,
            )
            self._delete(oldest)

    def _delete(self, number: int) -> None:
        self._sizes.pop(number, None)
        _, error = attempt.call(self._file(number).unlink, OSError)
        if error is not None:
            LOG.debug('Cannot delete file %d: %s', number, error)


class _OpenFile:
    """The file to which marks are appended.

    :raises OSError: if it cannot be created.
    """

    def __init__(self, number: int, path: pathlib.Path) -> None:
        self.number = number
        self.size = 0
        self._ends_at = time.monotonic() + _MAX_FILE_AGE_S
        self._path = path
        self._encoder = mark_file.Encoder()
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640
        )

    def is_due(self) -> bool:
        """Return whether the next file must begin."""
        return (
            self.size >= _MAX_FILE_BYTES or time.monotonic() >= self._ends_at
        )

    def append(self, marks: list[measurement.Measurement]) -> None:
        """Append blocks, and wait until they are on the disk.

        :raises OSError: if that fails; the file must then be closed.
        """
        blocks = b''.join(
            self._encoder.encode(marks[start : start + _MAX_BLOCK])
            for start in range(0, len(marks), _MAX_BLOCK)
        )
        if os.write(self._descriptor, blocks) < len(blocks):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(self._descriptor)
        if not self.size:
            state.sync_directory(self._path.parent)
        self.size += len(blocks)

    def close(self) -> None:
        """Close the file, without what was written in part."""
        try:
            os.ftruncate(self._descriptor, self.size)
            os.close(self._descriptor)
        except OSError as error:
            LOG.debug('Cannot close file %d: %s', self.number, error)
