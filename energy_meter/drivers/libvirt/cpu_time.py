# SPDX-License-Identifier: Apache-2.0

"""Sources of the CPU time of a domain.

Sources: the kernel's documentation of /proc/PID/stat and of cgroup v2,
libvirt's documentation of its cgroups. libvirt reads /proc/PID/stat itself for
virDomainGetInfo. virConnectGetAllDomainStats is not used: it asks QEMU, so it
waits for each domain that is being destroyed, and forever for one that is
stopped.
"""

import abc
import collections.abc
import errno
import pathlib
import re
import typing

from energy_meter import exception
from energy_meter.drivers.libvirt import connection
from energy_meter.drivers.libvirt import host

_PROC = pathlib.Path('/proc')
_CGROUPS = pathlib.Path('/sys/fs/cgroup')

#: Cgroup of one domain, as systemd or libvirt itself names it. QEMU may be in
#: a child of it. Only the cgroup as a whole has the threads of vhost.
_CGROUP = re.compile(
    r'^0::(/.*?/(machine-qemu\\x2d[^/]+\.scope|qemu-[^/]+\.libvirt-qemu))'
    r'(/|$)',
    re.MULTILINE,
)


class Process(typing.NamedTuple):
    """A process of QEMU.

    :ivar started: when it started, in clock ticks since the machine booted.
        Another process may have the same ID later.
    """

    pid: int
    started: int


class Source(abc.ABC):
    """Source of the CPU time of one process of a domain.

    :ivar process: identifies the process and the source.
    """

    def __init__(self, process: str) -> None:
        self.process = process

    @abc.abstractmethod
    def read(self) -> int | None:
        """Return the CPU time in ms; None if the process has ended.

        :raises DriverError: if it cannot be read.
        """


class ProcessSource(Source):
    """CPU time of the process and its threads, in steps of 10 ms.

    Since Linux 6.4 this includes the threads of vhost.
    """

    def __init__(self, process: Process) -> None:
        super().__init__(f'process {process.pid} {process.started}')
        self._process = process

    def read(self) -> int | None:
        found = _stat(self._process.pid)
        if found is None or found[0] != self._process.started:
            return None
        return host.process_time(found[1])


class CgroupSource(Source):
    """CPU time of the domain's cgroup, which includes the threads of vhost."""

    def __init__(self, process: Process, directory: pathlib.Path) -> None:
        super().__init__(f'cgroup {process.pid} {process.started}')
        self._directory = directory

    def read(self) -> int | None:
        try:
            return host.cgroup_time(self._directory)
        except exception.DeviceUnreachable as e:
            if _is_gone(e.__cause__):
                return None
            raise


class InfoSource(Source):
    """CPU time of the process, in steps of 10 ms, as libvirt knows it."""

    def __init__(self, domain: connection.Domain) -> None:
        super().__init__(f'domain {domain.id}')
        self._domain = domain

    def read(self) -> int | None:
        return self._domain.cpu_time()


def find_processes(
    uuids: collections.abc.Collection[str],
) -> dict[str, Process]:
    """Return the process of QEMU of each domain that has exactly one.

    The processes are invisible if the agent has a PID namespace of its own,
    or may not see those of others.
    """
    found: dict[str, list[Process]] = {uuid: [] for uuid in uuids}
    for directory in _PROC.iterdir() if found else ():
        if not directory.name.isdecimal():
            continue
        uuid = _uuid_of(directory)
        stat = _stat(int(directory.name)) if uuid in found else None
        if uuid is not None and stat is not None:
            found[uuid].append(Process(int(directory.name), stat[0]))
    return {
        uuid: processes[0]
        for uuid, processes in found.items()
        if len(processes) == 1
    }


def choose(
    preference: str, domain: connection.Domain, process: Process | None
) -> Source | None:
    """Return the source of the CPU time of a domain.

    The choice lasts as long as the process: two sources differ.

    :param preference: ``cgroup``, ``process`` or ``info``; ``auto`` for the
        first of these that the domain has.
    :param process: None if it is invisible.
    :returns: None if the domain does not have that source.
    """
    directory = None
    if process is not None and preference in ('auto', 'cgroup'):
        directory = _cgroup_of(process)
    if process is not None and directory is not None:
        return CgroupSource(process, directory)
    if process is not None and preference in ('auto', 'process'):
        return ProcessSource(process)
    return InfoSource(domain) if preference in ('auto', 'info') else None


def _uuid_of(directory: pathlib.Path) -> str | None:
    """Return the UUID in the command line of a process; None without one."""
    try:
        command = (directory / 'cmdline').read_bytes()
    except OSError:
        return None
    _, found, rest = command.partition(b'\0-uuid\0')
    return rest.partition(b'\0')[0].decode(errors='replace') if found else None


def _stat(pid: int) -> tuple[int, int] | None:
    """Return when a process started and its CPU time, both in clock ticks.

    :returns: None if the process has ended.
    """
    try:
        text = (_PROC / str(pid) / 'stat').read_text(errors='replace')
    except OSError as e:
        if _is_gone(e):
            return None
        raise exception.DeviceUnreachable(
            device=f'process {pid}', reason=e.strerror
        )
    # The name of the process is in parentheses, and may contain some.
    columns = text.rpartition(')')[2].split()
    return int(columns[19]), int(columns[11]) + int(columns[12])


def _cgroup_of(process: Process) -> pathlib.Path | None:
    """Return the domain's own cgroup; None if it has none or is invisible.

    Without systemd or root, QEMU is in the cgroup of libvirtd.
    """
    try:
        text = (_PROC / str(process.pid) / 'cgroup').read_text()
    except OSError:
        return None
    found = _CGROUP.search(text)
    if found is None:
        return None
    directory = _CGROUPS / found[1].lstrip('/')
    return directory if (directory / 'cpu.stat').exists() else None


def _is_gone(error: BaseException | None) -> bool:
    # A file that was open when the process ended, or of a removed cgroup,
    # reports ESRCH or ENODEV.
    return isinstance(error, FileNotFoundError | ProcessLookupError) or (
        isinstance(error, OSError) and error.errno == errno.ENODEV
    )
