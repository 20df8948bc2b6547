# SPDX-License-Identifier: Apache-2.0

"""Simulated machines with umockdev's sysfs, and drivers that run on them.

umockdev's sysfs is visible only to one process and its children, so the
driver runs in a separate process (:mod:`driver_process`).
"""

import os
import pathlib

import fixtures

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import driver


def device(
    path: str,
    subsystem: str,
    links: dict[str, str] | None = None,
    **attributes: object,
) -> str:
    """Return the description of a device in umockdev's format.

    :param path: path below /sys: ``/devices/...``.
    :param links: targets of its symbolic links.
    """
    lines = [f'P: {path}', f'E: SUBSYSTEM={subsystem}']
    lines += [f'L: {name}={target}' for name, target in (links or {}).items()]
    lines += [f'A: {name}={text}\\n' for name, text in attributes.items()]
    return '\n'.join(lines) + '\n'


class Machine(driver.DriverProcess):
    """Machine with these devices, and one driver that runs on it.

    Permissions apply to all users on it, including root.

    :param devices: descriptions from :func:`device`.
    :ivar sys: actual path of its /sys.
    """

    def __init__(self, *devices: str) -> None:
        super().__init__()
        self._devices = devices

    def _setUp(self) -> None:
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        description = directory / 'machine.umockdev'
        description.write_text('\n'.join(self._devices))
        self._start(
            [
                *_unprivileged(),
                base.program('umockdev-run'),
                '-d',
                str(description),
                '--',
            ]
        )
        self.sys = (
            pathlib.Path(self._request('environment', 'UMOCKDEV_DIR')) / 'sys'
        )

    def run(self, *argv: str) -> str:
        """Run a program on the machine and return what it prints."""
        return str(self._request('run', *argv))

    def set(self, attribute: str, text: object) -> None:
        """Write an attribute."""
        (self.sys / attribute).write_text(f'{text}')

    def remove(self, path: str) -> None:
        """Remove an attribute or a link."""
        (self.sys / path).unlink()

    def forbid(self, attribute: str) -> None:
        """Make reading an attribute fail with EACCES."""
        (self.sys / attribute).chmod(0)

    def damage(self, attribute: str) -> None:
        """Make reading an attribute fail with EIO."""
        self.remove(attribute)
        (self.sys / attribute).symlink_to('/proc/self/mem')


def _unprivileged() -> list[str]:
    """Return a command that removes root's capability to read any file."""
    if os.geteuid() != 0:
        return []
    return [base.program('setpriv'), '--inh-caps=-all', '--bounding-set=-all']
