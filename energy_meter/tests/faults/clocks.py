# SPDX-License-Identifier: Apache-2.0

"""Wall clocks that are set while a service runs."""

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
    """The wall clock of one process is wrong by an hour for a while.

    :param names: of the processes, one of which is struck.
    :param hours: 1 if its clock is ahead, -1 if it is behind.
    """

    def __init__(
        self, chance: random.Random, names: tuple[str, ...], hours: int
    ) -> None:
        super().__init__(chance)
        self._name = chance.choice(names)
        self._seconds = hours * HOUR

    def prepare(self, site: installation.Installation) -> None:
        self._offset = site.site.directory / 'clock'
        self._set(0)
        library = importlib.resources.files('libfaketime') / _LIBRARY
        site.processes[self._name].env |= {
            'LD_PRELOAD': str(library),
            'FAKETIME_TIMESTAMP_FILE': os.fspath(self._offset),
            # The file is read at every look at the clock.
            'FAKETIME_NO_CACHE': '1',
            'FAKETIME_DONT_FAKE_MONOTONIC': '1',
            # Else the times of files change too, and with them whether
            # Python takes what it has compiled.
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
    """The wall clock of an agent is wrong for a while."""

    def has_effect(self, site: installation.Installation) -> bool:
        journal = site.agents[self._name].directory / 'state' / 'journal.json'
        _, _, measured_at, *_ = json.loads(journal.read_text())[0]
        return abs(time.time() + self._seconds - measured_at) < HOUR / 2
