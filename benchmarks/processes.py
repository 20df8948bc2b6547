# SPDX-License-Identifier: Apache-2.0

"""CPU time and memory of processes and of all that they start."""

import collections.abc
import time
import typing

import psutil

from energy_meter.tests.functional.services import base

_MIB = 1024 * 1024

#: Number of the clock of the CPU time, among those of a process.
_CPU_CLOCK = 2


class Usage(typing.NamedTuple):
    """What the processes of a program used.

    :ivar seconds: CPU time since they started, in the kernel or not.
    :ivar memory: resident memory in MiB, that of shared pages once for each
        process.
    """

    seconds: float
    memory: float


def usage(pid: int) -> Usage:
    """Return what a process, and all that it started, used.

    Processes that have ended are included, if their parent waited for them.
    """
    seconds = memory = 0.0
    for process in _family(pid):
        try:
            times = process.cpu_times()
            memory += process.memory_info().rss / _MIB
        except psutil.NoSuchProcess:
            continue
        seconds += sum(times[:4])
    return Usage(seconds, memory)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of one process.

    It is exact; that of :func:`usage` has a resolution of 10 ms.
    """
    # As clock_getcpuclockid(3) does in Linux.
    return time.clock_gettime(~pid << 3 | _CPU_CLOCK)


def usages(
    programs: collections.abc.Mapping[str, base.Process],
) -> dict[str, Usage]:
    """Return what each of several programs used."""
    return {name: usage(each.pid) for name, each in programs.items()}


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]
