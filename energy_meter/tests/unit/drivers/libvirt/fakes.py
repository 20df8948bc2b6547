# SPDX-License-Identifier: Apache-2.0

"""Domains without libvirt, and processes without QEMU."""

import pathlib

import fixtures

from energy_meter import exception
from energy_meter.drivers.libvirt import cpu_time
from energy_meter.drivers.libvirt import host

METADATA = """
<instance>
  <name>{name}</name>
  <flavor><memory>{memory}</memory><vcpus>{vcpus}</vcpus></flavor>
  <owner>
    <user uuid="{user}"/>
    <project uuid="{project}">{project_name}</project>
  </owner>
</instance>
"""


def metadata(**fields):
    """Return the metadata of Nova as libvirt returns it."""
    default = {
        'name': 'n',
        'project': 'p',
        'project_name': '',
        'user': 'u',
        'vcpus': 2,
        'memory': 512,
    }
    return METADATA.format_map(default | fields)


#: As libvirt formats a device that Nova passes through.
HOSTDEV = """
<hostdev mode='subsystem' type='pci' managed='yes'>
  <driver name='vfio'/>
  <source>
    <address domain='0x0000' bus='0x{:02x}' slot='0x00' function='0x0'/>
  </source>
  <alias name='hostdev0'/>
  <address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
</hostdev>
"""


class Domain:
    """Domain that counts how often its metadata is read.

    :param id: None if it is inactive.
    :param text: its metadata.
    :param cpu: CPU time that libvirt reports, in ms.
    :param buses: those of PCI devices that are passed through to it.
    """

    def __init__(
        self, uuid, id=1, text=None, cpu=None, is_starting=False, buses=()
    ):
        self.uuid = uuid
        self.buses = buses
        self.id = id
        self.text = metadata() if text is None else text
        self.cpu = cpu
        self._is_starting = is_starting
        self.reads = 0

    def metadata(self):
        self.reads += 1
        return self.text or None

    def description(self):
        devices = ''.join(map(HOSTDEV.format, self.buses))
        return f'<domain><devices>{devices}</devices></domain>'

    def is_starting(self):
        return self._is_starting

    def cpu_time(self):
        if isinstance(self.cpu, Exception):
            raise self.cpu
        return self.cpu


class Connection:
    """Connection whose domains and events a test sets.

    :ivar listings: how often the domains were listed.
    """

    def __init__(self):
        self.all = []
        self.events = set()
        self.listings = 0
        self.is_open = False

    def open(self):
        self.is_open = True

    def close(self):
        self.is_open = False

    def is_alive(self):
        return self.is_open

    def changes(self):
        events, self.events = self.events, set()
        return events

    def domains(self):
        if not self.is_open:
            raise exception.DeviceUnreachable(device='fake', reason='closed')
        self.listings += 1
        return list(self.all)


class Machine(fixtures.Fixture):
    """Files in /proc and of cgroups.

    :ivar cgroups: where cgroups are mounted.
    """

    def _setUp(self):
        root = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self._proc, self.cgroups = root / 'proc', root / 'cgroup'
        self._proc.mkdir()
        for module, name, value in (
            (cpu_time, '_PROC', self._proc),
            (cpu_time, '_CGROUPS', self.cgroups),
            (host, '_STAT', self._proc / 'stat'),
        ):
            self.useFixture(
                fixtures.MonkeyPatch(f'{module.__name__}.{name}', value)
            )
        self.set_busy(user=0)

    def set_busy(
        self,
        user=0,
        nice=0,
        system=0,
        idle=0,
        iowait=0,
        irq=0,
        softirq=0,
        steal=0,
        guest=0,
    ):
        """Set the columns of /proc/stat, in ticks of 10 ms."""
        (self._proc / 'stat').write_text(
            f'cpu  {user} {nice} {system} {idle} {iowait} {irq} {softirq} '
            f'{steal} {guest} 0\ncpu0 1 2 3\nintr 5\n'
        )

    def set_process(self, pid, uuid, ticks=0, started=7, cgroup='/'):
        """Set the files of a process, whose CPU time is in ticks of 10 ms.

        A quarter of it is system time.
        """
        directory = self._proc / str(pid)
        directory.mkdir(exist_ok=True)
        system = ticks // 4
        (directory / 'cmdline').write_text(
            f'qemu\0-name\0guest=a -uuid b\0-uuid\0{uuid}\0-m\x0016\0'
        )
        (directory / 'stat').write_text(
            f'{pid} (CPU 0) (x)) S 1 1 1 0 -1 0 0 0 0 0 {ticks - system} '
            f'{system} 900 900 20 0 3 0 {started} 1 1\n'
        )
        (directory / 'cgroup').write_text(f'1:cpu:/v1\n0::{cgroup}\n')

    def end_process(self, pid):
        """Remove the files of a process."""
        for file in (self._proc / str(pid)).iterdir():
            file.unlink()
        (self._proc / str(pid)).rmdir()

    def set_cgroup(self, path, microseconds):
        """Set the CPU time of a cgroup; return its directory."""
        directory = self.cgroups / path.lstrip('/')
        directory.mkdir(parents=True, exist_ok=True)
        (directory / 'cpu.stat').write_text(
            f'usage_usec {microseconds}\nuser_usec 1\nsystem_usec 2\n'
        )
        return directory
