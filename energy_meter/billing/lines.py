# SPDX-License-Identifier: Apache-2.0

"""Lines: which registers are known to follow which.

An agent that opens a register names the one that it continues, and how far
that one was when the agent last saved it. If it stopped there, it precedes the
new register. If it went on, a copy of the agent's state runs elsewhere, and
the two registers are concurrent. So they are while less of it has arrived:
otherwise a forged register could name an end that none reaches, and be billed
in addition to one that continues.

Registers of which one follows the other, directly or not, are related: they
never meter the same time, whatever their dates are. All others are concurrent.
"""

import collections
import collections.abc

from energy_meter import measurement
from energy_meter.billing import history

#: How far the end of a register, as it arrived, may be from the one that its
#: successor knows: the interval of the agent's checkpoints, and 5 s.
_MAX_UNSAVED_MS = 15_000

RegisterKey = measurement.RegisterKey
_Registers = collections.abc.Mapping[RegisterKey, history.RegisterHistory]
#: By register, the one that it follows directly.
_Edges = dict[RegisterKey, RegisterKey]


class Lines:
    """Relations between the registers of one probe.

    :ivar predecessors: by register, the one that it follows directly.
    :ivar successors: by register, those that follow it directly. Of two
        neither follows the other.
    :ivar order: all registers, each after the one that it follows.
    :ivar copied: registers of agents whose state was copied: the one that was
        saved went on, or two follow it. Voided registers do not count.
    """

    def __init__(
        self, histories: collections.abc.Iterable[history.RegisterHistory]
    ) -> None:
        registers = {known.key: known for known in histories}
        self.predecessors, broken = _edges(registers)
        self.successors = _successors(self.predecessors)
        self.order = _order(registers, self.predecessors, self.successors)
        # What follows a register is next to it in the order.
        self._position = {key: index for index, key in enumerate(self.order)}
        self._size = dict.fromkeys(self.order, 1)
        for key in reversed(self.order):
            if key in self.predecessors:
                self._size[self.predecessors[key]] += self._size[key]
        valid = {key for key in registers if not registers[key].voided}
        self.copied = _copied(valid, broken, self.successors)

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


def is_end(elapsed: int, after: measurement.Predecessor) -> bool:
    """Return whether a register ended where its successor says.

    :param elapsed: largest one of the register that arrived, in ms.
    """
    return abs(elapsed - after.elapsed) <= _MAX_UNSAVED_MS


def _edges(registers: _Registers) -> tuple[_Edges, _Edges]:
    """Return the edges that hold, and those that a copied state broke."""
    edges, broken = {}, {}
    for key, known in registers.items():
        if known.after is None:
            continue
        previous = registers.get(RegisterKey(key.agent, known.after.register))
        if previous is None:
            continue
        if is_end(previous.last.elapsed, known.after):
            edges[key] = previous.key
        elif previous.last.elapsed > known.after.elapsed:
            broken[key] = previous.key
    # Edges that lead around in a circle are forged. No order reaches them.
    reached = _order(registers, edges, _successors(edges))
    return {key: edges[key] for key in edges.keys() & set(reached)}, broken


def _copied(
    valid: set[RegisterKey],
    broken: _Edges,
    successors: collections.abc.Mapping[RegisterKey, list[RegisterKey]],
) -> frozenset[RegisterKey]:
    families = [set(edge) for edge in broken.items()]
    families += [set(following) for following in successors.values()]
    copies = (family & valid for family in families)
    return frozenset().union(*(each for each in copies if len(each) > 1))


def _successors(predecessors: _Edges) -> dict[RegisterKey, list[RegisterKey]]:
    successors = collections.defaultdict(list)
    for key in sorted(predecessors):
        successors[predecessors[key]].append(key)
    return dict(successors)


def _order(
    registers: collections.abc.Iterable[RegisterKey],
    predecessors: _Edges,
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
