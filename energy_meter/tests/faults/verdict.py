# SPDX-License-Identifier: Apache-2.0

"""Computes the cost of a fault, without a clock or a database.

The meters have a constant power, so the energy between two readings is the
power times the time between them, and the energy due follows from times
alone. Each register contains the energy between its first and its last
reading. Of a probe that two agents meter, the energy of each instant is due
once.

An agent that is killed loses what it measured since its last publication;
this energy is reported separately.
"""

import collections.abc
import typing

#: Agent and id of a register.
Key = tuple[str, str]

#: Tolerance of a register: both of its ends are rounded to milliseconds, its
#: energy to the step of the counter. A hundredth is for floating-point errors.
STEP_MS = 2
STEP_MJ = 1.01


class Lifetime(typing.NamedTuple):
    """Lifetime of a register.

    :ivar since: time of its first reading, in seconds on the right clock.
    :ivar seconds: from its first reading to the last that left the agent.
    :ivar millijoules: its energy at that reading, according to the agent.
    :ivar unpublished: seconds from then until the agent was killed.
    """

    probe: str
    register: Key
    since: float
    seconds: float
    millijoules: int
    unpublished: float = 0.0


class Bill(typing.NamedTuple):
    """Energy that a probe is billed for.

    :ivar millijoules: total.
    :ivar registers: millijoules of each register.
    :ivar ahead: millijoules beyond the total that were shown before the bill
        was corrected.
    :ivar intervals: millijoules of all intervals of the load profile; None
        if they are not known.
    """

    millijoules: int
    registers: collections.abc.Mapping[Key, int]
    ahead: int = 0
    intervals: collections.abc.Sequence[int] | None = None


class Verdict(typing.NamedTuple):
    """Cost of a fault.

    :ivar metered: energy of all meters, in millijoules.
    :ivar unpublished: millijoules that killed agents had measured but
        neither published nor written to their checkpoints.
    :ivar lost: all other millijoules that were metered and not billed.
    :ivar doubled: millijoules that were billed twice, or not metered.
    :ivar uncovered: seconds for which the energy of a probe is unknown: the
        maximum of all probes.
    :ivar ahead: millijoules that are shown beyond those billed. What is shown
        never falls, so it stays until the bill has caught up.
    :ivar undated: millijoules by which the intervals of a probe do not add up
        to its total, or are negative.
    """

    metered: int
    unpublished: int
    lost: int
    doubled: int
    uncovered: float
    ahead: int = 0
    undated: int = 0


def judge(
    lifetimes: collections.abc.Iterable[Lifetime],
    bills: collections.abc.Mapping[str, Bill],
    watts: float,
    spans: collections.abc.Mapping[str, float],
    shared: collections.abc.Container[str] = frozenset(),
) -> Verdict:
    """Compare the energy metered with the energy billed.

    A loss of one register does not offset an excess of another, unless the
    probe is shared.

    :param bills: bill of each probe.
    :param watts: power of each meter.
    :param spans: seconds for which each probe was metered.
    :param shared: probes that two agents meter.
    """
    probes: dict[str, list[Lifetime]] = {probe: [] for probe in bills}
    for lifetime in lifetimes:
        probes.setdefault(lifetime.probe, []).append(lifetime)
    missing: list[int] = []
    metered = unpublished = uncovered = 0.0
    for probe, lives in probes.items():
        bill = bills.get(probe, Bill(0, {}))
        seconds = covered(lives)
        after = sum(life.unpublished for life in lives)
        uncovered = max(uncovered, spans.get(probe, 0.0) - seconds - after)
        unpublished += watts * after * 1000
        if probe in shared:
            due = watts * seconds * 1000
            missing.append(round(due) - sum(bill.registers.values()))
        else:
            energies = {life.register: _energy(life, watts) for life in lives}
            due = sum(energies.values())
            missing += _missing(energies, bill.registers)
        missing.append(sum(bill.registers.values()) - bill.millijoules)
        metered += due
    return Verdict(
        round(unpublished + metered),
        round(unpublished),
        sum(max(0, each) for each in missing),
        sum(max(0, -each) for each in missing),
        uncovered,
        sum(bill.ahead for bill in bills.values()),
        sum(map(_undated, bills.values())),
    )


def _undated(bill: Bill) -> int:
    if bill.intervals is None:
        return 0
    negative = sum(-each for each in bill.intervals if each < 0)
    return negative + abs(bill.millijoules - sum(bill.intervals))


def covered(lives: collections.abc.Iterable[Lifetime]) -> float:
    """Return the seconds in which at least one register was metered."""
    seconds, until = 0.0, float('-inf')
    for life in sorted(lives, key=lambda life: life.since):
        end = life.since + life.seconds
        seconds += max(0.0, end - max(life.since, until))
        until = max(until, end)
    return seconds


def _energy(life: Lifetime, watts: float) -> int:
    """Return the energy of a register, in millijoules.

    It is that of its meter. What the agent says is exact, so it is taken if
    it differs no more than times and counters are rounded.
    """
    energy = watts * life.seconds * 1000
    if abs(energy - life.millijoules) < watts * STEP_MS + STEP_MJ:
        return life.millijoules
    return round(energy)


def _missing(
    due: collections.abc.Mapping[Key, int],
    billed: collections.abc.Mapping[Key, int],
) -> collections.abc.Iterator[int]:
    """Yield the millijoules that each register lacks."""
    for register in due.keys() | billed.keys():
        yield due.get(register, 0) - billed.get(register, 0)
