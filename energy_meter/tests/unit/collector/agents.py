# SPDX-License-Identifier: Apache-2.0

"""Agents that meter the same probes, and a bus that delays what they publish.

Times are in ms. Each agent meters a power of its own, so that it matters which
one is billed.
"""

import collections.abc
import dataclasses
import random

from energy_meter import measurement

#: Date of the beginning, a multiple of a quarter-hour.
EPOCH = 1_700_000_100_000 // 900_000 * 900_000
INTERVAL_MS = 900_000

_Batch = tuple[int, list[measurement.Measurement]]


@dataclasses.dataclass
class Agent:
    """An agent that meters one probe.

    :ivar skew: how far its clock is ahead, in ms.
    """

    probe: str
    name: str
    milliwatts: int
    skew: int = 0
    synced: bool = True
    register: str = ''
    after: measurement.Predecessor | None = None
    opened: int = 0
    last: int = 0

    def start(self, generator: random.Random, date: int) -> None:
        """Open a register, after the previous one if there is one."""
        if self.register:
            self.after = measurement.Predecessor(
                self.register, self.last - self.opened
            )
        self.register = f'{generator.getrandbits(64):016x}'
        self.opened = self.last = date

    def point(self, date: int, is_mark: bool) -> measurement.Measurement:
        """Return the state of the register at a date."""
        elapsed = date - self.opened
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    self.probe, 'node', 'host', 'w', 'dummy', self.name
                ),
                measurement.RegisterKey(f'{self.name}-uuid', self.register),
                self.after,
                self.synced,
            ),
            date + self.skew,
            elapsed,
            elapsed * self.milliwatts // 1000,
            elapsed,
            None if is_mark else self.milliwatts / 1000,
            is_mark=is_mark,
        )

    def measure(self, date: int) -> list[measurement.Measurement]:
        """Return the marks since the last measurement, and a new one."""
        wall = self.last + self.skew
        first = wall // INTERVAL_MS * INTERVAL_MS + INTERVAL_MS
        marks = [
            self.point(crossing - self.skew, is_mark=True)
            for crossing in range(first, date + self.skew + 1, INTERVAL_MS)
        ]
        self.last = date
        return [*marks, self.point(date, is_mark=False)]


def batches(
    generator: random.Random, probes: collections.abc.Sequence[str]
) -> collections.abc.Iterator[_Batch]:
    """Yield batches of measurements, and when each arrives.

    Agents restart, and pause; messages are delayed, repeated and reordered.
    """
    agents = [
        Agent(
            probe,
            name,
            generator.randint(1, 500_000),
            generator.choice((0, 0, 0, 400, -3_600_000, 3_600_000)),
            generator.random() < 0.8,
        )
        for probe in probes
        for name in generator.sample(('A', 'B', 'C'), 2)
    ]
    bus: list[measurement.Measurement] = []
    date = EPOCH
    for _ in range(generator.randint(5, 40)):
        date += generator.choice((1_000, 10_000, 60_000, 400_000, 2_000_000))
        for agent in agents:
            action = generator.random()
            if not agent.register or action < 0.1:
                agent.start(generator, date)
            elif action < 0.7:
                bus += agent.measure(date)
        if generator.random() < 0.7:
            generator.shuffle(bus)
            count = generator.randint(0, len(bus))
            yield date, bus[:count]
            bus = bus[count:] + generator.sample(bus[:count], count // 4)
    yield date + 1000, bus
