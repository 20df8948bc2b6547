# SPDX-License-Identifier: Apache-2.0


"""What rrdtool is told to draw."""

import typing

from energy_meter.rrd import labels
from energy_meter.rrd import librrd
from energy_meter.rrd import palette
from energy_meter.rrd import series as rrd_series
from energy_meter.rrd import window as rrd_window

_LINE = 'LINE1.5'
_EDGE = 'LINE0.5'

#: Opacity of areas, in hexadecimal: of a probe, its peaks, and of nothing.
_FILL, _PEAKS, _UNKNOWN, _INCOMPLETE = '40', '38', '50', '28'

#: Legend of the sum: entries in a row, and characters of one.
_COLUMNS = 4
_NAME, _POWER = 15, 9

_LONGEST_TITLE = 90


class Look(typing.NamedTuple):
    """How a picture looks.

    :ivar size: width and height in pixels.
    :ivar explained: whether it has a title and a legend.
    :ivar limit: where the axis ends, in watts; None to fit the data.
    """

    image_format: str
    theme: palette.Theme
    size: tuple[int, int]
    explained: bool
    limit: float | None = None


class Band(typing.NamedTuple):
    """A part of a stack.

    :ivar paths: files whose sum it is.
    :ivar colour: as ``rrggbb``.
    :ivar watts: mean power.
    """

    label: str
    paths: list[str]
    colour: str
    watts: float | None


def frame(look: Look, window: rrd_window.Window, title: str) -> list[str]:
    """Give the options of a graph."""
    theme = look.theme
    width, height = look.size
    colours = {
        'BACK': theme.ground,
        'CANVAS': theme.ground,
        'SHADEA': theme.ground,
        'SHADEB': theme.ground,
        'FRAME': theme.ground,
        'ARROW': theme.ground,
        'FONT': theme.text,
        'AXIS': theme.coarse_grid,
        'GRID': theme.grid,
        'MGRID': theme.coarse_grid,
    }
    options = [
        '--imgformat',
        look.image_format.upper(),
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
    for name, colour in colours.items():
        options += ['--color', f'{name}#{colour}']
    if look.limit is not None:
        options += ['--upper-limit', str(look.limit), '--rigid']
    if not look.explained:
        return [*options, '--no-legend']
    title = labels.cell(labels.plain(title), _LONGEST_TITLE).rstrip()
    return [*options, '--title', title, '--vertical-label', 'W']


def probe(look: Look, path: str, window: rrd_window.Window) -> list[str]:
    """Draw the power of one probe, and its peaks where files keep them."""
    colour = look.theme.line
    words = [
        librrd.definition('watts', path, librrd.AVERAGE),
        f'AREA:watts#{colour}{_FILL}',
    ]
    if window.extremes:
        words += [
            librrd.definition('low', path, librrd.MINIMUM),
            librrd.definition('high', path, librrd.MAXIMUM),
            'CDEF:peaks=high,low,-',
            'AREA:low',
            f'AREA:peaks#{colour}{_PEAKS}::STACK',
        ]
    return [*words, f'{_LINE}:watts#{colour}']


def stack(look: Look, bands: list[Band]) -> list[str]:
    """Draw the power of several probes, one on the other, and their sum.

    :param bands: at least one, the uppermost first.
    """
    words = []
    for place, band in enumerate(bands):
        names = [f'w{place}x{number}' for number in range(len(band.paths))]
        words += [
            librrd.definition(name, path, librrd.AVERAGE)
            for name, path in zip(names, band.paths, strict=True)
        ]
        words += [
            f'CDEF:band{place}={librrd.sum_of(names)}',
            f'CDEF:lack{place}={librrd.unknown_of(names)}',
        ]
    lacks = [f'lack{place}' for place in range(len(bands))]
    # Behind the stack: what it lacks would make it higher.
    words += [
        f'CDEF:incomplete={librrd.sum_of(lacks)},INF,UNKN,IF',
        f'AREA:incomplete#{look.theme.unknown}{_INCOMPLETE}',
    ]
    # From the top downwards, each over what is above it.
    for place, band in enumerate(bands):
        heights = [f'band{number}' for number in range(place, len(bands))]
        words += [
            f'CDEF:top{place}={librrd.sum_of(heights)}',
            f'AREA:top{place}#{band.colour}:{_entry(place, band)}',
            f'{_EDGE}:top{place}#{look.theme.ground}',
        ]
    return [*words, 'CDEF:watts=top0', f'{_LINE}:watts#{look.theme.text}:sum']


def unknown(look: Look) -> list[str]:
    """Shade what is unknown: it is not zero."""
    return [
        'CDEF:unknown=watts,UN,INF,UNKN,IF',
        f'AREA:unknown#{look.theme.unknown}{_UNKNOWN}:no data',
    ]


def nothing(look: Look) -> list[str]:
    """Draw a graph without data."""
    return [
        '--color',
        f'CANVAS#{look.theme.unknown}{_UNKNOWN}',
        f'HRULE:0#{look.theme.unknown}:no data',
    ]


def legend(figures: rrd_series.Figures, currency: str) -> list[str]:
    """Write figures under a graph."""
    text = '   '.join(labels.figures(figures, currency))
    return ['COMMENT:\\l', f'COMMENT:{labels.legend(text)}\\l']


def _entry(place: int, band: Band) -> str:
    text = labels.cell(labels.plain(band.label), _NAME) + labels.watts(
        band.watts
    ).rjust(_POWER)
    end = '\\l' if (place + 1) % _COLUMNS == 0 else ''
    return labels.legend(text) + end
