# SPDX-License-Identifier: Apache-2.0

"""Attribution of the energy of a host to its instances.

The energy of the host is divided in each *piece*: the time between two
neighboring marks of its energy or of its usage. What is known of a piece is
its mean, so dividing pieces and adding them up is the closest that the marks
allow. Within an interval of which one half has no energy, usage in that half
costs nothing.

Nothing is accumulated: the result depends only on what is known of the host.
In every interval, the parts of all instances, overhead, unallocated and
unattributed energy add up to that of the host, to the millijoule.
"""

import collections.abc
import itertools
import operator
import typing

from energy_meter.billing import attribution_methods
from energy_meter.billing import devices
from energy_meter.billing import host_usage
from energy_meter.billing import profile

_Clocks = collections.abc.Callable[[int, int], profile.Clock]
_Unknown = collections.abc.Mapping[int, collections.abc.Set[str | None]]


class Part(typing.NamedTuple):
    """Part of an instance in the energy of a host. Parts can be added.

    :ivar idle: energy in mJ that the host needs when it is idle.
    :ivar dynamic: the other energy in mJ, that of computing.
    :ivar uncertain: energy in mJ by which the sum may be wrong as far as marks
        and readings are missing.
    :ivar metered: time in ms for which energy and usage are known.
    :ivar present: time in ms for which the instance was on the host.
    :ivar device: energy in mJ of devices that were passed through to it.
    """

    idle: int = 0
    dynamic: int = 0
    uncertain: int = 0
    metered: int = 0
    present: int = 0
    device: int = 0

    def plus(self, other: 'Part') -> 'Part':
        """Return the sum of two parts."""
        return Part._make(map(operator.add, self, other))

    @property
    def millijoules(self) -> int:
        """Energy in mJ."""
        return self.idle + self.dynamic + self.device

    @property
    def coverage(self) -> float:
        """Share of the present time that is known, 0 to 1."""
        return min(self.metered / self.present, 1.0) if self.present else 0.0

    @property
    def quality(self) -> str:
        """One of ``missing``, ``partial``, ``estimated``, ``attributed``."""
        found = profile.quality(
            self.coverage, self.uncertain, self.millijoules
        )
        return 'attributed' if found == 'measured' else found


class Attributed(typing.NamedTuple):
    """Energy of a host in an interval, and to what it is attributed, in mJ.

    :ivar energy: that of the host.
    :ivar instances: part of each instance, by UUID.
    :ivar overhead: dynamic energy that no instance used.
    :ivar unallocated: idle energy that no instance reserved, and that of
        devices that no instance had.
    :ivar unattributed: energy while no usage is known.
    :ivar idle: idle energy: ``unallocated``, and ``idle`` of all parts.
    :ivar covered: time in ms for which energy and usage are known.
    """

    energy: profile.Interval
    instances: dict[str, Part]
    overhead: int
    unallocated: int
    unattributed: int
    idle: int
    covered: int


def attribute(
    edges: collections.abc.Sequence[profile.Edge],
    boundaries: collections.abc.Iterable[int],
    usage: collections.abc.Iterable[host_usage.Segment],
    idle_watts: float,
    clocks: _Clocks,
    method: type[attribution_methods.Method],
    known: devices.Known | None,
) -> list[Attributed]:
    """Return the intervals between neighboring boundaries, attributed.

    The energies of short intervals add up to those of long ones, to the
    millijoule, if both come from the same edges.

    :param edges: energy of the host, by date, at all of these: the marks of
        its energy, both ends of each segment, and the boundaries.
    :param boundaries: dates in ms, ascending; all of them different.
    :param usage: by date. Segments do not overlap. Those before and after
        the boundaries show which instances were present in a gap.
    :param idle_watts: power of the idle host in W, where the layout has none.
    :param clocks: clocks that were corrected, between two dates.
    :param known: energy of devices that were passed through, at the dates of
        the edges; None if the energy of the host does not contain it.
    :raises KeyError: if a boundary is not the date of an edge.
    """
    number = {edge.date: place for place, edge in enumerate(edges)}
    segments = [*usage]
    used = devices.Devices(
        edges, segments if known is not None else (), known or {}
    )
    divided = host_usage.Usage(segments, used.rest, idle_watts, method)
    found = []
    for start, until in itertools.pairwise(boundaries):
        first, last = number[start], number[until]
        energy = profile.between(
            edges[first], edges[last], clocks(start, until)
        )
        draft = _Draft(used.rest[first : last + 1], divided, used.unknown)
        for each in used.within(first, last):
            draft.add_devices(each)
        found.append(draft.result(energy))
    return found


