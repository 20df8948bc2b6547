# SPDX-License-Identifier: Apache-2.0

"""Picture of the growth: two charts with logarithmic axes, as SVG."""

import collections.abc
import math
import typing
from xml.sax import saxutils

from benchmarks.growth import figures

_WIDTH, _HEIGHT = 360, 330
_LEFT, _TOP, _RIGHT, _BOTTOM = 60, 40, 30, 100
#: Colors that differ with color blindness, too, after Okabe and Ito.
_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b8860b')
#: The page is part of the picture, so that it does not depend on the page of
#: the documentation, which is always light.
_STYLE = """\
polyline { fill: none }
text { font: 12px sans-serif; fill: #222 }
.page { fill: #fff } .axis { stroke: #222 } .grid { stroke: #ddd }
@media (prefers-color-scheme: dark) {
  text { fill: #eee }
  .page { fill: #1c1c1f } .axis { stroke: #eee } .grid { stroke: #444 }
}"""


#: Points of a line: a number of probes and a value.
_Line = list[tuple[float, float]]


class Axis(typing.NamedTuple):
    """A logarithmic axis that begins and ends at a power of ten.

    :ivar first: exponent at its beginning.
    :ivar last: exponent at its end.
    :ivar start: coordinate of its beginning.
    :ivar end: coordinate of its end.
    """

    first: int
    last: int
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return the coordinate of a value."""
        part = (math.log10(value) - self.first) / (self.last - self.first)
        return self.start + part * (self.end - self.start)

    def ticks(self) -> collections.abc.Iterator[tuple[float, str]]:
        """Yield the coordinate and the text of each power of ten."""
        for exponent in range(self.first, self.last + 1):
            digits = max(-exponent, 0)
            yield self.place(10.0**exponent), f'{10.0**exponent:,.{digits}f}'


def axis(
    values: collections.abc.Iterable[float], start: float, end: float
) -> Axis:
    """Return the axis of some values, which are greater than 0."""
    logs = [math.log10(value) for value in values]
    first = math.floor(min(logs))
    return Axis(first, max(math.ceil(max(logs)), first + 1), start, end)


def draw(found: figures.Figures) -> str:
    """Return the picture of all figures."""
    charts: dict[str, dict[str, _Line]] = {
        'CPU time of a measurement, µs': {
            'agents': _line(found.loads, 'agent_us'),
            'collector': _line(found.loads, 'collector_us'),
            'PostgreSQL': _line(found.loads, 'postgresql_us'),
            'RabbitMQ': _line(found.loads, 'rabbitmq_us'),
            'RRD point': [
                (row.probes, 1e6 / row.rate) for row in found.points
            ],
        },
        'CPU time of a request for all probes, ms': {
            'a day': _line(found.requests, 'day_ms'),
            'list, changed each time': _line(found.requests, 'changed_ms'),
            'list, unchanged': _line(found.requests, 'unchanged_ms'),
            'list, with ETag': _line(found.requests, 'etag_ms'),
        },
    }
    width = _WIDTH * len(charts)
    return '\n'.join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
            f'viewBox="0 0 {width} {_HEIGHT}" width="{width}">',
            '<title>CPU time by the number of probes</title>',
            '<style>',
            _STYLE,
            *(
                f'.line{number} {{ stroke: {color}; stroke-width: 2 }} '
                f'.dot{number} {{ fill: {color} }}'
                for number, color in enumerate(_COLORS)
            ),
            '</style>',
            '<rect class="page" width="100%" height="100%"/>',
            *(
                element
                for number, (title, lines) in enumerate(charts.items())
                for element in _panel(title, lines, number * _WIDTH)
            ),
            '</svg>\n',
        ]
    )


def _line(rows: collections.abc.Iterable[figures.Row], field: str) -> _Line:
    """Return the points of a field; a logarithm of 0 does not exist."""
    points = ((row.probes, getattr(row, field)) for row in rows)
    return [(probes, value) for probes, value in points if value > 0]


def _panel(
    title: str, lines: dict[str, _Line], left: int
) -> collections.abc.Iterator[str]:
    points = [point for line in lines.values() for point in line]
    right, bottom = left + _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    x = axis((probes for probes, _ in points), left + _LEFT, right)
    y = axis((value for _, value in points), bottom, _TOP)
    yield _text(left + _LEFT, 22, title)
    for place, label in x.ticks():
        yield _stroke('grid', (place, _TOP), (place, bottom))
        yield _text(place, bottom + 18, label, 'middle')
    for place, label in y.ticks():
        yield _stroke('grid', (x.start, place), (right, place))
        yield _text(x.start - 6, place + 4, label, 'end')
    yield _stroke('axis', (x.start, _TOP), (x.start, bottom), (right, bottom))
    yield _text((x.start + right) / 2, bottom + 36, 'probes', 'middle')
    for number, (name, line) in enumerate(lines.items()):
        places = [(x.place(probes), y.place(value)) for probes, value in line]
        yield _stroke(f'line{number}', *places)
        # The last dot belongs to the name below the chart.
        row, column = divmod(number, 2)
        key = x.start - 30 + column * 150, bottom + 56 + row * 17
        for dot in (*places, key):
            yield _dot(f'dot{number}', dot)
        yield _text(key[0] + 9, key[1] + 4, name)


def _text(x: float, y: float, text: str, anchor: str = 'start') -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f'{saxutils.escape(text)}</text>'
    )


def _stroke(kind: str, *places: tuple[float, float]) -> str:
    path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in places)
    return f'<polyline class="{kind}" points="{path}"/>'


def _dot(kind: str, place: tuple[float, float]) -> str:
    return (
        f'<circle class="{kind}" cx="{place[0]:.1f}" cy="{place[1]:.1f}" '
        'r="3.5"/>'
    )
