# SPDX-License-Identifier: Apache-2.0


"""Locks between processes, and between the threads of one."""

import collections.abc
import contextlib
import fcntl
import os
import pathlib


@contextlib.contextmanager
def hold(
    path: pathlib.Path, wait: bool = True
) -> collections.abc.Iterator[None]:
    """Hold a lock, which ends with the process at the latest.

    :param path: a file that is made for it.
    :param wait: wait for whoever holds it.
    :raises BlockingIOError: when somebody holds it and waiting isn't wished.
    :raises OSError: when the file can't be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
