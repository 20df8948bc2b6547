# SPDX-License-Identifier: Apache-2.0


"""Pictures that were drawn, kept until they show something else."""

import collections.abc
import contextlib
import logging
import os
import pathlib
import threading
import zlib

from energy_meter import complaint
from energy_meter.rrd import locks

LOG = logging.getLogger(__name__)

#: Files for locks; two pictures may have to share one.
_LOCKS = 64


class Gallery:
    """Keeps the newest picture of each name, for all processes.

    A file has the picture's tag in its first line. What can't be kept is
    drawn again.

    :param directory: may be emptied at any time.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
        self._complaints = complaint.Complaints(LOG)

    def find(self, name: str, tag: str) -> bytes | None:
        """Give a picture; None unless it shows what the tag says."""
        try:
            found, _, content = (
                (self._directory / name).read_bytes().partition(b'\n')
            )
        except OSError:
            return None
        return content if found == tag.encode() else None

    def keep(self, name: str, tag: str, content: bytes) -> None:
        """Replace a picture, for everybody at once."""
        path = self._directory / name
        fresh = path.with_name(
            f'{path.name}.{os.getpid()}-{threading.get_ident()}'
        )
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            fresh.write_bytes(tag.encode() + b'\n' + content)
            fresh.replace(path)
        except OSError as error:
            self._complaints.complain(
                'keep', 'A graph can not be kept: %s', error
            )
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)

    @contextlib.contextmanager
    def drawing(self, name: str) -> collections.abc.Iterator[None]:
        """Be the only one who draws a picture."""
        number = zlib.crc32(name.encode()) % _LOCKS
        with contextlib.ExitStack() as stack:
            try:
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o750)
                stack.enter_context(
                    locks.hold(self._directory / f'lock-{number}')
                )
            except OSError as error:
                self._complaints.complain(
                    'lock', 'Graphs can not be kept: %s', error
                )
            yield
