# SPDX-License-Identifier: Apache-2.0

"""Text in graphs, safe for any probe id."""

from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import series

_UNKNOWN = '\N{EN DASH}'
_ELLIPSIS = '\N{HORIZONTAL ELLIPSIS}'


def plain(text: str) -> str:
    """Replace the characters that rrdtool treats specially.

    A trailing backslash would start a formatting command, and rrdtool has no
    way to escape it.
    """
    return ''.join(
        char if char.isprintable() else '\N{REPLACEMENT CHARACTER}'
        for char in text
    ).replace('\\', '\N{SET MINUS}')


def legend(text: str) -> str:
    """Return a text for the legend field of a graph element."""
    return librrd.escape(plain(text))


def cell(text: str, width: int) -> str:
    """Truncate or pad a text to a number of characters."""
    if len(text) > width:
        text = text[: width - 1] + _ELLIPSIS
    return text.ljust(width)


def watts(value: float | None) -> str:
    """Format power."""
    return _UNKNOWN if value is None else f'{value:.1f} W'


def figures(values: series.Figures, currency: str) -> list[str]:
    """Format all figures."""
    texts = [
        f'min {watts(values.minimum)}',
        f'avg {watts(values.average)}',
        f'max {watts(values.maximum)}',
        f'last {watts(values.last)}',
        f'energy {_UNKNOWN}'
        if values.kwh is None
        else f'energy {values.kwh:.4f} kWh',
    ]
    if values.cost is not None:
        texts.append(f'cost {values.cost:.2f} {currency}')
    return texts
