# SPDX-License-Identifier: Apache-2.0

"""Joins closed days of a probe with what its curves show elsewhere.

Both show the same energy where a day is closed and has not changed since, so
where they are joined makes no difference.
"""

import collections.abc
import itertools
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


class Profile:
    """What was billed of one probe between any two of some points.

    :param points: dates in ms, ascending.
    :param rows: those between each two neighboring points.
    :param sources: where each row is from.
    """

    def __init__(
        self,
        points: collections.abc.Iterable[int],
        rows: collections.abc.Sequence[Row],
        sources: collections.abc.Sequence[profile.EnergyByDate],
    ) -> None:
        self._rows = rows
        self._sources = sources
        self._numbers = {date: number for number, date in enumerate(points)}

    def between(self, start: int, until: int) -> Row:
        """Return what was billed between two of the points."""
        first, beyond = self._numbers[start], self._numbers[until]
        # So it is in lists of many probes, and in quarter-hours.
        if beyond == first + 1:
            return self._rows[first]
        rows = self._rows[first:beyond]
        intervals = [each.interval for each in rows]
        interval = profile.Interval(
            start,
            until,
            sum(each.millijoules for each in intervals),
            sum(each.metered for each in intervals),
            self._sources[first].edge(start).uncertain
            + self._sources[beyond - 1].edge(until).uncertain,
            profile.union(each.clock for each in intervals),
        )
        return Row(interval, *versions(rows))


def versions(
    rows: collections.abc.Collection[Row],
) -> tuple[bool, int | None]:
    """Return whether all rows are closed, and their highest version."""
    is_closed = all(each.is_closed for each in rows)
    known = [each.version for each in rows if each.version is not None]
    return is_closed, max(known, default=None) if is_closed else None


class _Stretch(typing.NamedTuple):
    """Neighboring points between which the energy has one source.

    :ivar day: number of the day in which it begins, and ends if it is closed.
    :ivar is_curved: whether that are the curves.
    :ivar points: at least two.
    """

    day: int
    is_curved: bool
    points: list[int]


class Splice:
    """The energy of one probe between some dates, from both sources.

    :param dates: in ms, ascending; at least two.
    """

    def __init__(
        self, dates: collections.abc.Sequence[int], closed: Closed
    ) -> None:
        self._closed = closed
        self._points = self._divide(dates)
        self._stretches: list[_Stretch] = []
        for start, until in itertools.pairwise(self._points):
            found = start // DAY_MS, self._needs_curves(start, until)
            if self._stretches and self._stretches[-1][:2] == found:
                self._stretches[-1].points.append(until)
            else:
                self._stretches.append(_Stretch(*found, [start, until]))

    def _divide(self, dates: collections.abc.Sequence[int]) -> list[int]:
        """Return the dates, and those between which one source is used."""
        first, last = dates[0], dates[-1]
        totals = self._closed.totals
        points = {self._closed.since}
        for day in totals:
            points |= {day * DAY_MS, (day + 1) * DAY_MS}
        for date in dates:
            if date % INTERVAL_MS and date // DAY_MS in totals:
                quarter = date // INTERVAL_MS * INTERVAL_MS
                points |= {quarter, quarter + INTERVAL_MS}
        return sorted(
            {*dates, *(each for each in points if first < each < last)}
        )

    def divided_days(self) -> set[int]:
        """Return the closed days of which the quarter-hours are needed."""
        return {
            each.day
            for each in self._stretches
            if each.day in self._closed.totals
            and each.points[1] - each.points[0] < DAY_MS
        }

    def runs(self) -> list[list[int]]:
        """Return the dates of which the curves are needed.

        A run has those of neighboring stretches.
        """
        found: list[list[int]] = []
        for _, is_curved, points in self._stretches:
            if is_curved:
                if found and found[-1][-1] == points[0]:
                    found[-1] += points[1:]
                else:
                    found.append([*points])
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
        rows: list[Row] = []
        sources: list[profile.EnergyByDate] = []
        for day, is_curved, points in self._stretches:
            total = self._closed.totals.get(day)
            source: profile.EnergyByDate
            if points[-1] <= self._closed.since:
                source = _NOTHING
            elif line is not None and is_curved:
                source = line
            elif day in days:
                source = days[day]
            else:
                source = _WholeDay(self._closed.totals[day])
            is_closed = source is _NOTHING or total is not None
            version = total.version if total else None
            rows += [
                Row(interval, is_closed, version)
                for interval in profile.intervals(source, points)
            ]
            sources += [source] * (len(points) - 1)
        return Profile(self._points, rows, sources)


class _WholeDay:
    """A closed day of which the quarter-hours were not read."""

    def __init__(self, total: closed_days.Total) -> None:
        self._total = total

    def edge(self, date: int) -> profile.Edge:
        """Return what was billed since midnight by one of its midnights."""
        total = self._total
        if date == total.day * DAY_MS:
            return profile.Edge(date, 0, 0, total.uncertain_start)
        return profile.Edge(
            date, total.millijoules, total.metered, total.uncertain_end
        )

    def clock(self, start: int, until: int) -> profile.Clock:
        """Return which clocks were corrected."""
        return self._total.clock


class _Nothing:
    """The time before the probe was first metered."""

    def edge(self, date: int) -> profile.Edge:
        """Return what was billed by a date."""
        return profile.Edge(date, 0, 0, 0)

    def clock(self, start: int, until: int) -> profile.Clock:
        """Return which clocks were corrected between two dates."""
        return profile.Clock(0)


_NOTHING = _Nothing()
