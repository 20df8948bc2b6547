# SPDX-License-Identifier: Apache-2.0

"""Rules for merging, checked against a model that knows the result."""

import unittest

import hypothesis
from hypothesis import stateful
from hypothesis import strategies

from energy_meter.collector import merge
from energy_meter.tests.unit.collector import world

AGENTS = strategies.sampled_from(['A', 'B'])
STEPS = 40


class Machine(stateful.RuleBasedStateMachine):
    """Events of agents, bus and collectors, in any order."""

    @stateful.initialize(seed=strategies.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.world = world.World(seed)
        self.account = merge.ProbeAccount()
        self.highest = 0

    @stateful.rule(
        seconds=strategies.integers(1, 40), watts=strategies.integers(0, 500)
    )
    def draw(self, seconds: int, watts: int) -> None:
        self.world.draw(seconds, watts)

    @stateful.rule(name=AGENTS)
    def publish(self, name: str) -> None:
        self.world.publish(name)

    @stateful.rule()
    def lose(self) -> None:
        self.world.lose()

    @stateful.rule()
    def repeat(self) -> None:
        self.world.repeat()

    @stateful.rule()
    def collect(self) -> None:
        self.merge(self.world.receive())

    @stateful.rule()
    def kill_collector(self) -> None:
        """Return the messages that it received and did not acknowledge."""
        self.world.bus += self.world.receive()

    @stateful.invariant()
    def never_decreases(self) -> None:
        if hasattr(self, 'account'):
            assert self.account.millijoules >= self.highest
            self.highest = self.account.millijoules

    def merge(self, measurements: list) -> None:
        world.merge_all(self.account, measurements, self.world.timestamp)

    def settle(self) -> None:
        """Stop all agents and receive all final measurements, in any order."""
        for name in self.world.agents:
            self.world.stop(name)
        self.world.republish()
        while self.world.bus:
            self.merge(self.world.receive())


class OneAgent(Machine):
    """One agent that is restarted and killed, and whose clock is stepped."""

    @stateful.rule()
    def start(self) -> None:
        self.world.start('A')

    @stateful.rule()
    def stop(self) -> None:
        self.world.stop('A')

    @stateful.rule()
    def kill(self) -> None:
        self.world.kill('A')

    @stateful.rule(seconds=strategies.integers(-7200, 7200))
    def step_clock(self, seconds: int) -> None:
        self.world.agents['A'].clock_error += seconds

    def teardown(self) -> None:
        if hasattr(self, 'account'):
            self.settle()
            assert self.account.millijoules == self.world.published()
            assert self.account.overlap == 0


class Moves(Machine):
    """A probe that moves between two agents, never metered by both."""

    @stateful.rule(name=AGENTS)
    def move(self, name: str) -> None:
        for other in self.world.agents:
            if other != name:
                self.world.stop(other)
        self.world.start(name)

    @stateful.rule(name=AGENTS)
    def kill(self, name: str) -> None:
        self.world.kill(name)

    def teardown(self) -> None:
        if hasattr(self, 'account'):
            self.settle()
            assert self.account.millijoules == self.world.published()


class Overlaps(Machine):
    """Two agents that meter the probe at any time."""

    @stateful.rule(name=AGENTS)
    def start(self, name: str) -> None:
        self.world.start(name)

    @stateful.rule(name=AGENTS)
    def stop(self, name: str) -> None:
        self.world.stop(name)

    @stateful.rule(name=AGENTS)
    def kill(self, name: str) -> None:
        self.world.kill(name)

    @stateful.invariant()
    def never_billed_twice(self) -> None:
        if hasattr(self, 'account'):
            assert self.account.millijoules <= self.world.drawn

    def teardown(self) -> None:
        if not hasattr(self, 'account'):
            return
        self.settle()
        assert self.account.millijoules <= self.world.drawn
        billed_or_overlap = self.account.millijoules + self.account.overlap
        pending = sum(
            register.pending for register in self.account.others.values()
        )
        assert billed_or_overlap + pending >= self.world.published()


def case(machine: type[Machine]) -> type[unittest.TestCase]:
    machine.TestCase.settings = hypothesis.settings(
        max_examples=150,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    return machine.TestCase


TestOneAgent = case(OneAgent)
TestMoves = case(Moves)
TestOverlaps = case(Overlaps)
