# SPDX-License-Identifier: Apache-2.0

"""Energy of a probe, or of several together, in the intervals of a period."""

import collections.abc
import datetime
import typing

from energy_meter.billing import profile
from energy_meter.clients import usage

_MJ_PER_KWH = 3_600_000_000


class Profile(typing.NamedTuple):
    """Energy in the intervals of a period.

    :ivar final_until: time before which all intervals are closed; None if
        none is.
    :ivar total: over all intervals.
    """

    final_until: datetime.datetime | None
    total: usage.Interval
    intervals: list[usage.Interval]


def of_probe(pages: collections.abc.Iterable[usage.Page]) -> Profile:
    """Return the energy of the only probe."""
    first, *others = pages
    return Profile(
        first.final_until,
        first.probes[0].total,
        [
            interval
            for page in (first, *others)
            for probe in page.probes
            for interval in probe.intervals
        ],
    )


def of_sum(
    pages: collections.abc.Iterable[usage.Page],
    members: collections.abc.Collection[str],
) -> Profile:
    """Return the energy of several probes together.

    A probe counts from the first interval in which it was metered. Otherwise
    each new probe would make all intervals before it partial.

    :param pages: of all probes, at least one; there can be many.
    :param members: ids of the probes to add up.
    """
    finals = []
    slots: dict[datetime.datetime, _Sum] = {}
    begun: dict[str, bool] = {}
    total: _Sum | None = None
    for page in pages:
        total = total or _Sum(page.start, page.end)
        finals.append(page.final_until)
        for probe in page.probes:
            if probe.probe_id not in members:
                continue
            if probe.probe_id not in begun:
                total.add(probe.total)
            has_begun = begun.get(probe.probe_id, False)
            for interval in probe.intervals:
                has_begun = has_begun or interval.coverage > 0
                slot = slots.setdefault(
                    interval.start, _Sum(interval.start, interval.end)
                )
                slot.add(interval, counts=has_begun)
            begun[probe.probe_id] = has_begun
    assert total is not None
    total.cover(slots.values())
    known = [final for final in finals if final is not None]
    return Profile(
        min(known) if len(known) == len(finals) > 0 else None,
        total.interval(),
        [slot.interval() for _, slot in sorted(slots.items())],
    )


class _Sum:
    """Sum of the same interval of several probes."""

    def __init__(
        self, start: datetime.datetime, end: datetime.datetime
    ) -> None:
        self._start, self._end = start, end
        self._millijoules = 0
        self._uncertain_kwh = 0.0
        self._counted_s = self._metered_s = 0.0
        self._clock: set[str] = set()
        self._versions: list[int | None] = []

    def add(self, interval: usage.Interval, counts: bool = True) -> None:
        """Add the interval of a probe.

        :param counts: whether its time counts for the coverage.
        """
        self._millijoules += interval.millijoules
        self._uncertain_kwh += interval.uncertain_kwh
        self._clock.update(interval.clock)
        self._versions.append(interval.version)
        if counts:
            length = (interval.end - interval.start).total_seconds()
            self._counted_s += length
            self._metered_s += interval.coverage * length

    def cover(self, parts: collections.abc.Iterable['_Sum']) -> None:
        """Set the coverage to that of the parts of the interval."""
        pairs = [(part._counted_s, part._metered_s) for part in parts]
        self._counted_s = sum(counted for counted, _ in pairs)
        self._metered_s = sum(metered for _, metered in pairs)

    def interval(self) -> usage.Interval:
        """Return the sum."""
        coverage = self._metered_s / self._counted_s if self._counted_s else 0
        closed = [number for number in self._versions if number is not None]
        is_closed = len(closed) == len(self._versions) > 0
        return usage.Interval(
            self._start,
            self._end,
            self._millijoules / _MJ_PER_KWH,
            self._millijoules,
            coverage,
            self._uncertain_kwh,
            self._quality(coverage),
            tuple(sorted(self._clock)),
            'closed' if is_closed else 'open',
            max(closed) if is_closed else None,
        )

    def _quality(self, coverage: float) -> str:
        start, end = (
            round(time.timestamp() * 1000) for time in (self._start, self._end)
        )
        return profile.Interval(
            start,
            end,
            self._millijoules,
            round(coverage * (end - start)),
            round(self._uncertain_kwh * _MJ_PER_KWH),
            profile.Clock(0),
        ).quality
