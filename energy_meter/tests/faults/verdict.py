# SPDX-License-Identifier: Apache-2.0

"""Computes the cost of a fault, without a clock or a database.

The meters have a constant power, so the energy between two readings is the
power times the time between them, and the energy due follows from times
alone. Each register shows the energy between its first and its last reading.
An agent that is killed loses what it measured since its last publication;
this energy is reported separately.
"""

import collections.abc
import typing

#: Agent and id of a register.
Key = tuple[str, str]

#: Tolerance of a counter in millijoules: its step, and a hundredth for
#: floating-point errors.
STEP = 1.01


class Lifetime(typing.NamedTuple):
    """Lifetime of a register.

    :ivar seconds: from its first reading to the last that left the agent.
    :ivar unpublished: seconds from then until the agent was killed.
    """

    probe: str
    register: Key
    seconds: float
    unpublished: float = 0.0


class Bill(typing.NamedTuple):
    """Energy that a probe is billed for.

    :ivar millijoules: total.
    :ivar registers: millijoules of each register.
    """

    millijoules: int
    registers: collections.abc.Mapping[Key, int]


class Verdict(typing.NamedTuple):
    """Cost of a fault.

    :ivar metered: energy of all meters, in millijoules.
    :ivar unpublished: millijoules that killed agents had measured but
        neither published nor written to their checkpoints.
    :ivar lost: all other millijoules that were metered and not billed.
    :ivar doubled: millijoules that were billed twice, or not metered.
    :ivar uncovered: seconds for which the energy of a probe is unknown: the
        maximum of all probes.
    """

    metered: int
    unpublished: int
    lost: int
    doubled: int
    uncovered: float


def judge(
    lifetimes: collections.abc.Iterable[Lifetime],
    bills: collections.abc.Mapping[str, Bill],
    watts: float,
    spans: collections.abc.Mapping[str, float],
) -> Verdict:
    """Compare the energy metered with the energy billed.

    A loss of one register does not offset an excess of another.

    :param bills: bill of each probe.
    :param watts: power of each meter.
    :param spans: seconds for which each probe was metered.
    """
    expected: dict[str, dict[Key, float]] = {probe: {} for probe in bills}
    uncovered = dict(spans)
    unpublished = 0.0
    for probe, register, seconds, after in lifetimes:
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
    """Yield the millijoules that each register, and the total, lacks."""
    for register in expected.keys() | bill.registers.keys():
        difference = expected.get(register, 0.0) - bill.registers.get(
            register, 0
        )
        yield 0 if abs(difference) < STEP else int(difference)
    yield sum(bill.registers.values()) - bill.millijoules
