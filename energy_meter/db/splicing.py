# SPDX-License-Identifier: Apache-2.0

"""Joins closed days of a probe with what its curves show elsewhere.

Both show the same energy where a day is closed and has not changed since, so
where they are joined makes no difference.
"""

import bisect
import collections.abc
import functools
import itertools
import operator
import typing

from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.db import closed_days
from energy_meter.db.closed_days import DAY_MS
from energy_meter.db.closed_days import INTERVAL_MS

#: A date before all others.
BEGINNING = -(2**62)


class Closed(typing.NamedTuple):
    """The closed days of one probe that hold.

    :ivar since: date before which nothing was billed, in ms.
    :ivar totals: by number of the day.
    """

    since: int
    totals: collections.abc.Mapping[int, closed_days.Total]


NOTHING_CLOSED = Closed(BEGINNING, {})


class Row(typing.NamedTuple):
    """What was billed between two dates.

    :ivar is_closed: whether all of it is in closed days.
    :ivar version: highest version of these; None if it is not closed, or if
        the probe was first metered after it.
    """

    interval: profile.Interval
    is_closed: bool
    version: int | None


class _Part(typing.NamedTuple):
    """What is known of the time between two neighboring dates."""

    start: profile.Edge
    until: profile.Edge
    clock: profile.Clock
    is_closed: bool
    version: int | None


class Profile:
    """What was billed of one probe between any two of some dates.

    :param parts: at least one for the time between neighboring dates. The
        edges of each count from a date of its own.
    :param dates: ascending.
    """

    def __init__(
        self,
        dates: collections.abc.Sequence[int],
        parts: collections.abc.Sequence[_Part],
    ) -> None:
        self._parts = parts
        starts = [part.start.date for part in parts]
        self._numbers = {
            date: bisect.bisect_left(starts, date) for date in dates
        }

    def between(self, start: int, until: int) -> Row:
        """Return what was billed between two of the dates."""
        parts = self._parts[self._numbers[start] : self._numbers[until]]
        interval = profile.Interval(
            start,
            until,
            sum(
                each.until.millijoules - each.start.millijoules
                for each in parts
            ),
            sum(each.until.metered - each.start.metered for each in parts),
            parts[0].start.uncertain + parts[-1].until.uncertain,
            functools.reduce(operator.or_, (each.clock for each in parts)),
        )
        return Row(interval, *versions(parts))


def versions(
    parts: collections.abc.Collection[_Part] | collections.abc.Collection[Row],
) -> tuple[bool, int | None]:
    """Return whether all parts are closed, and their highest version."""
    is_closed = all(each.is_closed for each in parts)
    known = [each.version for each in parts if each.version is not None]
    return is_closed, max(known, default=None) if is_closed else None


class Splice:
    """The energy of one probe between some dates, from both sources.

    :param dates: in ms, ascending; at least two.
    """

    def __init__(
        self, dates: collections.abc.Sequence[int], closed: Closed
    ) -> None:
        self._dates = dates
        self._closed = closed
        self._points = self._divide()

    def _divide(self) -> list[int]:
        """Return the dates, and those between which one source is used."""
        first, last = self._dates[0], self._dates[-1]
        totals = self._closed.totals
        points = {self._closed.since}
        for day in totals:
            points |= {day * DAY_MS, (day + 1) * DAY_MS}
        for date in self._dates:
            if date % INTERVAL_MS and date // DAY_MS in totals:
                quarter = date // INTERVAL_MS * INTERVAL_MS
                points |= {quarter, quarter + INTERVAL_MS}
        return sorted(
            {*self._dates, *(each for each in points if first < each < last)}
        )

    def divided_days(self) -> set[int]:
        """Return the closed days of which the quarter-hours are needed."""
        return {
            start // DAY_MS
            for start, until in itertools.pairwise(self._points)
            if start // DAY_MS in self._closed.totals
            and until - start < DAY_MS
        }

    def runs(self) -> list[list[int]]:
        """Return the dates of which the curves are needed.

        A run has those of neighboring parts.
        """
        found: list[list[int]] = []
        for start, until in itertools.pairwise(self._points):
            if self._needs_curves(start, until):
                if not found or found[-1][-1] != start:
                    found.append([start])
                found[-1].append(until)
        return found

    def _needs_curves(self, start: int, until: int) -> bool:
        if until <= self._closed.since:
            return False
        if start // DAY_MS not in self._closed.totals:
            return True
        return bool(start % INTERVAL_MS or until % INTERVAL_MS)

    def profile(
        self,
        days: collections.abc.Mapping[int, closed_days.ClosedDay],
        line: timeline.Timeline | None,
    ) -> Profile:
        """Return what was billed.

        :param days: those of :meth:`divided_days`, by number.
        :param line: for the dates of :meth:`runs`; if it is None, the energy
            of a quarter-hour that a date divides is spread evenly.
        """
        edges: dict[int, profile.Edge] = {}
        if line is not None:
            edges = {
                date: line.edge(date) for run in self.runs() for date in run
            }
        parts = []
        for start, until in itertools.pairwise(self._points):
            number = start // DAY_MS
            total = self._closed.totals.get(number)
            if until <= self._closed.since:
                part = _nothing(start, until)
            elif line is not None and self._needs_curves(start, until):
                part = _Part(
                    edges[start],
                    edges[until],
                    line.clock(start, until),
                    total is not None,
                    total.version if total else None,
                )
            elif number in days:
                part = _quarters(days[number], start, until)
            else:
                part = _day(self._closed.totals[number])
            parts.append(part)
        return Profile(self._dates, parts)


def _nothing(start: int, until: int) -> _Part:
    """Return the part before the probe was first metered."""
    return _Part(
        profile.Edge(start, 0, 0, 0),
        profile.Edge(until, 0, 0, 0),
        profile.Clock(0),
        True,
        None,
    )


def _day(total: closed_days.Total) -> _Part:
    """Return all of a closed day."""
    start = total.day * DAY_MS
    return _Part(
        profile.Edge(start, 0, 0, total.uncertain_start),
        profile.Edge(
            start + DAY_MS,
            total.millijoules,
            total.metered,
            total.uncertain_end,
        ),
        total.clock,
        True,
        total.version,
    )


def _quarters(day: closed_days.ClosedDay, start: int, until: int) -> _Part:
    """Return a part of a closed day."""
    midnight = day.day * DAY_MS
    first = (start - midnight) // INTERVAL_MS
    beyond = -((midnight - until) // INTERVAL_MS)
    return _Part(
        _edge(day, start),
        _edge(day, until),
        functools.reduce(operator.or_, day.clocks[first:beyond]),
        True,
        day.version,
    )


def _edge(day: closed_days.ClosedDay, date: int) -> profile.Edge:
    """Return what was billed since midnight by a date.

    Within a quarter-hour, the larger part of its energy is uncertain, besides
    what is uncertain at its ends.
    """
    number, part = divmod(date - day.day * DAY_MS, INTERVAL_MS)
    before = day.edges[number]
    if not part:
        return before
    after = day.edges[number + 1]
    millijoules, metered = (
        (after[column] - before[column]) * part // INTERVAL_MS
        for column in (1, 2)
    )
    return profile.Edge(
        date,
        before.millijoules + millijoules,
        before.metered + metered,
        max(
            millijoules + before.uncertain,
            after.millijoules
            - before.millijoules
            - millijoules
            + after.uncertain,
        ),
    )
