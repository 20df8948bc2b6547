# SPDX-License-Identifier: Apache-2.0

"""Spans of time."""

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
