# SPDX-License-Identifier: Apache-2.0

"""Sets of time: sorted lists of disjoint intervals of dates in ms."""

import bisect
import collections.abc
import typing

_T = typing.TypeVar('_T')

#: Start, and end that does not belong to it.
Interval = tuple[int, int]


def length(intervals: collections.abc.Iterable[Interval]) -> int:
    """Return the time in all intervals."""
    return sum(until - start for start, until in intervals)


def union(*sets: collections.abc.Sequence[Interval]) -> list[Interval]:
    """Return the time that is in any of the sets."""
    joined: list[Interval] = []
    for start, until in sorted(each for one in sets for each in one):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((start, until))
    return joined


def difference(
    intervals: collections.abc.Iterable[Interval],
    without: collections.abc.Sequence[Interval],
) -> list[Interval]:
    """Return the time that is in the first set, but not in the second."""
    left = []
    for start, until in intervals:
        for cut_start, cut_until in without:
            if cut_until <= start or until <= cut_start:
                continue
            if start < cut_start:
                left.append((start, cut_start))
            start = cut_until
            if start >= until:
                break
        if start < until:
            left.append((start, until))
    return left


def clip(
    intervals: collections.abc.Iterable[Interval], until: int
) -> list[Interval]:
    """Return the time before a date."""
    return [
        (start, min(end, until)) for start, end in intervals if start < until
    ]


class Index(typing.Generic[_T]):
    """Things that last for some time, by time.

    :param things: each with its interval.
    """

    def __init__(
        self, things: collections.abc.Iterable[tuple[Interval, _T]]
    ) -> None:
        ordered = sorted(
            (each for each in things if each[0][0] < each[0][1]),
            key=lambda each: each[0],
        )
        self._breaks = sorted({date for each, _ in ordered for date in each})
        #: What lasts from each of these dates to the next.
        self._present: list[list[tuple[Interval, _T]]] = []
        number, present = 0, ordered[:0]
        for date in self._breaks:
            present = [each for each in present if each[0][1] > date]
            while number < len(ordered) and ordered[number][0][0] == date:
                present.append(ordered[number])
                number += 1
            self._present.append(present)

    def within(self, start: int, until: int) -> list[tuple[Interval, _T]]:
        """Return what lasts for some time between two different dates."""
        first = max(bisect.bisect_right(self._breaks, start) - 1, 0)
        beyond = bisect.bisect_left(self._breaks, until)
        if beyond == first + 1:
            return self._present[first]
        found = {
            id(each): each
            for present in self._present[first:beyond]
            for each in present
        }
        return list(found.values())
