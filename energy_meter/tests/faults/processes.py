# SPDX-License-Identifier: Apache-2.0

"""Processes that die, end or hang."""

import collections.abc
import random

import psutil

from energy_meter.tests.faults import fault
from energy_meter.tests.faults import installation
from energy_meter.tests.functional.services import base

#: Seconds between two readings beyond which nobody can tell the energy.
MAX_GAP = 1.0
#: Millijoules that an agent meters, and nobody hears of, before it dies: some
#: seconds of all its probes.
UNHEARD = 2_000_000


class Kill(fault.Fault):
    """A process dies, as by kill -9, and is started again.

    :param names: of the processes, one of which is struck.
    """

    def __init__(
        self, chance: random.Random, names: collections.abc.Sequence[str]
    ) -> None:
        super().__init__(chance)
        self.name = chance.choice(names)
        if self.name in installation.AGENTS:
            self.cost = fault.Cost.UNPUBLISHED

    def begin(self, site: installation.Installation) -> None:
        site.kill(self.name)

    def has_effect(self, site: installation.Installation) -> bool:
        return site.processes[self.name].returncode is not None

    def end(self, site: installation.Installation) -> None:
        site.processes[self.name].start()


class Stop(Kill):
    """A process ends in good order and is started again."""

    def begin(self, site: installation.Installation) -> None:
        site.processes[self.name].stop()


class UnheardDeath(Kill):
    """An agent dies while the broker is away: its journal has the rest."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance, installation.AGENTS)

    def begin(self, site: installation.Installation) -> None:
        site.kill('broker')
        journal = site.agents[self.name].registers
        goal = sum(journal().values()) + UNHEARD
        base.wait_for(
            lambda: sum(journal().values()) > goal, 60, 'the agent goes on'
        )
        super().begin(site)

    def end(self, site: installation.Installation) -> None:
        site.processes['broker'].start()
        super().end(site)


class Pause(fault.Fault):
    """A process and its children hang, as by SIGSTOP.

    :param names: of the processes, one of which is struck.
    """

    def __init__(
        self, chance: random.Random, names: collections.abc.Sequence[str]
    ) -> None:
        super().__init__(chance)
        self.name = chance.choice(names)

    def begin(self, site: installation.Installation) -> None:
        site.processes[self.name].pause()

    def has_effect(self, site: installation.Installation) -> bool:
        process = psutil.Process(site.processes[self.name].pid)
        return process.status() == psutil.STATUS_STOPPED

    def end(self, site: installation.Installation) -> None:
        site.processes[self.name].resume()


class Gap(Pause):
    """An agent that has to integrate power hangs for too long."""

    cost = fault.Cost.COVERAGE
    least = 2 * MAX_GAP

    def __init__(self, chance: random.Random) -> None:
        super().__init__(chance, installation.AGENTS)

    def prepare(self, site: installation.Installation) -> None:
        configuration = site.agents[self.name]
        configuration.set('agent', max_gap=MAX_GAP)
        configuration.set('wattmeter:meter', energy='integrate')


class Storm(fault.Fault):
    """Several faults one over the other.

    :param faults: begin in this order, and end in any.
    """

    def __init__(
        self,
        chance: random.Random,
        faults: collections.abc.Sequence[fault.Fault],
    ) -> None:
        super().__init__(chance)
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
        for each in self.chance.sample(self._faults, len(self._faults)):
            each.end(site)
