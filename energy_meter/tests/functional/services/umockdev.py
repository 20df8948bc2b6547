# SPDX-License-Identifier: Apache-2.0

"""Simulated machines with umockdev's sysfs, and drivers that run on them.

umockdev's sysfs is visible only to one process and its children, so the
driver runs in a separate process (:mod:`driver_process`).
"""

import json
import os
import pathlib
import select
import subprocess
import sys
import typing

import fixtures

from energy_meter import exception
from energy_meter import measurement
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import driver_process

#: Maximum time in seconds to wait for a response.
TIMEOUT_S = 60


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


class Machine(base.Service):
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
        self._log = directory / 'driver.log'
        with self._log.open('w') as log:
            self._process = subprocess.Popen(
                [
                    *_unprivileged(),
                    base.program('umockdev-run'),
                    '-d',
                    str(description),
                    '--',
                    sys.executable,
                    '-m',
                    driver_process.__name__,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.addCleanup(self._stop)
        self.sys = (
            pathlib.Path(self._request('environment', 'UMOCKDEV_DIR')) / 'sys'
        )

    def open(
        self, driver: str, *probes: str | None, **options: typing.Any
    ) -> None:
        """Create and open a driver.

        :raises DriverError: with the text of the driver's error, as do the
            other methods.
        """
        self._request('open', driver, probes, options)

    def read(self) -> list[measurement.Reading]:
        """Return the readings of the driver."""
        return [_reading(fields) for fields in self._request('read')]

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

    def _request(self, command: str, *args: typing.Any) -> typing.Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([command, args]) + '\n')
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT_S)
        line = self._process.stdout.readline() if ready else ''
        if not line:
            raise AssertionError(
                f'no response to {command}:\n{self._log.read_text()}'
            )
        result, error = json.loads(line)
        if error is not None:
            raise exception.DriverError(reason=error)
        return result

    def _stop(self) -> None:
        # The driver's process ends with its input; umockdev-run cleans up.
        self._process.communicate(timeout=TIMEOUT_S)


def _unprivileged() -> list[str]:
    """Return a command that removes root's capability to read any file."""
    if os.geteuid() != 0:
        return []
    return [base.program('setpriv'), '--inh-caps=-all', '--bounding-set=-all']


def _reading(fields: list[typing.Any]) -> measurement.Reading:
    reading = measurement.Reading(*fields)
    if fields[3] is None:
        return reading
    return reading._replace(counter=measurement.Counter(*fields[3]))
