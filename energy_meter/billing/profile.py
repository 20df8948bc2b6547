# SPDX-License-Identifier: Apache-2.0

"""Load profile: the energy of a probe in each of a series of intervals.

An interval has the difference of what was billed by its two ends, so all
intervals add up to the energy of the probe, to the millijoule. What was not
metered is missing; nothing is invented to fill it.
"""

import collections.abc
import enum
import functools
import itertools
import operator
import typing

#: An interval of which less than this share was metered is missing.
_MISSING = 0.01
#: An interval of which less than this share was metered is partial.
_PARTIAL = 0.98
#: Share of the energy above which uncertainty makes it estimated.
_ESTIMATED = 0.01


class Clock(enum.IntFlag):
    """Clocks of agents that were not used as they are.

    ``AHEAD``, ``BEHIND``: the clock was wrong and was corrected. ``UNSET``: it
    was not set. ``STEP``: it was set back while the probe was metered.
    """

    AHEAD = 1
    BEHIND = 2
    UNSET = 4
    STEP = 8


_NO_CLOCK = Clock(0)


def union(clocks: collections.abc.Iterable[Clock]) -> Clock:
    """Return the clocks that were corrected in any of several times."""
    # Most have the same ones, and operators of flags are slow.
    return functools.reduce(operator.or_, {*clocks} or {_NO_CLOCK})


def quality(coverage: float, uncertain: int, millijoules: int) -> str:
    """Return ``missing``, ``partial``, ``estimated`` or ``measured``.

    :param coverage: share of the time for which the energy is known.
    :param uncertain: bound of the error of the energy in mJ.
    """
    if coverage < _MISSING:
        return 'missing'
    if coverage < _PARTIAL:
        return 'partial'
    if uncertain > _ESTIMATED * millijoules:
        return 'estimated'
    return 'measured'


class Edge(typing.NamedTuple):
    """What was billed by a date.

    :ivar date: in ms since the epoch.
    :ivar millijoules: energy.
    :ivar metered: time in ms.
    :ivar uncertain: energy in mJ that may have been drawn on the other side
        of the date, because no mark is there: of each segment between two
        marks that the date divides, the larger part.
    """

    date: int
    millijoules: int
    metered: int
    uncertain: int


class Interval(typing.NamedTuple):
    """What was billed between two dates.

    :ivar start: date in ms since the epoch, part of the interval.
    :ivar until: date that is not.
    :ivar millijoules: energy.
    :ivar metered: time in ms for which the energy is known.
    :ivar uncertain: bound of the error of ``millijoules`` in mJ, as far as
        marks are missing.
    :ivar clock: clocks that were corrected.
    """

    start: int
    until: int
    millijoules: int
    metered: int
    uncertain: int
    clock: Clock

    @property
    def coverage(self) -> float:
        """Share of the time for which the energy is known, 0 to 1."""
        return min(max(self.metered / (self.until - self.start), 0.0), 1.0)

    @property
    def quality(self) -> str:
        """One of ``missing``, ``partial``, ``estimated`` and ``measured``."""
        return quality(self.coverage, self.uncertain, self.millijoules)


class EnergyByDate(typing.Protocol):
    """What a probe was billed; see :mod:`~energy_meter.billing.timeline`."""

    def edge(self, date: int) -> Edge: ...

    def clock(self, start: int, until: int) -> Clock: ...


def between(start: Edge, until: Edge, clock: Clock) -> Interval:
    """Return the interval between two dates."""
    return Interval(
        start.date,
        until.date,
        until.millijoules - start.millijoules,
        until.metered - start.metered,
        start.uncertain + until.uncertain,
        clock,
    )


def intervals(
    line: EnergyByDate, dates: collections.abc.Iterable[int]
) -> list[Interval]:
    """Return the intervals between neighboring dates.

    :param dates: in ms since the epoch, ascending; all of them different.
    """
    return [
        between(start, until, line.clock(start.date, until.date))
        for start, until in itertools.pairwise(map(line.edge, dates))
    ]
