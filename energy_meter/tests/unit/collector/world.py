# SPDX-License-Identifier: Apache-2.0

"""Executable model of agents that meter one probe.

Power is a whole number of watts and time a whole number of seconds, so every
energy is exact. The model knows the correct result: which agent metered the
probe when, and how much energy the probe drew.
"""

import dataclasses
import random

from energy_meter import measurement
from energy_meter.collector import merge

#: Start time of the model, which is the database's clock as well.
EPOCH = 1_700_000_000


@dataclasses.dataclass
class Agent:
    """An agent and its registers."""

    name: str
    clock_error: int = 0
    incarnation: int = 0
    metering: bool = False
    millijoules: int = 0
    opened_at: int = 0
    key: measurement.RegisterKey | None = None
    #: The last published measurement of each register, by register id.
    published: dict[str, measurement.Measurement] = dataclasses.field(
        default_factory=dict
    )


class World:
    """Two agents, one probe, and an unreliable bus."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.timestamp = EPOCH
        self.agents = {name: Agent(name) for name in ('A', 'B')}
        self.bus: list[measurement.Measurement] = []
        #: Energy drawn while at least one agent metered it, in millijoules.
        self.drawn = 0

    def draw(self, seconds: int, watts: int) -> None:
        """Draw power for some time, metered by all running agents."""
        energy = seconds * watts * 1000
        metering = [agent for agent in self.agents.values() if agent.metering]
        for agent in metering:
            agent.millijoules += energy
        self.drawn += energy if metering else 0
        self.timestamp += seconds

    def start(self, name: str) -> None:
        """Start an agent with a new incarnation and a new register."""
        agent = self.agents[name]
        if agent.metering:
            return
        agent.metering = True
        agent.incarnation += 1
        agent.millijoules, agent.opened_at = 0, self.timestamp
        agent.key = measurement.RegisterKey(
            f'{name * 8}-0000-0000-0000-000000000000'.lower(),
            f'{self.random.getrandbits(64):016x}',
            agent.incarnation,
        )

    def publish(self, name: str) -> None:
        """Publish the measurement of an agent's register, if it runs."""
        agent = self.agents[name]
        if not agent.metering or agent.key is None:
            return
        elapsed = self.timestamp - agent.opened_at
        latest = measurement.Measurement(
            measurement.Probe('p', 'node', 'p', 'w', 'dummy', name),
            agent.key,
            self.timestamp + agent.clock_error,
            float(elapsed),
            agent.millijoules,
            float(elapsed),
            1.0,
        )
        agent.published[agent.key.id] = latest
        self.bus.append(latest)

    def stop(self, name: str) -> None:
        """Stop an agent cleanly, after a final measurement."""
        self.publish(name)
        self.agents[name].metering = False

    def kill(self, name: str) -> None:
        """Kill an agent, which loses what it has not published."""
        self.agents[name].metering = False

    def lose(self) -> None:
        """Lose a message."""
        if self.bus:
            self.bus.pop(self.random.randrange(len(self.bus)))

    def repeat(self) -> None:
        """Duplicate a message."""
        if self.bus:
            self.bus.append(self.random.choice(self.bus))

    def receive(self) -> list[measurement.Measurement]:
        """Receive some messages, in any order."""
        self.random.shuffle(self.bus)
        count = self.random.randint(0, len(self.bus))
        received, self.bus = self.bus[:count], self.bus[count:]
        return received

    def republish(self) -> None:
        """Publish the last measurements of all registers once more."""
        for agent in self.agents.values():
            self.bus += agent.published.values()

    def published(self) -> int:
        """Return the energy of all registers as far as it was published."""
        return sum(
            latest.millijoules
            for agent in self.agents.values()
            for latest in agent.published.values()
        )


def merge_all(
    account: merge.ProbeAccount,
    measurements: list[measurement.Measurement],
    db_now: float,
    takeover: float = 60.0,
) -> None:
    """Merge a batch as the collector does."""
    for newest in merge.newest(measurements):
        clamped = newest._replace(timestamp=min(newest.timestamp, db_now))
        merge.merge(account, clamped, db_now, takeover)
