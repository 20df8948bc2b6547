# SPDX-License-Identifier: Apache-2.0

"""The curve of one register: from dates to energy.

Its points are the opening of the register, its marks and its last
measurement. Between two points the energy is spread evenly, in integers, so
that parts of a segment add up to all of it.
"""

import bisect
import enum
import functools
import itertools
import typing

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.billing import intervals


class Cover(enum.IntEnum):
    """How much of a segment between two points was metered.

    ``WHOLE``: at least 98 %, less 1 s. ``PARTIAL``: less, so the energy is
    somewhere within the segment. ``GAP``: neither energy nor metered time
    moved, so only elapsed time is left to bill.
    """

    WHOLE = 0
    PARTIAL = 1
    GAP = 2


class Share(typing.NamedTuple):
    """Part of a register: energy in mJ, metered and elapsed time in ms."""

    millijoules: int
    metered: int
    elapsed: int

    def plus(self, other: 'Share') -> 'Share':
        """Return the sum of two shares."""
        return Share(
            self.millijoules + other.millijoules,
            self.metered + other.metered,
            self.elapsed + other.elapsed,
        )

    def minus(self, other: 'Share') -> 'Share':
        """Return this share without another."""
        return Share(
            self.millijoules - other.millijoules,
            self.metered - other.metered,
            self.elapsed - other.elapsed,
        )


NOTHING = Share(0, 0, 0)


class Curve:
    """Energy of one register by date.

    :ivar key: identity of the register.
    :ivar name: sorts registers of which neither covers more than the other.
    :ivar opened: date at which the register was opened, in ms.
    :ivar start: date at which the curve begins: the opening or, once
        older marks were purged, the base.
    :ivar end: date of the last measurement.
    """

    def __init__(self, known: history.RegisterHistory, opened: int) -> None:
        self.key = known.key
        self.name = (known.agent_name, *known.key)
        self.opened = opened
        self.start = opened + known.base.elapsed
        self.end = opened + known.last.elapsed
        self._known = known

    @property
    def base(self) -> Share:
        """What it has where it begins; nothing unless marks were purged."""
        return _share(self._points[0])

    def reaches(self, start: int, until: int) -> bool:
        """Return whether it has any time between two dates."""
        return max(start, self.start) < min(until, self.end)

    def until(self, date: int) -> Share:
        """Return the share from the opening of the register to a date.

        A curve whose older marks were purged begins with what its base has.
        """
        if date >= self.end:
            return _share(self._known.last)
        if date <= self.start:
            return self.base
        number = bisect.bisect_right(self._dates, date)
        before, after = self._points[number - 1 : number + 1]
        elapsed = date - self.opened
        part, length = elapsed - before.elapsed, after.elapsed - before.elapsed
        return Share(
            before.millijoules
            + (after.millijoules - before.millijoules) * part // length,
            before.metered + (after.metered - before.metered) * part // length,
            elapsed,
        )

    def dates(self, start: int, until: int) -> list[int]:
        """Return the dates of the points between two dates, or at one."""
        first = bisect.bisect_left(self._dates, start)
        return self._dates[first : bisect.bisect_right(self._dates, until)]

    def uncertain(self, date: int) -> int:
        """Return the energy in mJ that a date may put on the wrong side.

        It is the larger part of the segment that the date divides; nothing if
        a point is there.
        """
        if not self.start < date < self.end:
            return 0
        number = bisect.bisect_left(self._dates, date)
        if self._dates[number] == date:
            return 0
        before, after = self._points[number - 1 : number + 1]
        part = self.until(date).millijoules - before.millijoules
        return max(part, after.millijoules - before.millijoules - part)

    def within(self, time: list[intervals.Interval]) -> Share:
        """Return the share of a set of time."""
        share = NOTHING
        for start, until in time:
            share = share.plus(self.until(until).minus(self.until(start)))
        return share

    def covered(
        self, cover: Cover, start: int, until: int
    ) -> list[intervals.Interval]:
        """Return the time between two dates that is covered in this way."""
        if not self.reaches(start, until):
            return []
        dates = self._dates
        first = max(bisect.bisect_right(dates, start) - 1, 0)
        beyond = min(bisect.bisect_left(dates, until), len(dates) - 1)
        return intervals.union(
            [
                (max(dates[number], start), min(dates[number + 1], until))
                for number in range(first, beyond)
                if self._covers[number] is cover
            ]
        )

    def fixed_until(self) -> int:
        """Return the date before which nothing changes if it only goes on.

        This is the date of the newest mark. Marks above the last measurement
        rise together with it.
        """
        last = self._known.last
        fixed = self._known.base
        for mark in self._known.marks:
            if (
                mark.elapsed >= last.elapsed
                or mark.millijoules > last.millijoules
                or mark.metered > last.metered
            ):
                break
            fixed = max(fixed, mark)
        return self.opened + fixed.elapsed

    @functools.cached_property
    def _points(self) -> list[measurement.Point]:
        """The points, which never fall and do not exceed the last one."""
        base, last = self._known.base, self._known.last
        points = []
        millijoules = metered = 0
        for point in (base, *self._known.marks):
            if point is base or base.elapsed < point.elapsed < last.elapsed:
                millijoules = max(millijoules, point.millijoules)
                metered = max(metered, point.metered)
                points.append(
                    measurement.Point(
                        point.elapsed,
                        min(millijoules, last.millijoules),
                        min(metered, last.metered),
                    )
                )
        return [*points, last]

    @functools.cached_property
    def _dates(self) -> list[int]:
        return [self.opened + point.elapsed for point in self._points]

    @functools.cached_property
    def _covers(self) -> list[Cover]:
        """How much of each segment was metered."""
        return [
            _cover(before, after)
            for before, after in itertools.pairwise(self._points)
        ]


def _share(point: measurement.Point) -> Share:
    return Share(point.millijoules, point.metered, point.elapsed)


def _cover(before: measurement.Point, after: measurement.Point) -> Cover:
    metered = after.metered - before.metered
    if not metered and after.millijoules == before.millijoules:
        return Cover.GAP
    if 50 * metered < 49 * (after.elapsed - before.elapsed) - 50_000:
        return Cover.PARTIAL
    return Cover.WHOLE
