# SPDX-License-Identifier: Apache-2.0

"""Driver in a separate process, which may have another environment."""

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


class DriverProcess(base.Service):
    """Process that runs one driver.

    :param environment: variables that the process has in addition.
    """

    def __init__(self, **environment: str) -> None:
        super().__init__()
        self._environment = environment

    def _setUp(self) -> None:
        self._start([])

    def open(
        self, driver: str, *probes: str | None, **options: typing.Any
    ) -> None:
        """Create and open a driver, by its name or as MODULE:CLASS.

        :raises DriverError: with the text of the driver's error, as do the
            other methods.
        """
        self._request('open', driver, probes, options)

    def channels(self) -> list[tuple[str, str | None]]:
        """Return index and name of each channel of the driver."""
        return [tuple(fields) for fields in self._request('channels')]

    def read(self) -> list[measurement.Reading]:
        """Return the readings of the driver."""
        return [_reading(fields) for fields in self._request('read')]

    def close(self) -> None:
        """Close the driver."""
        self._request('close')

    def _start(self, prefix: list[str]) -> None:
        """Start the process.

        :param prefix: command that runs it.
        """
        directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self._log = directory / 'driver.log'
        with self._log.open('w') as log:
            self._process = subprocess.Popen(
                [*prefix, sys.executable, '-m', driver_process.__name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env=os.environ | self._environment,
            )
        self.addCleanup(self._stop)

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
        # The process ends with its input.
        self._process.communicate(timeout=TIMEOUT_S)


def _reading(fields: list[typing.Any]) -> measurement.Reading:
    reading = measurement.Reading(*fields)
    if fields[3] is None:
        return reading
    return reading._replace(counter=measurement.Counter(*fields[3]))
