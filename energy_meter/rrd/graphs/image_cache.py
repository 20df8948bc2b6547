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
from energy_meter import log_throttle
from energy_meter.rrd.files import locks

LOG = logging.getLogger(__name__)

#: Number of lock files; two images may share one.
_LOCKS = 64


class ImageCache:
    """Caches the newest image of each name.

    The first line of a file is the image's tag. Errors are logged and
    otherwise ignored, because an image can always be drawn again.

    :param directory: may be emptied at any time.
    """

    def __init__(self, directory: pathlib.Path) -> None:
        self._directory = directory
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
            lambda: _replace(path, temporary, tag.encode() + b'\n' + content),
            OSError,
        )
        if error is not None:
            self._throttled_log.warning(
                'put', 'Cannot cache a graph: %s', error
            )
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

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


def _replace(
    path: pathlib.Path, temporary: pathlib.Path, content: bytes
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    temporary.write_bytes(content)
    temporary.replace(path)
