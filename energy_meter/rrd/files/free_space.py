# SPDX-License-Identifier: Apache-2.0

"""Minimum of free space on a file system."""

import pathlib
import shutil

from energy_meter import exception

MIB = 1 << 20


def check(directory: pathlib.Path, min_free_mb: int) -> None:
    """Check that a file system has room for a new file.

    :param directory: on that file system.
    :param min_free_mb: minimum of free space, in MiB.
    :raises ArchiveFull: if it has not.
    :raises OSError: if it cannot be queried.
    """
    if shutil.disk_usage(directory).free < min_free_mb * MIB:
        raise exception.ArchiveFull(path=directory)
