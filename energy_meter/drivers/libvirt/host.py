# SPDX-License-Identifier: Apache-2.0

"""Capacity and busy time of this machine.

Sources: the kernel's documentation of /proc/stat and of cgroup v2. The busy
time is user + nice + system + irq + softirq; the time of guests is a part of
user and nice. The time that a hypervisor stole from this machine and the time
of waiting for disks are not busy.
"""

import os
import pathlib

from energy_meter import exception

_STAT = pathlib.Path('/proc/stat')
#: Columns of the first line of /proc/stat after its name.
_BUSY = (0, 1, 2, 5, 6)
#: Duration of one of the kernel's clock ticks, in ms.
_TICK_MS = 1000 // os.sysconf('SC_CLK_TCK')


def threads() -> int:
    """Return the number of online CPU threads."""
    return os.sysconf('SC_NPROCESSORS_ONLN')


def memory() -> int:
    """Return the memory of this machine, in MiB."""
    pages, size = os.sysconf('SC_PHYS_PAGES'), os.sysconf('SC_PAGE_SIZE')
    return pages * size // 2**20


def busy_time(cgroup: str | None) -> int:
    """Return the busy time of all CPUs since the machine booted, in ms.

    :param cgroup: directory of a cgroup whose CPU time to return instead.
    :raises DeviceUnreachable: if it cannot be read.
    """
    if cgroup is not None:
        return cgroup_time(pathlib.Path(cgroup))
    with _STAT.open() as stat:
        columns = stat.readline().split()[1:]
    return _TICK_MS * sum(int(columns[column]) for column in _BUSY)


def cgroup_time(directory: pathlib.Path) -> int:
    """Return the CPU time of a cgroup, in ms.

    :raises DeviceUnreachable: if it cannot be read; its cause is the OSError.
    """
    file = directory / 'cpu.stat'
    try:
        key, microseconds = file.read_text().split(maxsplit=2)[:2]
    except OSError as e:
        raise exception.DeviceUnreachable(
            device=file, reason=e.strerror
        ) from e
    if key != 'usage_usec':
        raise exception.ProtocolError(
            device=file, reason='expected usage_usec in the first line'
        )
    return int(microseconds) // 1000


def process_time(ticks: int) -> int:
    """Return the CPU time of a process, in ms.

    :param ticks: as /proc/PID/stat has it.
    """
    return _TICK_MS * ticks
