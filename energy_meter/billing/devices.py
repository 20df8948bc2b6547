# SPDX-License-Identifier: Apache-2.0

"""Energy of devices that are passed through to instances.

The energy of such a device has a probe of its own, and is a part of that of
the host. It is taken out before the rest is divided, and belongs to the
instance that has the device.
"""

import collections.abc
import itertools
import typing

from energy_meter import cpu_usage
from energy_meter.billing import host_usage
from energy_meter.billing import profile

_Edges = collections.abc.Sequence[profile.Edge]
#: Energy of devices at the same dates as that of the host, by probe.
Known = collections.abc.Mapping[str, _Edges]
_Segments = collections.abc.Iterable[host_usage.Segment]


class Use(typing.NamedTuple):
    """Use of a device in one piece.

    :ivar instance: UUID of the instance that has it; None if none has.
    :ivar millijoules: energy in mJ, at most that of the host.
    :ivar unknown: energy in mJ, of the host and not of its devices, that may
        be that of the device, because its own is not known.
    """

    instance: str | None
    millijoules: int
    unknown: int


class Energy(typing.NamedTuple):
    """Energy of an instance, or of none, that its devices used, in mJ.

    :ivar uncertain: bound of the error.
    """

    instance: str | None
    millijoules: int
    uncertain: int


class Devices:
    """Energy of the devices of a host by date.

    :param edges: energy of the host, as for
        :func:`energy_meter.billing.attribution.attribute`.
    :param usage: by date; none overlap.
    :param known: energy of devices.
    :ivar rest: energy of the host without that of its devices.
    :ivar unknown: those who have devices whose energy is not known, by the
        date at which such a piece starts.
    """

    def __init__(
        self,
        edges: _Edges,
        usage: _Segments,
        known: Known,
    ) -> None:
        self._known = known
        self._uses: dict[str, list[Use | None]] = {}
        self.unknown: dict[int, set[str | None]] = {}
        pieces = list(itertools.pairwise(edges))
        left = [b.millijoules - a.millijoules for a, b in pieces]
        for number, layout in enumerate(_layouts(pieces, usage)):
            for device in layout.devices if layout else ():
                uses = self._uses.setdefault(
                    device.probe, [None] * len(pieces)
                )
                uses[number] = use = self._use(device, number, left[number])
                left[number] -= use.millijoules
                if use.unknown:
                    date = pieces[number][0].date
                    self.unknown.setdefault(date, set()).add(use.instance)
        self.rest = self._rest(edges, left) if self._uses else [*edges]

    def within(
        self, first: int, last: int
    ) -> collections.abc.Iterator[Energy]:
        """Yield the energy of devices between two edges, by their numbers.

        An instance occurs once for each time in which it has a device.
        """
        for probe, uses in sorted(self._uses.items()):
            numbered = enumerate(uses[first:last], first)
            for is_used, run in itertools.groupby(numbered, _holder):
                if is_used:
                    yield self._sum(probe, [number for number, _ in run])

    def _use(self, device: cpu_usage.Device, piece: int, left: int) -> Use:
        """Return the use of a device in a piece.

        :param left: energy of the host that no other device used, in mJ.
        """
        edges = self._known.get(device.probe)
        if edges is None:
            return Use(device.instance, 0, left)
        start, until = edges[piece : piece + 2]
        energy = min(until.millijoules - start.millijoules, left)
        # As billing.curve.Cover.WHOLE.
        metered = until.metered - start.metered
        is_known = 50 * metered >= 49 * (until.date - start.date) - 50_000
        return Use(device.instance, energy, 0 if is_known else left - energy)

    def _rest(self, edges: _Edges, left: list[int]) -> list[profile.Edge]:
        """Return the energy that is left, by date.

        What is uncertain of a device is so of the rest as well.
        """
        total = itertools.accumulate(left, initial=edges[0].millijoules)
        return [
            edge._replace(
                millijoules=millijoules,
                uncertain=edge.uncertain + self._uncertain(number),
            )
            for number, (edge, millijoules) in enumerate(
                zip(edges, total, strict=True)
            )
        ]

    def _uncertain(self, number: int) -> int:
        """Return what is uncertain of the devices at an edge, in mJ."""
        around = slice(max(number - 1, 0), number + 1)
        return sum(
            self._known[probe][number].uncertain
            for probe, uses in self._uses.items()
            if probe in self._known and any(uses[around])
        )

    def _sum(self, probe: str, run: list[int]) -> Energy:
        """Return the energy of a device in pieces one after the other."""
        uses = [use for each in run if (use := self._uses[probe][each])]
        uncertain = sum(use.unknown for use in uses)
        if edges := self._known.get(probe):
            uncertain += edges[run[0]].uncertain + edges[run[-1] + 1].uncertain
        return Energy(
            uses[0].instance, sum(use.millijoules for use in uses), uncertain
        )


def _layouts(
    pieces: collections.abc.Iterable[host_usage.Piece], usage: _Segments
) -> collections.abc.Iterator[cpu_usage.Layout | None]:
    """Yield the layout that applies in each piece; None in a gap."""
    segments = iter(usage)
    segment = next(segments, None)
    for start, until in pieces:
        while segment is not None and segment.until <= start.date:
            segment = next(segments, None)
        is_inside = segment is not None and (
            segment.start <= start.date and until.date <= segment.until
        )
        yield segment.layout if segment and is_inside else None


def _holder(numbered: tuple[int, Use | None]) -> tuple[str | None] | None:
    """Return who has a device in a piece; None if that is not known."""
    _, use = numbered
    return None if use is None else (use.instance,)
