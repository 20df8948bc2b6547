# SPDX-License-Identifier: Apache-2.0

"""Arguments of rrdtool that draw the parts of a graph."""

import typing

from energy_meter.rrd.files import librrd
from energy_meter.rrd.graphs import band_file
from energy_meter.rrd.graphs import labels
from energy_meter.rrd.graphs import palette
from energy_meter.rrd.reading import series as rrd_series
from energy_meter.rrd.reading import window as rrd_window

_LINE = 'LINE1.5'
_EDGE = 'LINE0.5'

#: Opacity of areas, in hexadecimal: of the power of a probe, its peaks,
#: unknown periods, and periods in which the sum lacks a probe.
_FILL, _PEAKS, _UNKNOWN, _INCOMPLETE = '40', '38', '50', '28'

#: Legend of the sum, in pixels: minimum width of an entry, and the widths of
#: its margins and of a character. In characters: its power.
_MIN_ENTRY_WIDTH, _ENTRY_MARGIN, _CHARACTER_WIDTH = 180, 40, 6.6
_POWER_WIDTH = 8

#: Width of a figure in the legend, in pixels, and of a character of the title.
_FIGURE_WIDTH, _TITLE_CHARACTER_WIDTH = 130, 8.8


class Style(typing.NamedTuple):
    """Style of an image.

    :ivar size: width and height, in pixels.
    :ivar has_legend: whether it has a title and a legend.
    :ivar max_watts: upper end of the axis, in watts; None to fit the data.
    """

    image_format: str
    theme: palette.Theme
    size: tuple[int, int]
    has_legend: bool
    max_watts: float | None = None

    def columns(self, width: float) -> int:
        """Return how many elements of this width fit into a row."""
        return int(self.size[0] / width)


class Band(typing.NamedTuple):
    """One band of a stack.

    :ivar probes: whose sum it shows.
    :ivar color: as ``rrggbb``.
    """

    label: str
    probes: list[str]
    color: str


def frame(style: Style, window: rrd_window.Window, title: str) -> list[str]:
    """Return the options of a graph."""
    width, height = style.size
    options = [
        '--imgformat',
        style.image_format.upper(),
        '--full-size-mode',
        '--width',
        str(width),
        '--height',
        str(height),
        '--border',
        '0',
        '--start',
        str(window.start),
        '--end',
        str(window.end),
        '--step',
        str(window.step),
        '--lower-limit',
        '0',
        '--font',
        'DEFAULT:8:DejaVu Sans',
        '--font',
        'LEGEND:8:DejaVu Sans Mono',
        '--font',
        'TITLE:10:',
        '--disable-rrdtool-tag',
    ]
    for name, color in _colors(style.theme).items():
        options += ['--color', f'{name}#{color}']
    if style.max_watts is not None:
        options += ['--upper-limit', str(style.max_watts), '--rigid']
    if not style.has_legend:
        return [*options, '--no-legend']
    title = labels.cell(
        labels.plain(title), style.columns(_TITLE_CHARACTER_WIDTH)
    ).rstrip()
    return [*options, '--title', title, '--vertical-label', 'W']


def _colors(theme: palette.Theme) -> dict[str, str]:
    """Return the color of each part of a graph, by rrdtool's name."""
    return {
        'BACK': theme.background,
        'CANVAS': theme.background,
        'SHADEA': theme.background,
        'SHADEB': theme.background,
        'FRAME': theme.background,
        'ARROW': theme.background,
        'FONT': theme.text,
        'AXIS': theme.major_grid,
        'GRID': theme.minor_grid,
        'MGRID': theme.major_grid,
    }


def probe(style: Style, path: str, window: rrd_window.Window) -> list[str]:
    """Draw the power of one probe, and its peaks if the file has them."""
    color = style.theme.line
    elements = [
        librrd.definition('watts', path, librrd.AVERAGE),
        f'AREA:watts#{color}{_FILL}',
    ]
    if window.has_extremes:
        elements += [
            librrd.definition('low', path, librrd.MINIMUM),
            librrd.definition('high', path, librrd.MAXIMUM),
            'CDEF:peaks=high,low,-',
            'AREA:low',
            f'AREA:peaks#{color}{_PEAKS}::STACK',
        ]
    return [*elements, f'{_LINE}:watts#{color}']


def stack(
    style: Style, path: str, bands: list[Band], means: list[float | None]
) -> list[str]:
    """Draw the power of several probes, stacked, and their sum.

    :param path: of a :func:`band_file.create`.
    :param bands: at least one, from top to bottom.
    :param means: mean power of each, in watts.
    """
    elements = [
        librrd.definition(source, path, librrd.AVERAGE, source)
        for source in (
            band_file.MISSING,
            *(band_file.source(place) for place in range(len(bands))),
        )
    ]
    # Shade periods in which a probe is unknown, behind the stack.
    elements += [
        f'CDEF:incomplete={band_file.MISSING},INF,UNKN,IF',
        f'AREA:incomplete#{style.theme.unknown}{_INCOMPLETE}',
    ]
    # Draw from top to bottom: each area covers the lower part of the last.
    for place, (band, mean) in enumerate(zip(bands, means, strict=True)):
        entry = _legend_entry(style, place, band.label, mean)
        heights = [
            band_file.source(number) for number in range(place, len(bands))
        ]
        elements += [
            f'CDEF:top{place}={librrd.sum_of(heights)}',
            f'AREA:top{place}#{band.color}:{entry}',
            f'{_EDGE}:top{place}#{style.theme.background}',
        ]
    return [
        *elements,
        'CDEF:watts=top0',
        f'{_LINE}:watts#{style.theme.text}:sum',
    ]


def unknown(style: Style) -> list[str]:
    """Shade periods of unknown power, so that they do not look like zero."""
    return [
        'CDEF:unknown=watts,UN,INF,UNKN,IF',
        f'AREA:unknown#{style.theme.unknown}{_UNKNOWN}:no data',
    ]


def no_data(style: Style) -> list[str]:
    """Draw an empty graph."""
    return [
        '--color',
        f'CANVAS#{style.theme.unknown}{_UNKNOWN}',
        f'HRULE:0#{style.theme.unknown}:no data',
    ]


def legend(
    style: Style, figures: rrd_series.Figures, currency: str
) -> list[str]:
    """Print figures below a graph."""
    texts = labels.figures(figures, currency)
    columns = style.columns(_FIGURE_WIDTH)
    rows = [
        '   '.join(texts[number : number + columns])
        for number in range(0, len(texts), columns)
    ]
    return [
        'COMMENT:\\l',
        *(f'COMMENT:{labels.legend(row)}\\l' for row in rows),
    ]


def _legend_entry(
    style: Style, place: int, label: str, watts: float | None
) -> str:
    columns = style.columns(_MIN_ENTRY_WIDTH)
    width = style.size[0] / columns - _ENTRY_MARGIN
    name = labels.cell(
        labels.plain(label), int(width / _CHARACTER_WIDTH) - _POWER_WIDTH
    )
    text = name + labels.watts(watts).rjust(_POWER_WIDTH)
    end = '\\l' if (place + 1) % columns == 0 else ''
    return labels.legend(text) + end
