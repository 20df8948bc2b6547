# SPDX-License-Identifier: Apache-2.0

"""Registers that are known to follow others, and bounds of their dates."""

from collections.abc import Iterable
import typing

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.tests.model import world

#: How long a register may continue after it was saved, and how much of the
#: time before may not arrive: the interval of checkpoints and 5 s.
MAX_CONTINUED = 15_000
_MAX_LAG_SPREAD = 12_000
_MAX_BEHIND = 30_000
_MAX_AHEAD = 1000


class Relations:
    """Which registers follow which others, directly or not."""

    def __init__(self, known: Iterable[history.RegisterHistory]) -> None:
        self._by_key = {register.key: register for register in known}

    def _predecessor(
        self, key: measurement.RegisterKey
    ) -> measurement.RegisterKey | None:
        after = self._by_key[key].after
        if after is None:
            return None
        before = measurement.RegisterKey(key.agent, after.register)
        known = self._by_key.get(before)
        if known is None:
            return None
        difference = abs(known.last.elapsed - after.elapsed)
        return before if difference <= MAX_CONTINUED else None

    def ancestors(
        self, key: measurement.RegisterKey
    ) -> list[measurement.RegisterKey]:
        """Return the registers that one follows, newest first."""
        result: list[measurement.RegisterKey] = []
        before = self._predecessor(key)
        while before is not None:
            result.append(before)
            before = self._predecessor(before)
        return result

    def related(
        self, key: measurement.RegisterKey, other: measurement.RegisterKey
    ) -> bool:
        return (
            key == other
            or other in self.ancestors(key)
            or key in self.ancestors(other)
        )


class Errors(typing.NamedTuple):
    """Least and largest error in ms of the date of an opening."""

    least: int
    largest: int

    @property
    def size(self) -> int:
        return max(abs(self.least), abs(self.largest))


def is_live(known: history.RegisterHistory) -> bool:
    """Return whether two prompt measurements are a minute apart or more."""
    least = min(known.lags)
    prompt = [lag <= least + _MAX_LAG_SPREAD for lag in known.lags]
    return any(
        prompt[number] and prompt[(number + 2) % len(prompt)]
        for number in range(len(prompt))
    )


def errors_of_dates(
    of: world.History, known: Iterable[history.RegisterHistory]
) -> dict[measurement.RegisterKey, Errors]:
    """Return the bounds of the errors of dates, for each register.

    The date of a live register is that of its own clock, unless the arrivals
    contradict it; then it is late by the delay of its promptest message. If
    it is not live, neither its clock nor its arrivals can be verified. It is
    late by the delay at most, early by no more than its clock is behind, if
    that is synchronized, and as wrong as its line's live registers. It is
    early, too, by as much as a register after it, but it never begins before
    the live register that it follows has ended, unless a live one after it is
    that early.
    """
    registers = {register.key: register for register in known}
    lines = Relations(registers.values())
    live = {
        key: _error_if_live(of, register)
        for key, register in registers.items()
        if is_live(register)
    }
    late = {}
    for key in registers.keys() - live.keys():
        line = of.copies * MAX_CONTINUED
        related = [live[k].size for k in live if lines.related(k, key)]
        line += max(related, default=0)
        late[key] = _error_if_late(of, registers[key], line)
    for key, errors in [*late.items()]:
        for before in lines.ancestors(key):
            if before in late:
                least = min(late[before].least, errors.least)
                late[before] = late[before]._replace(least=least)
    for key, errors in late.items():
        ancestors = [registers[each] for each in lines.ancestors(key)]
        floor = -_idle(of, registers[key], ancestors)
        floor -= of.copies * MAX_CONTINUED
        after = [live[k].least for k in live if key in lines.ancestors(k)]
        floor = min(floor, *after, 0)
        late[key] = errors._replace(least=max(errors.least, floor))
    return live | late


def _error_if_late(
    of: world.History, known: history.RegisterHistory, line: int
) -> Errors:
    offset, delay = _offset_and_delay(of, known)
    least = min(offset, 0) if known.synced else 0
    largest = min(offset, delay) if known.synced else delay
    return Errors(least - line, max(largest, 0) + line)


def _idle(
    of: world.History,
    known: history.RegisterHistory,
    ancestors: Iterable[history.RegisterHistory],
) -> int:
    """Return the time between the nearest live ancestor and a register.

    It is longer by the error of the ancestor's date, and shorter by the
    lengths of the registers between them.
    """
    length = 0
    for ancestor in ancestors:
        length += ancestor.last.elapsed
        if is_live(ancestor):
            opened = of.registers[ancestor.key].opened
            error = _error_if_live(of, ancestor).size
            return of.registers[known.key].opened - opened - length + error
    return 2**62


def _offset_and_delay(
    of: world.History, known: history.RegisterHistory
) -> tuple[int, int]:
    opened = of.registers[known.key].opened
    own = known.first.timestamp - known.first.elapsed
    return own - opened, min(known.lags) - opened


def _error_if_live(
    of: world.History, known: history.RegisterHistory
) -> Errors:
    offset, delay = _offset_and_delay(of, known)
    if delay - _MAX_BEHIND <= offset <= delay + _MAX_AHEAD:
        return Errors(offset, offset)
    return Errors(delay, delay)
