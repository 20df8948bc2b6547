# SPDX-License-Identifier: Apache-2.0

"""Faults of processes: they die, stop or hang."""

import collections.abc
import random

import psutil

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.functional.services import base

#: Seconds between two readings beyond which the energy is unknown.
MAX_GAP = 1.0
#: Millijoules that an agent meters without publishing before it is killed: a
#: few seconds of all its probes.
UNPUBLISHED = 2_000_000


class Kill(fault.Fault):
    """A process is killed with SIGKILL and restarted.

    :param names: candidate processes; one is chosen at random.
    """

    def __init__(
        self, rng: random.Random, names: collections.abc.Sequence[str]
    ) -> None:
        super().__init__(rng)
        self.name = rng.choice(names)
        if self.name in installation.AGENTS:
            self.cost = fault.Cost.UNPUBLISHED

    def begin(self, site: installation.Installation) -> None:
        site.kill(self.name)

    def has_effect(self, site: installation.Installation) -> bool:
        return site.processes[self.name].returncode is not None

    def end(self, site: installation.Installation) -> None:
        site.processes[self.name].start()


class Stop(Kill):
    """A process is stopped gracefully and restarted."""

    def begin(self, site: installation.Installation) -> None:
        site.processes[self.name].stop()


class DeathDuringOutage(Kill):
    """An agent is killed while the broker is down; its checkpoint remains."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, installation.AGENTS)

    def begin(self, site: installation.Installation) -> None:
        site.kill('broker')
        checkpoint = site.agents[self.name].registers
        goal = sum(checkpoint().values()) + UNPUBLISHED
        base.wait_for(
            lambda: sum(checkpoint().values()) > goal,
            60,
            'the agent to go on metering',
        )
        super().begin(site)

    def end(self, site: installation.Installation) -> None:
        site.processes['broker'].start()
        super().end(site)


class Pause(fault.Fault):
    """A process and its children hang (SIGSTOP).

    :param names: candidate processes; one is chosen at random.
    """

    def __init__(
        self, rng: random.Random, names: collections.abc.Sequence[str]
    ) -> None:
        super().__init__(rng)
        self.name = rng.choice(names)

    def begin(self, site: installation.Installation) -> None:
        site.processes[self.name].pause()

    def has_effect(self, site: installation.Installation) -> bool:
        process = psutil.Process(site.processes[self.name].pid)
        return process.status() == psutil.STATUS_STOPPED

    def end(self, site: installation.Installation) -> None:
        site.processes[self.name].resume()


class Gap(Pause):
    """An agent that integrates power hangs for longer than ``max_gap``."""

    cost = fault.Cost.COVERAGE
    min_duration_s = 2 * MAX_GAP

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng, installation.AGENTS)

    def prepare(self, site: installation.Installation) -> None:
        configuration = site.agents[self.name]
        configuration.set('agent', max_gap=MAX_GAP)
        configuration.set('wattmeter:meter', energy='integrate')


class Storm(fault.Fault):
    """Several overlapping faults.

    :param faults: injected in this order and repaired in random order.
    """

    def __init__(
        self,
        rng: random.Random,
        faults: collections.abc.Sequence[fault.Fault],
    ) -> None:
        super().__init__(rng)
        self._faults = faults

    def prepare(self, site: installation.Installation) -> None:
        for each in self._faults:
            each.prepare(site)

    def begin(self, site: installation.Installation) -> None:
        for each in self._faults:
            each.begin(site)

    def has_effect(self, site: installation.Installation) -> bool:
        return all(each.has_effect(site) for each in self._faults)

    def end(self, site: installation.Installation) -> None:
        for each in self.rng.sample(self._faults, len(self._faults)):
            each.end(site)
