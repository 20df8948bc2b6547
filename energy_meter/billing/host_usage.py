# SPDX-License-Identifier: Apache-2.0

"""CPU usage of a host by date, and how it divides energy."""

import bisect
import collections.abc
import itertools
import operator
import typing

from energy_meter import cpu_usage
from energy_meter.billing import apportionment
from energy_meter.billing import attribution_methods
from energy_meter.billing import profile

#: Energy by both ends of a time in which its usage is that of one segment, or
#: is not known.
Piece = tuple[profile.Edge, profile.Edge]


class Segment(typing.NamedTuple):
    """Usage of a host between two neighboring marks of one register.

    :ivar start: date in ms since the epoch.
    :ivar until: date in ms.
    :ivar busy: CPU time of the host in ms.
    :ivar cpu: CPU time of each instance of the layout in ms.
    :ivar estimated: whether the usage is spread over a gap.
    """

    start: int
    until: int
    busy: int
    layout: cpu_usage.Layout
    cpu: tuple[int, ...]
    estimated: bool


class Usage:
    """Segments by date.

    :param edges: energy of the host by date.
    """

    def __init__(
        self,
        segments: collections.abc.Iterable[Segment],
        edges: collections.abc.Sequence[profile.Edge],
        idle_watts: float,
        method: type[attribution_methods.Method],
    ) -> None:
        self.segments = [*segments]
        self._starts = [each.start for each in self.segments]
        self._edges = edges
        self._whole: dict[int, list[int]] = {}
        self._idle_watts = idle_watts
        self._method = method

    def find(self, piece: Piece) -> tuple[int, bool]:
        """Return the segment before a piece's end, and if it holds the piece.

        :returns: its number; -1 if there is none.
        """
        found = bisect.bisect_right(self._starts, piece[0].date) - 1
        return found, found >= 0 and (
            piece[1].date <= self.segments[found].until
        )

    def around(self, number: int) -> set[str]:
        """Return the instances on either side of the gap after a segment."""
        if not 0 <= number < len(self.segments) - 1:
            return set()
        before, after = self.segments[number : number + 2]
        return {each.uuid for each in before.layout.instances} & {
            each.uuid for each in after.layout.instances
        }

    def lost(self, number: int) -> list[tuple[str, int]]:
        """Return the instances that stopped just before a segment.

        :returns: for each, how much CPU time it may have used since, in ms.
            It is part of what no instance used.
        """
        if number < 1 or (
            self.segments[number - 1].until != self.segments[number].start
        ):
            return []
        before, segment = self.segments[number - 1 : number + 1]
        reserved = {
            each.uuid for each in segment.layout.instances if each.is_reserved
        }
        unused = max(segment.busy - sum(segment.cpu), 0)
        length = segment.until - segment.start
        return [
            (each.uuid, min(unused, each.vcpus * length))
            for each in before.layout.instances
            if each.is_reserved and each.uuid not in reserved
        ]

    def whole(self, number: int) -> list[int]:
        """Return the dynamic energy of each instance in a whole segment.

        Before the first edge and after the last one, it is assumed to be as
        much in the same time.
        """
        if number not in self._whole:
            segment = self.segments[number]
            first = bisect.bisect_left(
                self._edges, segment.start, key=operator.itemgetter(0)
            )
            beyond = bisect.bisect_right(
                self._edges, segment.until, key=operator.itemgetter(0)
            )
            known = self._edges[first:beyond]
            _, dynamic = self.divide(number, itertools.pairwise(known))
            length = segment.until - segment.start
            covered = known[-1].date - known[0].date
            self._whole[number] = [
                each * length // covered for each in dynamic
            ]
        return self._whole[number]

    def divide(
        self, number: int, pieces: collections.abc.Iterable[Piece]
    ) -> tuple[list[int], list[int]]:
        """Return the idle and the dynamic energy of pieces of a segment.

        :returns: for each instance, and the last for none.
        """
        segment = self.segments[number]
        watts = segment.layout.idle_watts
        if watts is None:
            watts = self._idle_watts
        shares = self._method.shares(segment.layout, segment.busy, segment.cpu)
        idle = [0] * len(shares.idle)
        dynamic = [0] * len(shares.dynamic)
        for start, until in pieces:
            energy = until.millijoules - start.millijoules
            idle_energy = min(energy, int(watts * (until.date - start.date)))
            idle = _add(idle, idle_energy, shares.idle)
            dynamic = _add(dynamic, energy - idle_energy, shares.dynamic)
        return idle, dynamic


def _add(sums: list[int], energy: int, weights: tuple[int, ...]) -> list[int]:
    """Add the parts of an energy to sums."""
    if not energy:
        return sums
    parts = apportionment.largest_remainder(energy, weights)
    return [*map(operator.add, sums, parts)]
