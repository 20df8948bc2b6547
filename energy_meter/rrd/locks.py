# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
