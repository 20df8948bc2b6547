# SPDX-License-Identifier: Apache-2.0

"""The rules of crediting, against a model that knows the truth."""

import unittest

import hypothesis
from hypothesis import stateful
from hypothesis import strategies

from energy_meter.collector import merge
from energy_meter.tests.unit.collector import world

AGENTS = strategies.sampled_from(['A', 'B'])
STEPS = 40


class Machine(stateful.RuleBasedStateMachine):
    """What can happen to agents, bus and collectors, in any order."""

    @stateful.initialize(seed=strategies.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.world = world.World(seed)
        self.account = merge.Account()
        self.highest = 0

    @stateful.rule(
        seconds=strategies.integers(1, 40), watts=strategies.integers(0, 500)
    )
    def pass_time(self, seconds: int, watts: int) -> None:
        self.world.pass_time(seconds, watts)

    @stateful.rule(name=AGENTS)
    def publish(self, name: str) -> None:
        self.world.speak(name)

    @stateful.rule()
    def lose(self) -> None:
        self.world.lose()

    @stateful.rule()
    def repeat(self) -> None:
        self.world.repeat()

    @stateful.rule()
    def collect(self) -> None:
        self.merge(self.world.take())

    @stateful.rule()
    def collector_is_killed(self) -> None:
        """It had taken messages; unacknowledged, they go back."""
        self.world.bus += self.world.take()

    @stateful.invariant()
    def never_falls(self) -> None:
        if hasattr(self, 'account'):
            assert self.account.millijoules >= self.highest
            self.highest = self.account.millijoules

    def merge(self, words: list) -> None:
        world.merge_all(self.account, words, self.world.time)

    def settle(self) -> None:
        """Everybody stops, and all last words arrive, in any order."""
        for name in self.world.agents:
            self.world.stop(name)
        self.world.announce()
        while self.world.bus:
            self.merge(self.world.take())


class OneAgent(Machine):
    """One agent that restarts, is killed, and whose clock steps."""

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
            assert self.account.millijoules == self.world.spoken()
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
            assert self.account.millijoules == self.world.spoken()


class Overlaps(Machine):
    """Two agents that meter the probe as they like."""

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
        billed_or_shown = self.account.millijoules + self.account.overlap
        pending = sum(
            register.pending for register in self.account.others.values()
        )
        assert billed_or_shown + pending >= self.world.spoken()


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
