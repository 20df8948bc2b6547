# SPDX-License-Identifier: Apache-2.0

"""Facts about the machine on which this runs."""

import pathlib
import socket

from energy_meter.discover import section
from energy_meter.drivers import _sysfs

SYS = pathlib.Path('/sys')
PROC = pathlib.Path('/proc')
DEV = pathlib.Path('/dev')


def name(*words: str) -> str:
    """Make the name of something on this machine."""
    return section.name_of(socket.gethostname().partition('.')[0], *words)


def is_virtual() -> bool:
    """Tell whether it is a virtual machine, as its processor does."""
    try:
        return ' hypervisor' in (PROC / 'cpuinfo').read_text()
    except OSError:
        return False


def maker() -> str:
    """Give who made it; nothing if it doesn't say."""
    return _sysfs.read_optional(SYS / 'class/dmi/id/sys_vendor') or ''


def has_module(name: str) -> bool:
    """Tell whether a kernel module is loaded or built in."""
    return (SYS / 'module' / name).exists()


def has_acpi(hid: str) -> bool:
    """Tell whether the firmware describes a device of this kind."""
    return any((SYS / 'bus/acpi/devices').glob(f'{hid}:*'))
