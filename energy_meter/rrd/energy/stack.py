# SPDX-License-Identifier: Apache-2.0

"""Stacked bars: what energy was used for, in the intervals of a period."""

import collections.abc
import datetime
import math
import typing

from energy_meter.clients import attributed
from energy_meter.clients import usage
from energy_meter.rrd.energy import chart

_MJ_PER_KWH = 3_600_000_000

#: Instances with a color of their own: as many as there are hues.
MAX_INSTANCES = 7

_Row = attributed.Row | attributed.HostRow


class Series(typing.NamedTuple):
    """One use of energy.

    :ivar kind: instance, others, overhead, unallocated or unattributed.
    :ivar place: of an instance among those with a color; else None.
    :ivar values: energy in kWh, by interval.
    """

    title: str
    kind: str
    place: int | None
    values: list[float]

    @property
    def total(self) -> float:
        """Energy in all intervals, kWh."""
        return math.fsum(self.values)


class Segment(typing.NamedTuple):
    """Part of a bar."""

    series: Series
    kwh: float
    y: float
    height: float


class Bar(typing.NamedTuple):
    """One interval.

    :ivar period: name of its period, which is zoomed into; None if it has no
        smaller intervals.
    :ivar label: text below it; empty if there is no space.
    """

    row: _Row
    name: str
    period: str | None
    x: float
    width: float
    label: str
    segments: list[Segment]


class Stack(typing.NamedTuple):
    """Stacked bars.

    :ivar step: what each bar is, for example ``day``.
    :ivar zone: name of the zone of all times.
    """

    step: str
    zone: str
    total: _Row
    series: list[Series]
    bars: list[Bar]
    ticks: list[chart.Tick]


def of_host(
    pages: collections.abc.Sequence[attributed.Page[attributed.Host]],
) -> list[Series]:
    """Return the uses of a host's energy; those without any are left out."""
    rows = [row for page in pages for row in page.members[0].intervals]
    names, values = _instances(pages)
    largest = sorted(
        values, key=lambda uuid: math.fsum(values[uuid]), reverse=True
    )
    shown = [
        Series(names[uuid], 'instance', place, values[uuid])
        for place, uuid in enumerate(largest[:MAX_INSTANCES])
    ]
    others = [
        math.fsum(each)
        for each in zip(
            *(values[uuid] for uuid in largest[MAX_INSTANCES:]), strict=True
        )
    ]
    uses = [
        *shown,
        Series('Other instances', 'others', None, others),
        *(
            Series(
                name.capitalize(),
                name,
                None,
                [getattr(row, name) for row in rows],
            )
            for name in ('overhead', 'unallocated', 'unattributed')
        ),
    ]
    return [each for each in uses if each.total > 0]


def of_project(rows: list[attributed.Row]) -> list[Series]:
    """Return the energy of a project's instances."""
    values = [row.kwh for row in rows]
    return [Series('Instances', 'instance', 0, values)]


def draw(
    total: _Row,
    rows: collections.abc.Sequence[_Row],
    series: list[Series],
    step: usage.Step | None,
    zone: datetime.tzinfo,
) -> Stack:
    """Return the bars of intervals.

    :param zone: in which times are shown.
    """
    top = max((row.kwh for row in rows), default=0.0)
    unit = chart.distance(top)
    scale = (chart.BOTTOM - chart.TOP) / (math.ceil(top / unit) * unit or 1.0)
    place = (chart.RIGHT - chart.LEFT) / max(len(rows), 1)
    stride = math.ceil(len(rows) / chart.MAX_LABELS)
    return Stack(
        chart.TITLES[step],
        str(zone),
        total,
        series,
        [
            Bar(
                row,
                chart.named(row.start, row.end, step, zone),
                None if step == 900 else chart.zoomed(row.start, row.end),
                round(chart.LEFT + place * (number + (1 - chart.FILL) / 2), 2),
                round(place * chart.FILL, 2),
                ''
                if number % stride
                else f'{row.start.astimezone(zone):{chart.LABELS[step]}}',
                _segments(series, number, scale),
            )
            for number, row in enumerate(rows)
        ],
        [
            chart.Tick(
                chart.BOTTOM - number * unit * scale, f'{number * unit:g}'
            )
            for number in range(math.ceil(top / unit) + 1)
        ],
    )


def _segments(
    series: list[Series], number: int, scale: float
) -> list[Segment]:
    """Return the parts of a bar, from the bottom to the top."""
    segments = []
    y = float(chart.BOTTOM)
    for each in series:
        kwh = each.values[number]
        height = max(kwh, 0.0) * scale
        y -= height
        if kwh:
            segments.append(Segment(each, kwh, round(y, 2), round(height, 2)))
    return segments


def _instances(
    pages: collections.abc.Sequence[attributed.Page[attributed.Host]],
) -> tuple[dict[str, str], dict[str, list[float]]]:
    """Return the names of instances, and their energy in kWh by interval."""
    names: dict[str, str] = {}
    values: dict[str, list[float]] = {}
    count = 0
    for page in pages:
        host = page.members[0]
        for instance in host.instances:
            names[instance.instance_id] = instance.name
            known = values.setdefault(instance.instance_id, [])
            # An instance is missing on pages before and after its life.
            known += [0.0] * (count - len(known))
            known += [each / _MJ_PER_KWH for each in instance.millijoules]
        count += len(host.intervals)
    for known in values.values():
        known += [0.0] * (count - len(known))
    return names, values
