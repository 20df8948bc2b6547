# SPDX-License-Identifier: Apache-2.0

"""Process that runs one driver, controlled by lines of JSON.

Each line on the standard input has a command and its arguments. The process
answers on the standard output with the result, or the text of the error.
"""

import dataclasses
import json
import os
import pkgutil
import subprocess
import sys
import typing

import stevedore

from energy_meter import exception
from energy_meter.drivers import base
from energy_meter.tests import drivers


class Commands:
    """Commands of the process; each method is one."""

    driver: base.Driver

    def environment(self, name: str) -> str:
        return os.environ[name]

    def open(
        self,
        name: str,
        probes: list[str | None],
        options: dict[str, typing.Any],
    ) -> None:
        if ':' in name:
            driver = pkgutil.resolve_name(name)
        else:
            driver = stevedore.DriverManager(
                'energy_meter.drivers', name
            ).driver
        self.driver = drivers.make(driver, *probes, **options)
        self.driver.open()

    def channels(self) -> list[typing.Any]:
        return [
            dataclasses.astuple(channel) for channel in self.driver.channels()
        ]

    def close(self) -> None:
        self.driver.close()

    def read(self) -> list[typing.Any]:
        return [
            reading._replace(
                counter=reading.counter
                and dataclasses.astuple(reading.counter)
            )
            for reading in self.driver.read()
        ]

    def run(self, *argv: str) -> str:
        return subprocess.run(
            argv, check=True, text=True, timeout=60, stdout=subprocess.PIPE
        ).stdout


def main() -> None:
    commands = Commands()
    for line in sys.stdin:
        name, args = json.loads(line)
        try:
            answer = [getattr(commands, name)(*args), None]
        except exception.DriverError as e:
            answer = [None, str(e)]
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
