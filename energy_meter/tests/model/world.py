# SPDX-License-Identifier: Apache-2.0

"""A probe, the machines that meter it, and what is due for it."""

from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import functools
import itertools
import random

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.tests.model import agents
from energy_meter.tests.model import bus
from energy_meter.tests.model import clocks
from energy_meter.tests.model import joined
from energy_meter.tests.model import power
from energy_meter.tests.model import registers
from energy_meter.tests.model import spans

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: Beginning of each history, an hour before midnight in UTC.
BEGIN = 1_800_054_000_000
_USUAL_WATTS = 200
_MAX_WATTS = 1000
_MEAN_STEP = 10 * MINUTE


class World:
    """Machines that meter one probe.

    :param generator: decides what happens. Power and IDs come from another,
        so that hypothesis has few values to choose.
    :param duration: time in ms for which the probe draws power.
    :param period: time in ms between two readings of a machine.
    """

    def __init__(
        self,
        generator: random.Random,
        duration: int,
        period: int = SECOND,
        probe: str = 'probe',
    ) -> None:
        self.random = generator
        self.probe = probe
        self.begin = BEGIN + generator.randrange(15 * MINUTE)
        self.end = self.begin + duration
        self.period = period
        self._noise = random.Random(generator.getrandbits(32))
        self.power = self._draw_power()
        self.machines: list[agents.Machine] = []
        self.copies = 0
        self._ids = self._draw_ids()

    def _draw_ids(self) -> Iterator[str]:
        """Yield different IDs that sort in any order."""
        for number in itertools.count():
            yield f'{self._noise.getrandbits(32):08x}{number:08x}'

    def _draw_power(self) -> power.Power:
        least = self.random.choice([0, _USUAL_WATTS])
        most = least + self.random.choice([_USUAL_WATTS, _MAX_WATTS])
        steps = []
        time = self.begin - DAY
        while time < self.end:
            steps.append((time, self._noise.randint(least, most)))
            pause = int(self._noise.expovariate(1 / _MEAN_STEP))
            time = max(time + pause, self.begin)
        return power.Power(steps)

    def machine(
        self,
        name: str,
        offset: int = 0,
        synced: bool = True,
        copied: agents.Machine | None = None,
    ) -> agents.Machine:
        """Add a machine, with the agent's UUID of another if it is copied."""
        machine = agents.Machine(
            self.probe,
            name,
            copied.uuid if copied else f'{next(self._ids)}-agent',
            clocks.Clock(offset, synced),
            self.power,
            self._ids,
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

    def draw_spans(self, count: int, longest: int) -> tuple[spans.Span, ...]:
        """Return at most ``count`` disjoint spans."""
        starts = self.times(count)
        return tuple(
            spans.union(
                spans.Span(s, s + self.random.randint(SECOND, longest))
                for s in starts
            )
        )

    def history(self, medium: bus.Bus) -> 'History':
        """Return what arrives until all marks are announced."""
        for machine in self.machines:
            tail = spans.Span(self.end + 1, self.end + 8 * HOUR)
            machine.idle = (tail,)
        return History(
            self.power,
            {
                register.key: register
                for machine in self.machines
                for process in machine.processes
                for register in process.registers
            },
            medium.deliver(self.machines, self._noise),
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
    ) -> list[spans.Span]:
        """Return the time in which at least one agent metered.

        A register counts up to its last measurement that arrived, and no
        longer than until the time ``until``.
        """
        metered: list[spans.Span] = []
        for register in known:
            truth = self.registers[register.key]
            last = truth.time(register.last.elapsed)
            metered += spans.clip(
                truth.covered, truth.opened, min(last, until)
            )
        return spans.union(metered)

    def due(
        self, known: Iterable[history.RegisterHistory], until: int = 2**62
    ) -> int:
        """Return the energy in mJ of :meth:`reported`."""
        return self.power.energy(self.reported(known, until))
