# SPDX-License-Identifier: Apache-2.0

"""Properties of this machine."""

import pathlib
import socket

from energy_meter.discover import section
from energy_meter.drivers.common import sysfs

SYS = pathlib.Path('/sys')
PROC = pathlib.Path('/proc')
DEV = pathlib.Path('/dev')


def make_name(*parts: str) -> str:
    """Return a section or probe name that starts with the host name."""
    return section.make_name(socket.gethostname().partition('.')[0], *parts)


def is_virtual() -> bool:
    """Check whether the processor reports a hypervisor."""
    try:
        return ' hypervisor' in (PROC / 'cpuinfo').read_text()
    except OSError:
        return False


def vendor() -> str:
    """Return the vendor of the machine, or an empty string if unknown."""
    return sysfs.read_optional(SYS / 'class/dmi/id/sys_vendor') or ''


def has_module(name: str) -> bool:
    """Check whether a kernel module is loaded or built in."""
    return (SYS / 'module' / name).exists()


def has_acpi(hid: str) -> bool:
    """Check whether the firmware describes a device with this ACPI ID."""
    return any((SYS / 'bus/acpi/devices').glob(f'{hid}:*'))
