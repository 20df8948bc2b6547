# SPDX-License-Identifier: Apache-2.0

"""Spans of time, and the true power of a probe."""

import bisect
from collections.abc import Iterable
import itertools
import typing


class Span(typing.NamedTuple):
    """Time from ``start`` until ``stop``, in ms."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start


def clip(spans: Iterable[Span], start: int, stop: int) -> list[Span]:
    """Return the parts of spans from ``start`` until ``stop``."""
    parts = (Span(max(a, start), min(b, stop)) for a, b in spans)
    return [part for part in parts if part.length > 0]


def union(spans: Iterable[Span]) -> list[Span]:
    """Return spans without overlaps that cover the same time."""
    result: list[Span] = []
    for span in sorted(spans):
        if result and span.start <= result[-1].stop:
            stop = max(result[-1].stop, span.stop)
            result[-1] = Span(result[-1].start, stop)
        else:
            result.append(span)
    return result


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> list[Span]:
    """Return what is left of spans without the holes."""
    result = list(spans)
    for hole in holes:
        parts = (
            (Span(a, min(b, hole.start)), Span(max(a, hole.stop), b))
            for a, b in result
        )
        result = [
            part
            for part in itertools.chain.from_iterable(parts)
            if part.length > 0
        ]
    return result


class Power:
    """Power of a probe, a step function in whole watts.

    Energy in mJ is then a product of integers, W times ms.

    :param steps: beginnings in ms with the power from there on, ascending.
    """

    def __init__(self, steps: list[tuple[int, int]]) -> None:
        self._times = [time for time, _ in steps]
        self._watts = [watts for _, watts in steps]
        self._sums = [0]
        for (time, watts), (until, _) in itertools.pairwise(steps):
            self._sums.append(self._sums[-1] + watts * (until - time))
        self.peak = max(self._watts)

    def _until(self, time: int) -> int:
        step = max(bisect.bisect_right(self._times, time) - 1, 0)
        watts = self._watts[step]
        return self._sums[step] + watts * (time - self._times[step])

    def energy(self, spans: Iterable[Span]) -> int:
        """Return the energy of spans in mJ."""
        return sum(
            self._until(stop) - self._until(start) for start, stop in spans
        )
