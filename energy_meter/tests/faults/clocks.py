# SPDX-License-Identifier: Apache-2.0

"""Faults of wall clocks: they are stepped while a service runs."""

import importlib.resources
import json
import os
import pathlib
import random
import time

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation

HOUR = 3600

_LIBRARY = 'vendor/libfaketime/src/libfaketime.so.1'


class Step(fault.Fault):
    """Step the wall clock of one process by an hour and back.

    :param names: candidate processes; one is chosen at random.
    :param hours: 1 if its clock is ahead, -1 if it is behind.
    """

    def __init__(
        self, rng: random.Random, names: tuple[str, ...], hours: int
    ) -> None:
        super().__init__(rng)
        self._name = rng.choice(names)
        self._seconds = hours * HOUR

    def prepare(self, site: installation.Installation) -> None:
        self._offset = site.site.directory / 'clock'
        self._set(0)
        library = importlib.resources.files('libfaketime') / _LIBRARY
        site.processes[self._name].env |= {
            'LD_PRELOAD': str(library),
            'FAKETIME_TIMESTAMP_FILE': os.fspath(self._offset),
            # Read the file at every call that asks for the time.
            'FAKETIME_NO_CACHE': '1',
            'FAKETIME_DONT_FAKE_MONOTONIC': '1',
            # Otherwise modification times change as well, and Python
            # recompiles every module.
            'NO_FAKE_STAT': '1',
        }

    def begin(self, site: installation.Installation) -> None:
        self._set(self._seconds)

    def has_effect(self, site: installation.Installation) -> bool:
        maps = pathlib.Path(f'/proc/{site.processes[self._name].pid}/maps')
        return _LIBRARY in maps.read_text()

    def end(self, site: installation.Installation) -> None:
        self._set(0)

    def _set(self, seconds: int) -> None:
        fresh = self._offset.with_suffix('.new')
        fresh.write_text(f'{seconds:+d}\n')
        fresh.replace(self._offset)


class AgentStep(Step):
    """Step the wall clock of an agent."""

    def has_effect(self, site: installation.Installation) -> bool:
        checkpoint = (
            site.agents[self._name].directory / 'state' / 'checkpoint.json'
        )
        _, _, timestamp, *_ = json.loads(checkpoint.read_text())[0]
        return abs(time.time() + self._seconds - timestamp) < HOUR / 2
