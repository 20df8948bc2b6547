# SPDX-License-Identifier: Apache-2.0

"""File locks between processes and between threads."""

import collections.abc
import contextlib
import fcntl
import os
import pathlib


@contextlib.contextmanager
def hold(
    path: pathlib.Path, wait: bool = True
) -> collections.abc.Iterator[None]:
    """Hold an exclusive lock, which ends with the process at the latest.

    :param path: lock file, created if necessary.
    :param wait: wait for the current holder instead of raising.
    :raises BlockingIOError: if the lock is taken and ``wait`` is false.
    :raises OSError: if the file cannot be created.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
