# SPDX-License-Identifier: Apache-2.0

"""A host: a cgroup with libvirtd, its guests, and a program that computes."""

import collections.abc
import contextlib
import os
import pathlib
import sys
import time
import typing
import uuid

import fixtures

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import libvirtd

_MOUNTS = pathlib.Path('/proc/self/mounts')


class Flavor(typing.NamedTuple):
    """What an instance reserves; memory is in MiB."""

    vcpus: int
    memory: int


class Owner(typing.NamedTuple):
    """Whose instances are, as IDs of Keystone."""

    project: str
    user: str


class Machine(fixtures.Fixture):
    """Cgroup that has the CPU time of a host, apart from that of the machine.

    A cgroup in it has the CPU time of each guest, in microseconds and until
    its end. The driver reads that of the process instead.

    :param tenants: owners by the names that plans use.
    :ivar directory: of the cgroup.
    :ivar elsewhere: another libvirtd, outside of the cgroup.
    :ivar flavors: of the guests that were defined, by UUID.
    :ivar owners: of these guests.
    """

    def __init__(self, tenants: collections.abc.Mapping[str, Owner]) -> None:
        super().__init__()
        self._tenants = tenants

    def _setUp(self) -> None:
        self.directory = _hierarchy() / f'energy-meter-{uuid.uuid4().hex[:8]}'
        self.directory.mkdir()
        self.addCleanup(self._remove)
        self.flavors: dict[str, Flavor] = {}
        self.owners: dict[str, Owner] = {}
        self.elsewhere = self.useFixture(libvirtd.Libvirtd())
        self.libvirtd = self.useFixture(libvirtd.Libvirtd())
        self.join(self.libvirtd)
        self.burner = self.useFixture(
            base.Process([sys.executable, '-c', 'while True: pass'])
        )
        self.burner.pause()
        self.join(self.burner)

    def join(self, process: base.Process) -> None:
        """Move a process into the cgroup, where its children begin."""
        self._join(self.directory, str(process.pid))

    def start_guest(
        self, name: str, tenant: str, flavor: Flavor, **options: bytes
    ) -> libvirtd.Guest:
        """Start a guest that computes, unless it has another boot sector."""
        sector = options.get('boot_sector', libvirtd.LOOP)
        guest = self.libvirtd.new_guest(sector)
        (self.directory / guest.uuid).mkdir()
        self.owners[guest.uuid] = self._tenants[tenant]
        self._start(guest, name, flavor)
        return guest

    def resize(self, guest: libvirtd.Guest, name: str, flavor: Flavor) -> None:
        """Stop a guest, and start it with another flavor."""
        guest.call('destroy')
        self._start(guest, name, flavor)

    def rest(self) -> None:
        """Stop all that computes, and leave the CPUs to others."""
        self.burner.pause()
        self.libvirtd.suspend_guests()

    def adopt(self) -> None:
        """Move guests that were started into their cgroups."""
        for pid in (self.directory / 'cgroup.procs').read_text().split():
            with contextlib.suppress(OSError):
                command = pathlib.Path('/proc', pid, 'cmdline').read_bytes()
                for name in self.flavors:
                    if name.encode() in command:
                        self._join(self.directory / name, pid)

    def usage(self) -> int:
        """Return the CPU time of the host in us."""
        return _usage(self.directory)

    def usages(self) -> dict[str, int]:
        """Return the CPU time of each guest in us."""
        return {each: _usage(self.directory / each) for each in self.flavors}

    def reserved(self) -> dict[str, Flavor]:
        """Return the flavors of the guests that have a process."""
        return {
            each: flavor
            for each, flavor in self.flavors.items()
            if 'populated 1'
            in (self.directory / each / 'cgroup.events').read_text()
        }

    def _start(self, guest: libvirtd.Guest, name: str, flavor: Flavor) -> None:
        self.flavors[guest.uuid] = flavor
        owner = self.owners[guest.uuid]
        guest.start(name=name, **owner._asdict(), **flavor._asdict())

    def _join(self, directory: pathlib.Path, pid: str) -> None:
        (directory / 'cgroup.procs').write_text(pid)

    def _remove(self) -> None:
        directories = [self.directory / each for each in self.flavors]
        for directory in (*directories, self.directory):
            _remove(directory)


def _usage(directory: pathlib.Path) -> int:
    return int((directory / 'cpu.stat').read_text().split(maxsplit=2)[1])


def _remove(directory: pathlib.Path) -> None:
    """Remove a cgroup once its processes have ended."""

    def try_once() -> bool:
        try:
            directory.rmdir()
        except OSError:
            return False
        return True

    base.wait_for(try_once, 30, f'{directory} to be empty')


def _hierarchy() -> pathlib.Path:
    """Return where version 2 of cgroups is mounted."""
    for line in _MOUNTS.read_text().splitlines():
        _, directory, kind, *_ = line.split()
        if kind == 'cgroup2' and os.access(directory, os.W_OK):
            return pathlib.Path(directory)
    raise OSError('found no cgroup2 that can be written; run it as root')


#: What happens at a second after the start of a run.
Event = tuple[float, str, collections.abc.Callable[[], object]]


def perform(
    events: collections.abc.Iterable[Event],
    report: collections.abc.Callable[[str], object],
) -> None:
    """Perform events at their times."""
    began = time.monotonic()
    for second, name, action in events:
        time.sleep(max(began + second - time.monotonic(), 0))
        action()
        report(f'{time.monotonic() - began:.1f} s: {name}')
