# SPDX-License-Identifier: Apache-2.0

"""Bars of energy: their geometry and their texts."""

import datetime
import math
import typing

from energy_meter.clients import usage
from energy_meter.rrd.energy import profile

#: Size of the image, and its plot area. It is as wide as that of the graphs of
#: power, which rrdtool draws above.
WIDTH, HEIGHT = 800, 200
LEFT, RIGHT, TOP, BOTTOM = 73, 785, 10, 176

#: Share of its place that a bar fills.
FILL = 0.8
#: Height of the outline of a missing interval, which has no energy.
_MISSING_HEIGHT = 16
MAX_LABELS = 12
_MAX_TICKS = 4

#: In the order of the legend. What the API may report in the future is drawn
#: as the first one that is not exact.
QUALITIES = ('measured', 'estimated', 'partial', 'missing')

#: Of the bars.
TITLES: dict[usage.Step | None, str] = {
    900: 'quarter-hour',
    3600: 'hour',
    'day': 'day',
    'month': 'month',
}
#: Format of the texts below bars.
LABELS: dict[usage.Step | None, str] = {
    900: '%H:%M',
    3600: '%H:%M',
    'day': '%d %b',
    'month': '%b %Y',
}


class Bar(typing.NamedTuple):
    """One bar.

    :ivar name: its interval, in the zone of the chart.
    :ivar period: name of the period of the interval, which is zoomed into;
        None if it has no smaller intervals.
    :ivar filled: width of the part for which the energy is known.
    :ivar label: text below it; empty if there is no space.
    """

    interval: usage.Interval
    name: str
    period: str | None
    quality: str
    x: float
    y: float
    width: float
    height: float
    filled: float
    label: str

    @property
    def state(self) -> str:
        """Whether its energy is final: ``closed`` or ``open``."""
        return 'closed' if self.interval.state == 'closed' else 'open'


class Tick(typing.NamedTuple):
    """A line of the grid."""

    y: float
    label: str


class Chart(typing.NamedTuple):
    """Bars of energy.

    :ivar step: what each bar is, for example ``hour``.
    :ivar final_until: time before which all is closed; empty if nothing is.
    :ivar zone: name of the zone of all times.
    """

    step: str
    total: usage.Interval
    final_until: str
    zone: str
    bars: list[Bar]
    ticks: list[Tick]

    @property
    def qualities(self) -> list[str]:
        """Qualities of the bars, for the legend."""
        present = {bar.quality for bar in self.bars}
        return [quality for quality in QUALITIES if quality in present]

    @property
    def has_open(self) -> bool:
        """Whether a bar is open, for the legend."""
        return any(bar.state != 'closed' for bar in self.bars)


def draw(
    shown: profile.Profile, step: usage.Step | None, zone: datetime.tzinfo
) -> Chart:
    """Return the bars of the intervals.

    :param zone: in which times are shown.
    """
    top = max((interval.kwh for interval in shown.intervals), default=0.0)
    unit = distance(top)
    scale = (BOTTOM - TOP) / (math.ceil(top / unit) * unit or 1.0)
    final = shown.final_until
    return Chart(
        TITLES[step],
        shown.total,
        '' if final is None else f'{final.astimezone(zone):%Y-%m-%d %H:%M}',
        str(zone),
        _bars(shown.intervals, step, zone, scale),
        [
            Tick(BOTTOM - number * unit * scale, f'{number * unit:g}')
            for number in range(math.ceil(top / unit) + 1)
        ],
    )


def _bars(
    intervals: list[usage.Interval],
    step: usage.Step | None,
    zone: datetime.tzinfo,
    scale: float,
) -> list[Bar]:
    place = (RIGHT - LEFT) / max(len(intervals), 1)
    stride = math.ceil(len(intervals) / MAX_LABELS)
    bars = []
    for number, interval in enumerate(intervals):
        quality = (
            interval.quality if interval.quality in QUALITIES else QUALITIES[1]
        )
        height = max(interval.kwh, 0.0) * scale
        if quality == 'missing':
            height = max(height, _MISSING_HEIGHT)
        width = place * FILL
        start = interval.start.astimezone(zone)
        bars.append(
            Bar(
                interval,
                named(interval.start, interval.end, step, zone),
                None if step == 900 else zoomed(interval.start, interval.end),
                quality,
                round(LEFT + place * (number + (1 - FILL) / 2), 2),
                round(BOTTOM - height, 2),
                round(width, 2),
                round(height, 2),
                round(width * min(max(interval.coverage, 0.0), 1.0), 2),
                '' if number % stride else start.strftime(LABELS[step]),
            )
        )
    return bars


def distance(top: float) -> float:
    """Return the distance of the grid's lines: 1, 2 or 5 times 10^n."""
    if top <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(top / _MAX_TICKS))
    return next(
        unit * power
        for unit in (1, 2, 5, 10)
        if unit * power * _MAX_TICKS >= top
    )


def zoomed(start: datetime.datetime, end: datetime.datetime) -> str:
    """Return the name of the period between two times."""
    return f'{round(start.timestamp())}-{round(end.timestamp())}'


def named(
    start: datetime.datetime,
    end: datetime.datetime,
    step: usage.Step | None,
    zone: datetime.tzinfo,
) -> str:
    """Return the name of an interval in a zone."""
    start = start.astimezone(zone)
    if step == 'month':
        return f'{start:%Y-%m}'
    if step == 'day':
        return f'{start:%Y-%m-%d}'
    end = end.astimezone(zone)
    return f'{start:%Y-%m-%d %H:%M}\N{EN DASH}{end:%H:%M}'
