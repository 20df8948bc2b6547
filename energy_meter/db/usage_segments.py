# SPDX-License-Identifier: Apache-2.0

"""CPU usage of hosts by date, from the vectors of their registers."""

import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter.billing import curve as billing_curve
from energy_meter.billing import host_usage
from energy_meter.billing import intervals
from energy_meter.billing import timeline
from energy_meter.db import numbers
from energy_meter.db import usage_marks

#: How far to look for neighbors, which show who was there in a gap.
_REACH_MS = 86_400_000

_Vectors = collections.abc.Iterable[tuple[int, cpu_usage.Usage]]


class _Register(typing.NamedTuple):
    """A register of a host, and the part of its time that is needed."""

    curve: billing_curve.Curve
    window: usage_marks.Window


def load(
    connection: sa.Connection,
    lines: collections.abc.Mapping[str, timeline.Timeline],
    start: int,
    until: int,
) -> dict[str, list[host_usage.Segment]]:
    """Return the usage of hosts between two dates.

    :param lines: CPU time of the hosts' probes, by probe, with all marks.
    :param start: date in ms.
    :returns: by probe, the segments by date, and neighbors on both sides.
        None overlap.
    """
    registers = {
        probe: [
            _Register(each, _window(probe, each, start, until))
            for each in line.billed(start - _REACH_MS, until + _REACH_MS)
        ]
        for probe, line in lines.items()
    }
    windows = [
        each.window for members in registers.values() for each in members
    ]
    vectors = usage_marks.load(connection, windows)
    return {
        probe: _divide(members, vectors)
        for probe, members in registers.items()
    }


def _window(
    probe: str, curve: billing_curve.Curve, start: int, until: int
) -> usage_marks.Window:
    """Return where two vectors at least are needed of a register."""
    last = curve.end - curve.opened
    return usage_marks.Window(
        numbers.number(probe, curve.key),
        max(min(start - curve.opened, last) - 1, 0),
        max(until - curve.opened, 1),
    )


def _divide(
    registers: collections.abc.Iterable[_Register],
    vectors: collections.abc.Mapping[int, _Vectors],
) -> list[host_usage.Segment]:
    """Return the segments of all registers of a probe by date.

    Where registers overlap, the first one counts.
    """
    found: list[host_usage.Segment] = []
    covered: list[intervals.Interval] = []
    for each in registers:
        known = vectors.get(each.window.register, ())
        own = list(_segments(each, known))
        for segment in own:
            time = segment.start, segment.until
            left = intervals.difference([time], covered)
            found += (
                [segment]
                if left == [time]
                else [_cut(segment, *part) for part in left]
            )
        covered = intervals.union(
            covered, [(segment.start, segment.until) for segment in own]
        )
    return sorted(found, key=lambda segment: segment.start)


def _segments(
    register: _Register, vectors: _Vectors
) -> collections.abc.Iterator[host_usage.Segment]:
    """Yield the usage between the vectors of a register."""
    points: list[tuple[int, cpu_usage.Usage | None]] = [*vectors]
    if points and points[0][0] > register.window.start:
        # No earlier one is stored.
        points.insert(0, (0, None))
    curve = register.curve
    for (since, before), (end, after) in itertools.pairwise(points):
        assert after is not None, 'only the first one is the origin'
        start, until = curve.opened + since, curve.opened + end
        share = curve.until(until).minus(curve.until(start))
        # A register opens before its first reading.
        if share.metered:
            yield host_usage.Segment(
                start,
                until,
                share.millijoules,
                after.layout,
                cpu_usage.increments(before, after),
                # As billing.curve.Cover.WHOLE.
                50 * share.metered < 49 * (until - start) - 50_000,
            )


def _cut(
    segment: host_usage.Segment, start: int, until: int
) -> host_usage.Segment:
    """Return a part of a segment, its usage spread evenly."""
    length = segment.until - segment.start

    def within(value: int) -> int:
        return (
            value * (until - segment.start) // length
            - value * (start - segment.start) // length
        )

    return segment._replace(
        start=start,
        until=until,
        busy=within(segment.busy),
        cpu=tuple(map(within, segment.cpu)),
        estimated=True,
    )
