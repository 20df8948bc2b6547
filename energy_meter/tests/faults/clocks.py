# SPDX-License-Identifier: Apache-2.0

"""Faults of clocks: they are stepped, wrong, unset or stopped."""

import pathlib
import random
import time

from energy_meter.tests.faults import clock_shim
from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.faults import processes

HOUR = installation.HOUR
#: Seconds until a register is known to be heard live, and its probe is
#: settled: two minutes of elapsed time, and one pass of a collector.
LIVE_AFTER = 140.0
#: Hours to the first hour of 1970, in which a machine without a battery
#: starts.
UNSET = -int(time.time() // HOUR)


class Step(fault.Fault):
    """Step the wall clock of one process by an hour and back.

    :param names: candidate processes; one is chosen at random.
    :param hours: 1 if its clock is ahead, -1 if it is behind.
    """

    def __init__(
        self, rng: random.Random, names: tuple[str, ...], hours: int
    ) -> None:
        super().__init__(rng)
        self.name = rng.choice(names)
        self.hours = hours

    def prepare(self, site: installation.Installation) -> None:
        self.clocks = site.useFixture(clock_shim.ClockShim())
        site.processes[self.name].env |= self.clocks.env

    def begin(self, site: installation.Installation) -> None:
        self.clocks.set_wall(self.hours * HOUR)

    def has_effect(self, site: installation.Installation) -> bool:
        maps = pathlib.Path(f'/proc/{site.processes[self.name].pid}/maps')
        return self.clocks.library.name in maps.read_text()

    def end(self, site: installation.Installation) -> None:
        self.clocks.set_wall(0)


class AgentStep(Step):
    """Step the wall clock of an agent."""

    def prepare(self, site: installation.Installation) -> None:
        super().prepare(site)
        site.agents[self.name].set('agent', clock='auto')

    def has_effect(self, site: installation.Installation) -> bool:
        newest = site.newest(self.name).timestamp / 1000
        return abs(time.time() + self.hours * HOUR - newest) < HOUR / 2


class WrongAtOpening(AgentStep):
    """A standby agent starts with a wrong clock, which is then corrected."""

    cost = fault.Cost.HANDOVER
    min_duration_s = LIVE_AFTER

    def __init__(self, rng: random.Random, hours: int) -> None:
        super().__init__(rng, installation.AGENTS, hours)

    def prepare(self, site: installation.Installation) -> None:
        super().prepare(site)
        site.add_standby(self.name)

    def begin(self, site: installation.Installation) -> None:
        site.processes[self.name].stop()
        super().begin(site)
        site.processes[self.name].start()


class Unset(WrongAtOpening):
    """A standby agent starts before the clock of its machine is set.

    The kernel says so, and nothing needs to be found out.
    """

    min_duration_s = 0.0

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, UNSET)

    def begin(self, site: installation.Installation) -> None:
        self.clocks.set_synced(False)
        super().begin(site)

    def end(self, site: installation.Installation) -> None:
        self.clocks.set_synced(True)
        super().end(site)


class PausedMachine(processes.Pause):
    """The machine of an agent is paused, and its wall clock is then set.

    Its other clocks do not count the pause. Another agent meters the same
    probes all the time.
    """

    cost = fault.Cost.HANDOVER

    def __init__(self, rng: random.Random) -> None:
        self._standby, paused = rng.sample(installation.AGENTS, 2)
        super().__init__(rng, [paused])

    def prepare(self, site: installation.Installation) -> None:
        self._clocks = site.useFixture(clock_shim.ClockShim())
        site.processes[self.name].env |= self._clocks.env
        site.add_standby(self._standby)

    def begin(self, site: installation.Installation) -> None:
        super().begin(site)
        self._began = time.monotonic()

    def end(self, site: installation.Installation) -> None:
        self._clocks.skip(time.monotonic() - self._began)
        super().end(site)
