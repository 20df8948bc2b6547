# SPDX-License-Identifier: Apache-2.0

"""Cache of images on disk, shared by all processes."""

import collections.abc
import contextlib
import logging
import os
import pathlib
import threading
import zlib

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.rrd.files import free_space
from energy_meter.rrd.files import locks

LOG = logging.getLogger(__name__)

#: Number of lock files; two images may share one.
_LOCKS = 64

#: Number of images that a process caches between two looks at their size.
#: Together they have about 5 MiB.
_PUTS_PER_EVICTION = 100
#: Share of the maximum size that an eviction leaves.
_SHARE_LEFT = 0.75


class ImageCache:
    """Caches the newest image of each name, within a maximum size.

    The first line of a file is the image's tag. Errors are logged and
    otherwise ignored, because an image can always be drawn again.

    :param directory: may be emptied at any time.
    :param max_mb: maximum size of all images, in MiB. Beyond it those that
        were drawn first are deleted.
    :param min_free_mb: minimum of free space, in MiB.
    """

    def __init__(
        self, directory: pathlib.Path, max_mb: int, min_free_mb: int
    ) -> None:
        self._directory = directory
        self._max_size = max_mb * free_space.MIB
        self._min_free_mb = min_free_mb
        self._puts = 0
        self._throttled_log = log_throttle.ThrottledLogger(LOG)

    def get(self, name: str, tag: str) -> bytes | None:
        """Return an image; None unless it is cached with this tag."""
        try:
            cached_tag, _, content = (
                (self._directory / name).read_bytes().partition(b'\n')
            )
        except OSError:
            return None
        return content if cached_tag == tag.encode() else None

    def put(self, name: str, tag: str, content: bytes) -> None:
        """Replace an image atomically."""
        path = self._directory / name
        temporary = path.with_name(
            f'{path.name}.{os.getpid()}-{threading.get_ident()}'
        )
        _, error = attempt.call(
            lambda: self._replace(
                path, temporary, tag.encode() + b'\n' + content
            ),
            (OSError, exception.ArchiveFull),
        )
        if error is not None:
            self._throttled_log.warning(
                'put', 'Cannot cache a graph: %s', error
            )
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _replace(
        self, path: pathlib.Path, temporary: pathlib.Path, content: bytes
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        if self._puts % _PUTS_PER_EVICTION == 0:
            self._evict()
        self._puts += 1
        free_space.check(self._directory, self._min_free_mb)
        temporary.write_bytes(content)
        temporary.replace(path)

    def _evict(self) -> None:
        """Delete the oldest images if all together are too large."""
        images = []
        for path in self._directory.glob('*/*'):
            # Another process may evict images at the same time.
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                images.append((status.st_mtime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in images) - self._max_size
        if excess <= 0:
            return
        excess += int((1 - _SHARE_LEFT) * self._max_size)
        for _, size, path in sorted(images):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size

    @contextlib.contextmanager
    def lock(self, name: str) -> collections.abc.Iterator[None]:
        """Lock an image, so that it is drawn only once."""
        number = zlib.crc32(name.encode()) % _LOCKS
        with contextlib.ExitStack() as stack:
            _, error = attempt.call(
                lambda: self._hold(stack, f'lock-{number}'), OSError
            )
            if error is not None:
                self._throttled_log.warning(
                    'lock', 'Cannot lock the graph cache: %s', error
                )
            yield

    def _hold(self, stack: contextlib.ExitStack, name: str) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        stack.enter_context(locks.hold(self._directory / name))
