# SPDX-License-Identifier: Apache-2.0


"""Text in graphs, from wherever it comes."""

from energy_meter.rrd import librrd
from energy_meter.rrd import series

_UNKNOWN = '\N{EN DASH}'
_CUT = '\N{HORIZONTAL ELLIPSIS}'


def plain(text: str) -> str:
    """Take the meaning that rrdtool sees off a text.

    A backslash at its end would be a command, and can't be escaped.
    """
    return ''.join(
        char if char.isprintable() else '\N{REPLACEMENT CHARACTER}'
        for char in text
    ).replace('\\', '\N{SET MINUS}')


def legend(text: str) -> str:
    """Make a text the end of a definition."""
    return librrd.escape(plain(text))


def cell(text: str, width: int) -> str:
    """Cut or pad a text to a number of characters."""
    if len(text) > width:
        text = text[: width - 1] + _CUT
    return text.ljust(width)


def watts(value: float | None) -> str:
    """Write power, which is in watts."""
    return _UNKNOWN if value is None else f'{value:.1f} W'


def figures(values: series.Figures, currency: str) -> list[str]:
    """Write all figures."""
    known = [
        f'min {watts(values.minimum)}',
        f'avg {watts(values.average)}',
        f'max {watts(values.maximum)}',
        f'last {watts(values.last)}',
        f'energy {_UNKNOWN}'
        if values.kwh is None
        else f'energy {values.kwh:.4f} kWh',
    ]
    if values.cost is not None:
        known.append(f'cost {values.cost:.2f} {currency}')
    return known
