# SPDX-License-Identifier: Apache-2.0

"""An executable model of agents that meter one probe.

Power is a whole number of watts and time a whole number of seconds, so every
energy is exact. The model knows the truth: which agent metered when, and how
much energy the probe drew meanwhile.
"""

import dataclasses
import random

from energy_meter import measurement
from energy_meter.collector import merge

#: The model's time starts here; it is the database's clock too.
EPOCH = 1_700_000_000


@dataclasses.dataclass
class Agent:
    """An agent, and the registers that it has had."""

    name: str
    clock_error: int = 0
    incarnation: int = 0
    metering: bool = False
    millijoules: int = 0
    opened: int = 0
    key: measurement.RegisterKey | None = None
    #: The last word of each register that is known to disk or bus.
    safe: dict[str, measurement.Measurement] = dataclasses.field(
        default_factory=dict
    )


class World:
    """Two agents, one probe, and a bus that does what it likes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.time = EPOCH
        self.agents = {name: Agent(name) for name in ('A', 'B')}
        self.bus: list[measurement.Measurement] = []
        #: Energy drawn while at least one agent metered it, in millijoules.
        self.drawn = 0

    def pass_time(self, seconds: int, watts: int) -> None:
        """Let the probe draw power; whoever meters it, counts it."""
        energy = seconds * watts * 1000
        metering = [agent for agent in self.agents.values() if agent.metering]
        for agent in metering:
            agent.millijoules += energy
        self.drawn += energy if metering else 0
        self.time += seconds

    def start(self, name: str) -> None:
        """Start an agent: a new incarnation with a new register."""
        agent = self.agents[name]
        if agent.metering:
            return
        agent.metering = True
        agent.incarnation += 1
        agent.millijoules, agent.opened = 0, self.time
        agent.key = measurement.RegisterKey(
            f'{name * 8}-0000-0000-0000-000000000000'.lower(),
            f'{self.random.getrandbits(64):016x}',
            agent.incarnation,
        )

    def speak(self, name: str) -> measurement.Measurement | None:
        """Let an agent publish what its register shows."""
        agent = self.agents[name]
        if not agent.metering or agent.key is None:
            return None
        elapsed = self.time - agent.opened
        word = measurement.Measurement(
            measurement.Probe('p', 'node', 'p', 'w', 'dummy', name),
            agent.key,
            self.time + agent.clock_error,
            float(elapsed),
            agent.millijoules,
            float(elapsed),
            1.0,
        )
        agent.safe[agent.key.id] = word
        self.bus.append(word)
        return word

    def stop(self, name: str) -> None:
        """End an agent cleanly: its journal has the last word."""
        self.speak(name)
        self.agents[name].metering = False

    def kill(self, name: str) -> None:
        """Kill an agent: nobody learns what it did not publish."""
        self.agents[name].metering = False

    def lose(self) -> None:
        """Lose a message."""
        if self.bus:
            self.bus.pop(self.random.randrange(len(self.bus)))

    def repeat(self) -> None:
        """Deliver a message once more, some time."""
        if self.bus:
            self.bus.append(self.random.choice(self.bus))

    def take(self) -> list[measurement.Measurement]:
        """Take some messages, in any order."""
        self.random.shuffle(self.bus)
        number = self.random.randint(0, len(self.bus))
        taken, self.bus = self.bus[:number], self.bus[number:]
        return taken

    def announce(self) -> None:
        """Let every agent repeat the last words of all its registers."""
        for agent in self.agents.values():
            self.bus += agent.safe.values()

    def spoken(self) -> int:
        """Give the energy of all registers, as far as it was spoken of."""
        return sum(
            word.millijoules
            for agent in self.agents.values()
            for word in agent.safe.values()
        )


def merge_all(
    account: merge.Account,
    words: list[measurement.Measurement],
    now: float,
    takeover: float = 60.0,
) -> None:
    """Merge a batch as the collector does."""
    for word in merge.newest(words):
        if word.time > now:
            word = word._replace(time=now)
        merge.merge(account, word, now, takeover)
