# SPDX-License-Identifier: Apache-2.0

"""What a fault cost: pure arithmetic, no clock, no database.

The meters have a constant power, so the energy between two readings of one is
its power times the time between them, and what a probe has to be billed for
follows from times alone. Each register shows the energy between its first and
its last reading. An agent that is killed takes with it what it measured since
its last publication; that is told apart from what is lost.
"""

import collections.abc
import typing

#: Agent and id of a register.
Key = tuple[str, str]

#: Millijoules within which a counter shows the analytic energy: its step, and
#: a hundredth for floating point.
STEP = 1.01


class Stretch(typing.NamedTuple):
    """The life of a register.

    :ivar seconds: from its first reading to the last that left the agent.
    :ivar unpublished: seconds from then to the death of an agent that was
        killed.
    """

    probe: str
    register: Key
    seconds: float
    unpublished: float = 0.0


class Bill(typing.NamedTuple):
    """What a probe is billed for.

    :ivar millijoules: in all.
    :ivar registers: by register, millijoules.
    """

    millijoules: int
    registers: collections.abc.Mapping[Key, int]


class Verdict(typing.NamedTuple):
    """What a fault cost.

    :ivar metered: energy of all meters, in millijoules.
    :ivar unpublished: millijoules that agents which were killed had measured
        and neither published nor journaled.
    :ivar lost: all other millijoules that were metered and not billed.
    :ivar doubled: millijoules that were billed but not metered, or twice.
    :ivar uncovered: seconds for which nobody can tell the energy of a probe:
        the most of any probe.
    """

    metered: int
    unpublished: int
    lost: int
    doubled: int
    uncovered: float


def judge(
    stretches: collections.abc.Iterable[Stretch],
    bills: collections.abc.Mapping[str, Bill],
    watts: float,
    spans: collections.abc.Mapping[str, float],
) -> Verdict:
    """Compare what the meters had with what is billed.

    What one register lost and another was billed too much for don't make up
    for each other.

    :param bills: by probe.
    :param watts: power of every meter.
    :param spans: by probe, seconds for which its meter was there.
    """
    expected: dict[str, dict[Key, float]] = {probe: {} for probe in bills}
    uncovered = dict(spans)
    unpublished = 0.0
    for probe, register, seconds, after in stretches:
        expected.setdefault(probe, {})[register] = watts * seconds * 1000
        uncovered[probe] = uncovered.get(probe, 0.0) - seconds - after
        unpublished += watts * after * 1000
    missing: list[int] = []
    for probe, energies in expected.items():
        missing += _missing(energies, bills.get(probe, Bill(0, {})))
    return Verdict(
        round(
            unpublished
            + sum(sum(energies.values()) for energies in expected.values())
        ),
        round(unpublished),
        sum(max(0, each) for each in missing),
        sum(max(0, -each) for each in missing),
        max(0.0, *uncovered.values()),
    )


def _missing(
    expected: collections.abc.Mapping[Key, float], bill: Bill
) -> collections.abc.Iterator[int]:
    """Give how many millijoules each account of a probe lacks."""
    for register in expected.keys() | bill.registers.keys():
        difference = expected.get(register, 0.0) - bill.registers.get(
            register, 0
        )
        yield 0 if abs(difference) < STEP else int(difference)
    yield sum(bill.registers.values()) - bill.millijoules
