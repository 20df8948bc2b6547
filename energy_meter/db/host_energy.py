# SPDX-License-Identifier: Apache-2.0

"""Energy of a host by date: that of one probe, or of several together."""

import collections.abc
import itertools
import typing

from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.db import subjects


class Member(typing.NamedTuple):
    """A probe of a host, and when it counts."""

    span: subjects.Span
    line: timeline.Timeline


class HostEnergy:
    """Energy of a host by date.

    :param members: at least one.
    """

    def __init__(self, members: collections.abc.Sequence[Member]) -> None:
        self._members = members

    def dates(self, start: int, until: int) -> set[int]:
        """Return the dates of all marks between two dates, or at one."""
        found: set[int] = set()
        for span, line in self._members:
            since, end = _clip(span, start), _clip(span, until)
            if since < end:
                found |= {since, end}
                for curve in line.billed(since, end):
                    found.update(curve.dates(since, end))
        return found

    def edges(
        self, dates: collections.abc.Sequence[int]
    ) -> list[profile.Edge]:
        """Return what was billed by dates.

        The time for which it is known is the mean of all probes that count.

        :param dates: ascending, with the ends of all spans between them.
        """
        columns = [
            [line.edge(_clip(span, date)) for date in dates]
            for span, line in self._members
        ]
        metered = itertools.accumulate(
            map(self._metered, *map(itertools.pairwise, columns)), initial=0
        )
        return [
            profile.Edge(
                date,
                sum(each.millijoules for each in row),
                known,
                sum(each.uncertain for each in row),
            )
            for date, known, row in zip(
                dates, metered, zip(*columns, strict=True), strict=True
            )
        ]

    def clock(self, start: int, until: int) -> profile.Clock:
        """Return which clocks were not used as they are, between two dates."""
        found = profile.Clock(0)
        for span, line in self._members:
            since, end = _clip(span, start), _clip(span, until)
            if since < end:
                found |= line.clock(since, end)
        return found

    def _metered(self, *pieces: tuple[profile.Edge, profile.Edge]) -> int:
        """Return the time for which the energy is known between two dates."""
        known = [
            until.metered - start.metered
            for start, until in pieces
            if start.date < until.date
        ]
        return sum(known) // len(known) if known else 0


def _clip(span: subjects.Span, date: int) -> int:
    return min(max(date, span.since), span.until)