class _Draft:
    """An interval while energy is added.

    :param rest: energy of the host in the interval, without its devices.
    :param unknown: see :class:`energy_meter.billing.devices.Devices`.
    """

    def __init__(
        self,
        rest: collections.abc.Sequence[profile.Edge],
        usage: host_usage.Usage,
        unknown: _Unknown,
    ) -> None:
        self._usage = usage
        self._unknown = unknown
        self._parts: dict[str, Part] = {}
        self._overhead = 0
        self._unallocated = 0
        self._unattributed = 0
        self._covered = 0
        grouped = itertools.groupby(itertools.pairwise(rest), key=usage.find)
        for (number, is_known), pieces in grouped:
            if is_known:
                self._divide(number, [*pieces])
            else:
                self._skip(number, [*pieces])
        self._spread(rest[0], rest[-1])

    def add_devices(self, used: devices.Energy) -> None:
        """Add energy of devices."""
        if used.instance is None:
            self._unallocated += used.millijoules
        else:
            part = Part(device=used.millijoules, uncertain=used.uncertain)
            self._add(used.instance, part)

    def result(self, energy: profile.Interval) -> Attributed:
        """Return the interval.

        :param energy: that of the host.
        """
        return Attributed(
            energy,
            self._parts,
            self._overhead,
            self._unallocated,
            self._unattributed,
            self._unallocated
            + sum(each.idle for each in self._parts.values()),
            self._covered,
        )

    def _divide(self, number: int, pieces: list[host_usage.Piece]) -> None:
        """Add pieces of a segment."""
        segment = self._usage.segments[number]
        idle, dynamic = self._usage.divide(number, pieces)
        self._overhead += dynamic[-1]
        self._unallocated += idle[-1]
        length = _length(pieces)
        metered = sum(b.metered - a.metered for a, b in pieces)
        self._covered += metered
        spread = segment.estimated or length < segment.until - segment.start
        whole = self._usage.whole(number) if spread else dynamic
        for place, each in enumerate(segment.layout.instances):
            here = dynamic[place]
            uncertain = max(here, whole[place] - here) if spread else 0
            self._add(
                each.uuid, Part(idle[place], here, uncertain, metered, length)
            )
        weight = max(segment.busy, sum(segment.cpu), 1)
        for uuid, cpu in self._usage.lost(number):
            bound = _round_up(sum(dynamic) * cpu, weight)
            self._add(uuid, Part(uncertain=bound))
        for piece in pieces:
            if holders := self._unknown.get(piece[0].date):
                self._doubt(number, piece, holders)

    def _doubt(
        self,
        number: int,
        piece: host_usage.Piece,
        holders: collections.abc.Set[str | None],
    ) -> None:
        """Mark a piece of which a device may have used any part.

        :param holders: instances that may have to pay more. All others may
            have to pay less.
        """
        idle, dynamic = self._usage.divide(number, [piece])
        instances = self._usage.segments[number].layout.instances
        for place, each in enumerate(instances):
            if each.uuid not in holders:
                self._add(
                    each.uuid, Part(uncertain=idle[place] + dynamic[place])
                )

    def _skip(self, number: int, pieces: list[host_usage.Piece]) -> None:
        """Add pieces of the gap after a segment."""
        self._unattributed += sum(
            b.millijoules - a.millijoules for a, b in pieces
        )
        for uuid in self._usage.around(number):
            self._add(uuid, Part(present=_length(pieces)))

    def _add(self, uuid: str, part: Part) -> None:
        known = self._parts.get(uuid)
        self._parts[uuid] = known.plus(part) if known else part

    def _spread(self, start: profile.Edge, until: profile.Edge) -> None:
        """Add to each part its share of what is uncertain of the energy."""
        uncertain = start.uncertain + until.uncertain
        total = max(until.millijoules - start.millijoules, 1)
        if uncertain:
            for uuid, part in self._parts.items():
                share = _round_up(uncertain * part.millijoules, total)
                self._parts[uuid] = part.plus(Part(uncertain=share))


def _length(pieces: collections.abc.Iterable[host_usage.Piece]) -> int:
    """Return the time of pieces in ms."""
    return sum(until.date - start.date for start, until in pieces)


def _round_up(dividend: int, divisor: int) -> int:
    """Return a quotient, rounded up."""
    return -(-dividend // divisor)
