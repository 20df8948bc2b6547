# SPDX-License-Identifier: Apache-2.0

"""Lines: which registers are known to follow which.

An agent that opens a register names the one that it continues, and how far
that one was when the agent last saved it. If it stopped there, it precedes the
new register. If it went on, a copy of the agent's state runs elsewhere, and
the two registers are concurrent.

Registers of which one follows the other, directly or not, are related: they
never meter the same time, whatever their dates are. All others are concurrent.
"""

import collections
import collections.abc
import typing

from energy_meter import measurement
from energy_meter.billing import history

#: How much further than its successor knows a register may have gone: the
#: interval of the agent's checkpoints, and 5 s.
MAX_UNSAVED_MS = 15_000

RegisterKey = measurement.RegisterKey


class _Edges(typing.NamedTuple):
    """Register that each register follows, and those with a copied state."""

    predecessors: dict[RegisterKey, RegisterKey]
    copied: set[RegisterKey]


class Lines:
    """Relations between the registers of one probe.

    :ivar predecessors: by register, the one that it follows directly.
    :ivar successors: by register, those that follow it directly. Of two
        neither follows the other.
    :ivar order: all registers, each after the one that it follows.
    :ivar copied: registers of agents whose state was copied: the register of
        the state went on, or two registers follow it.
    """

    def __init__(
        self, histories: collections.abc.Iterable[history.RegisterHistory]
    ) -> None:
        registers = {known.key: known for known in histories}
        self.predecessors, self.copied = _edges(registers)
        self._drop_circles(registers)
        self.successors = _successors(self.predecessors)
        self.order = _order(registers, self.predecessors, self.successors)
        for successors in self.successors.values():
            if len(successors) > 1:
                self.copied.update(successors)
        # The registers that follow one are its neighbors in the order.
        self._position = {key: index for index, key in enumerate(self.order)}
        self._size = dict.fromkeys(self.order, 1)
        for key in reversed(self.order):
            if key in self.predecessors:
                self._size[self.predecessors[key]] += self._size[key]

    def follows(self, key: RegisterKey, other: RegisterKey) -> bool:
        """Return whether a register is another, or follows it."""
        distance = self._position[key] - self._position[other]
        return 0 <= distance < self._size[other]

    def are_related(self, key: RegisterKey, other: RegisterKey) -> bool:
        """Return whether two registers are the same, or one follows."""
        return self.follows(key, other) or self.follows(other, key)

    def is_one_line(self, keys: collections.abc.Iterable[RegisterKey]) -> bool:
        """Return whether all these registers are related to each other."""
        ordered = sorted(keys, key=self._position.__getitem__)
        return all(self.follows(ordered[-1], key) for key in ordered)

    def _drop_circles(
        self, registers: collections.abc.Iterable[RegisterKey]
    ) -> None:
        """Remove edges that lead around in a circle, which are forged."""
        successors = _successors(self.predecessors)
        reached = _order(registers, self.predecessors, successors)
        for key in set(self.predecessors).difference(reached):
            del self.predecessors[key]


def _edges(
    registers: collections.abc.Mapping[RegisterKey, history.RegisterHistory],
) -> _Edges:
    edges = _Edges({}, set())
    for key, known in registers.items():
        if known.after is None:
            continue
        previous = registers.get(RegisterKey(key.agent, known.after.register))
        if previous is None:
            continue
        if previous.last.elapsed <= known.after.elapsed + MAX_UNSAVED_MS:
            edges.predecessors[key] = previous.key
        else:
            edges.copied.update((key, previous.key))
    return edges


def _successors(
    predecessors: collections.abc.Mapping[RegisterKey, RegisterKey],
) -> dict[RegisterKey, list[RegisterKey]]:
    successors = collections.defaultdict(list)
    for key in sorted(predecessors):
        successors[predecessors[key]].append(key)
    return dict(successors)


def _order(
    registers: collections.abc.Iterable[RegisterKey],
    predecessors: collections.abc.Mapping[RegisterKey, RegisterKey],
    successors: collections.abc.Mapping[RegisterKey, list[RegisterKey]],
) -> list[RegisterKey]:
    """Return the registers, each with all that follow it directly behind."""
    waiting = sorted(key for key in registers if key not in predecessors)
    order = []
    while waiting:
        key = waiting.pop()
        order.append(key)
        waiting.extend(successors.get(key, ()))
    return order
