# SPDX-License-Identifier: Apache-2.0

"""libvirtd in session mode, and guests in QEMU without KVM."""

import collections.abc
import contextlib
import os
import pathlib
import signal
import typing
import unittest
import uuid

from energy_meter.drivers.libvirt import cpu_time
from energy_meter.tests.functional.services import base

try:
    import libvirt
except ImportError:
    libvirt = None

#: Boot sectors: an endless loop, and a CPU that halts for good.
LOOP, HALT = b'\xeb\xfe', b'\xfa\xf4'

#: User and group that libvirtd runs as if the tests run as root.
_USER = 'daemon'

_METADATA = """
<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
  <nova:name>{name}</nova:name>
  <nova:flavor name="tiny" id="1">
    <nova:memory>{memory}</nova:memory><nova:vcpus>{vcpus}</nova:vcpus>
  </nova:flavor>
  <nova:owner>
    <nova:user uuid="{user}">u</nova:user>
    <nova:project uuid="{project}">name of {project}</nova:project>
  </nova:owner>
</nova:instance>
"""

_DOMAIN = """
<domain type='qemu'>
  <name>{domain}</name><uuid>{uuid}</uuid>
  <metadata>{metadata}</metadata>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='raw'/>
      <source file='{image}'/><target dev='hda' bus='ide'/>
    </disk>
    <controller type='usb' model='none'/><memballoon model='none'/>
    {devices}
  </devices>
</domain>
"""


class Libvirtd(base.Process):
    """libvirtd of an ordinary user, with a socket of its own.

    Guests outlive it; the fixture kills those that are left.

    :ivar uri: of this libvirtd, for root, too.
    """

    def __init__(self) -> None:
        super().__init__(['libvirtd'], ready=self._is_open, user=_USER)
        self._guests: list[Guest] = []

    def prepare(self) -> None:
        if libvirt is None:
            raise unittest.SkipTest('libvirt-python is not installed')
        self.emulator = base.program('qemu-system-x86_64')
        self.addCleanup(self._kill_guests)
        for name, variable in (
            ('home', 'HOME'),
            ('run', 'XDG_RUNTIME_DIR'),
            ('config', 'XDG_CONFIG_HOME'),
            ('cache', 'XDG_CACHE_HOME'),
            ('data', 'XDG_DATA_HOME'),
        ):
            self.env[variable] = os.fspath(self._make(name))
        configuration = self._make('config/libvirt')
        # Two daemons of one machine would refuse to migrate guests.
        daemon = f'auth_unix_rw = "none"\nhost_uuid = "{uuid.uuid4()}"\n'
        (configuration / 'libvirtd.conf').write_text(daemon)
        # Otherwise it needs virtlogd.
        (configuration / 'qemu.conf').write_text('stdio_handler = "file"\n')
        self.socket = self.directory / 'run/libvirt/libvirt-sock'
        self.uri = f'qemu+unix:///session?socket={self.socket}'

    def connect(self) -> typing.Any:
        """Return a connection that the caller closes."""
        return libvirt.open(self.uri)

    def start_guest(
        self, boot_sector: bytes = HALT, **identity: object
    ) -> 'Guest':
        """Start a guest; identity has fields of Nova's metadata."""
        guest = self.new_guest(boot_sector)
        guest.start(**identity)
        return guest

    def new_guest(self, boot_sector: bytes = HALT) -> 'Guest':
        """Return a guest that the caller starts."""
        guest = Guest(self, boot_sector)
        self._guests.append(guest)
        return guest

    def hand_over(self, guest: 'Guest', other: 'Libvirtd') -> None:
        """Leave a guest that has migrated to another libvirtd."""
        self._guests.remove(guest)
        other._guests.append(guest)

    def suspend_guests(self) -> None:
        """Suspend the guests that are left; to end them takes seconds."""
        for guest in self._guests:
            with contextlib.suppress(libvirt.libvirtError):
                guest.call('suspend')

    def _kill_guests(self) -> None:
        for guest in self._guests:
            guest.kill()

    def _make(self, name: str) -> pathlib.Path:
        directory = self.directory / name
        directory.mkdir()
        if self.user is not None:
            os.chown(directory, *_ids(self.directory))
        return directory

    def _is_open(self) -> bool:
        try:
            self.connect().close()
        except libvirt.libvirtError:
            return False
        return True


class Guest:
    """A guest of a libvirtd.

    :ivar uuid: of the domain.
    """

    def __init__(self, libvirtd: Libvirtd, boot_sector: bytes) -> None:
        self.uuid = str(uuid.uuid4())
        self._libvirtd = libvirtd
        self._image = libvirtd.directory / f'{self.uuid}.img'
        self._image.write_bytes(boot_sector.ljust(510, b'\0') + b'\x55\xaa')
        os.chown(self._image, *_ids(libvirtd.directory))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to QEMU."""
        os.kill(cpu_time.find_processes([self.uuid])[self.uuid].pid, number)

    def kill(self) -> None:
        """Kill QEMU, if it runs."""
        for process in cpu_time.find_processes([self.uuid]).values():
            os.kill(process.pid, signal.SIGKILL)

    def start(self, **identity: object) -> None:
        """Define the domain with this identity, and start it."""
        self.define(**identity)
        self.call('create')

    def define(self, devices: str = '', **identity: object) -> None:
        """Define the domain, again if it exists, as Nova does.

        :param devices: XML of additional devices.
        """
        fields: dict[str, object] = {
            'name': self.uuid[:8],
            'project': 'p1',
            'user': 'u1',
            'vcpus': 1,
            'memory': 16,
            **identity,
        }
        text = _DOMAIN.format(
            domain=f'instance-{self.uuid[:8]}',
            uuid=self.uuid,
            metadata=_METADATA.format_map(fields) if identity else '',
            emulator=self._libvirtd.emulator,
            image=self._image,
            devices=devices,
        )
        self._use(lambda connection: connection.defineXML(text))

    def migrate(self, destination: Libvirtd) -> None:
        """Migrate to a libvirtd of this machine while running."""
        flags = (
            libvirt.VIR_MIGRATE_LIVE
            | libvirt.VIR_MIGRATE_PERSIST_DEST
            | libvirt.VIR_MIGRATE_UNDEFINE_SOURCE
            # Both have the image, whose cache is not a danger here.
            | libvirt.VIR_MIGRATE_UNSAFE
        )
        connection = destination.connect()
        try:
            self.call(
                'migrate3',
                connection,
                {'migrate_uri': f'tcp:127.0.0.1:{base.free_port()}'},
                flags,
            )
        finally:
            connection.close()
        self._libvirtd.hand_over(self, destination)
        self._libvirtd = destination

    def call(self, method: str, *args: object) -> object:
        """Call a method of its domain, and return its result."""
        return self._use(
            lambda connection: getattr(
                connection.lookupByUUIDString(self.uuid), method
            )(*args)
        )

    def _use(
        self, function: collections.abc.Callable[[typing.Any], object]
    ) -> object:
        connection = self._libvirtd.connect()
        try:
            return function(connection)
        finally:
            connection.close()


def _ids(directory: pathlib.Path) -> tuple[int, int]:
    status = directory.stat()
    return status.st_uid, status.st_gid
