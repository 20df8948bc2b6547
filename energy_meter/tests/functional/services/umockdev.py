# SPDX-License-Identifier: Apache-2.0

"""Machines whose sysfs is made up by umockdev, and drivers that run on them.

umockdev shows its sysfs to one process and its children only, so a driver
runs in a process of its own (``driver_process``).
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

#: Longest wait for an answer, in seconds.
TIMEOUT = 60


def device(
    path: str,
    subsystem: str,
    links: dict[str, str] | None = None,
    **attributes: object,
) -> str:
    """Describe a device in umockdev's language.

    :param path: below /sys: ``/devices/...``.
    :param links: targets of its symbolic links.
    """
    lines = [f'P: {path}', f'E: SUBSYSTEM={subsystem}']
    lines += [f'L: {name}={target}' for name, target in (links or {}).items()]
    lines += [f'A: {name}={text}\\n' for name, text in attributes.items()]
    return '\n'.join(lines) + '\n'


class Machine(base.Service):
    """A machine with these devices, and one driver on it.

    Nobody on it may read what is forbidden, not even root.

    :param devices: as :func:`device` describes them.
    :ivar sys: where its /sys really is.
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
            pathlib.Path(self._tell('environment', 'UMOCKDEV_DIR')) / 'sys'
        )

    def open(
        self, driver: str, *probes: str | None, **options: typing.Any
    ) -> None:
        """Make a driver and open it.

        :raises DriverError: its error, as far as the text goes; as
            :meth:`read`.
        """
        self._tell('open', driver, probes, options)

    def read(self) -> list[measurement.Reading]:
        """Let the driver read."""
        return [_reading(fields) for fields in self._tell('read')]

    def run(self, *argv: str) -> str:
        """Run a program on the machine and return what it prints."""
        return str(self._tell('run', *argv))

    def set(self, attribute: str, text: object) -> None:
        (self.sys / attribute).write_text(f'{text}')

    def remove(self, path: str) -> None:
        (self.sys / path).unlink()

    def forbid(self, attribute: str) -> None:
        """Make reading an attribute fail with EACCES."""
        (self.sys / attribute).chmod(0)

    def damage(self, attribute: str) -> None:
        """Make reading an attribute fail with EIO."""
        self.remove(attribute)
        (self.sys / attribute).symlink_to('/proc/self/mem')

    def _tell(self, command: str, *args: typing.Any) -> typing.Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([command, args]) + '\n')
        self._process.stdin.flush()
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT)
        line = self._process.stdout.readline() if ready else ''
        if not line:
            raise AssertionError(
                f'no answer to {command}:\n{self._log.read_text()}'
            )
        result, error = json.loads(line)
        if error is not None:
            raise exception.DriverError(reason=error)
        return result

    def _stop(self) -> None:
        # The driver's process ends with its input; umockdev-run tidies up.
        self._process.communicate(timeout=TIMEOUT)


def _unprivileged() -> list[str]:
    """Give the command that takes root's right to read everything away."""
    if os.geteuid() != 0:
        return []
    return [base.program('setpriv'), '--inh-caps=-all', '--bounding-set=-all']


def _reading(fields: list[typing.Any]) -> measurement.Reading:
    reading = measurement.Reading(*fields)
    if fields[3] is None:
        return reading
    return reading._replace(counter=measurement.Counter(*fields[3]))
