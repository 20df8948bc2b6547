# SPDX-License-Identifier: Apache-2.0

"""Sets of time: sorted lists of disjoint intervals of dates in ms."""

import collections.abc

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
