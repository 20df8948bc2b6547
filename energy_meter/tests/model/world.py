# SPDX-License-Identifier: Apache-2.0

"""A probe, the machines that meter it, and what is due for it."""

from collections.abc import Iterable
import dataclasses
import functools
import random
import uuid

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.tests.model import agents
from energy_meter.tests.model import bus
from energy_meter.tests.model import clocks
from energy_meter.tests.model import joined
from energy_meter.tests.model import power
from energy_meter.tests.model import registers

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: Beginning of each history, a multiple of a quarter-hour.
BEGIN = 1_800_000_000_000
_USUAL_WATTS = 200
_MAX_WATTS = 1000
_MEAN_STEP = 10 * MINUTE


class World:
    """Machines that meter one probe.

    :param generator: decides everything that a history leaves open.
    :param duration: time in ms for which the probe draws power.
    :param period: time in ms between two readings of a machine.
    """

    def __init__(
        self, generator: random.Random, duration: int, period: int = SECOND
    ) -> None:
        self.random = generator
        self.begin = BEGIN + generator.randrange(15 * MINUTE)
        self.end = self.begin + duration
        self.period = period
        self.power = self._draw()
        self.machines: list[agents.Machine] = []
        self.copies = 0

    def _draw(self) -> power.Power:
        least = self.random.choice([0, _USUAL_WATTS])
        most = least + self.random.choice([_USUAL_WATTS, _MAX_WATTS])
        steps = []
        time = self.begin - DAY
        while time < self.end + DAY:
            watts = self.random.randint(least, most)
            steps.append((time, watts))
            if time < self.begin:
                time = self.begin
            elif time >= self.end:
                break
            time += 1 + int(self.random.expovariate(1 / _MEAN_STEP))
        return power.Power(steps)

    def machine(
        self,
        name: str,
        offset: int = 0,
        synced: bool = True,
        copied: agents.Machine | None = None,
    ) -> agents.Machine:
        """Add a machine, with the agent's UUID of another if it is copied."""
        number = uuid.UUID(int=self.random.getrandbits(128))
        machine = agents.Machine(
            name,
            copied.uuid if copied else str(number),
            clocks.Clock(offset, synced),
            self.power,
            self.random,
            self.period,
            self.random.choice([10 * SECOND, MINUTE]),
        )
        self.machines.append(machine)
        return machine

    def time(self, start: float = 0.0, stop: float = 1.0) -> int:
        """Return a time between two parts of the duration."""
        length = self.end - self.begin
        return self.begin + int(length * self.random.uniform(start, stop))

    def times(self, count: int) -> list[int]:
        return sorted(self.time() for _ in range(count))

    def spans(self, count: int, longest: int) -> tuple[power.Span, ...]:
        """Return at most ``count`` disjoint spans."""
        starts = self.times(count)
        return tuple(
            power.union(
                power.Span(s, s + self.random.randint(SECOND, longest))
                for s in starts
            )
        )

    def history(self, medium: bus.Bus) -> 'History':
        """Return what arrives until all marks are announced."""
        for machine in self.machines:
            tail = power.Span(self.end + 1, self.end + 8 * HOUR)
            machine.idle = (tail,)
        return History(
            self.power,
            {
                register.key: register
                for machine in self.machines
                for process in machine.processes
                for register in process.registers
            },
            medium.deliver(
                self.machines, random.Random(self.random.getrandbits(32))
            ),
            self.copies,
        )


@dataclasses.dataclass
class History:
    """What arrived of the registers of a probe, and the truth.

    :ivar copies: how often state was copied from an agent that ran on.
    """

    power: power.Power
    registers: dict[measurement.RegisterKey, registers.Register]
    arrivals: list[bus.Arrival]
    copies: int = 0

    @functools.cached_property
    def known(self) -> list[history.RegisterHistory]:
        return joined.join(self.arrivals)

    def reported(
        self, known: Iterable[history.RegisterHistory], until: int = 2**62
    ) -> list[power.Span]:
        """Return the time in which at least one agent metered.

        A register counts up to its last measurement that arrived, and no
        longer than until the time ``until``.
        """
        spans: list[power.Span] = []
        for register in known:
            truth = self.registers[register.key]
            last = truth.time(register.last.elapsed)
            spans += power.clip(truth.covered, truth.opened, min(last, until))
        return power.union(spans)

    def due(
        self, known: Iterable[history.RegisterHistory], until: int = 2**62
    ) -> int:
        """Return the energy in mJ of :meth:`reported`."""
        return self.power.energy(self.reported(known, until))
