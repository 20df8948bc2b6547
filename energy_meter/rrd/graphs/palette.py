# SPDX-License-Identifier: Apache-2.0

"""Graph colors that remain distinguishable with color blindness."""

import typing

#: Masataka Okabe and Kei Ito, "Color Universal Design" (2008), without
#: black, and with yellow last because of its low contrast to white.
_HUES = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)

#: Shade of each round of hues: towards black if negative, towards white if
#: positive.
_SHADES = (0.0, -0.35, 0.45, -0.6, 0.65)


class Theme(typing.NamedTuple):
    """Colors of a graph, each as ``rrggbb``."""

    background: str
    text: str
    minor_grid: str
    major_grid: str
    unknown: str
    others: str
    line: str


THEMES = {
    'light': Theme(
        'ffffff', '18202b', 'dfe4ea', 'c3cbd5', '9aa3ae', 'b4bcc6', '0072b2'
    ),
    'dark': Theme(
        '171c24', 'e4eaf1', '2a323d', '414c5a', '6b7685', '525d6b', '56b4e9'
    ),
}


def color(number: int) -> str:
    """Return a color as ``rrggbb``.

    :param number: the first 35 colors are distinct, and colors with close
        numbers differ most. After that they repeat.
    """
    hue = _HUES[number % len(_HUES)]
    shade = _SHADES[number // len(_HUES) % len(_SHADES)]
    target = 255 if shade > 0 else 0
    return ''.join(
        f'{round(value + (target - value) * abs(shade)):02x}' for value in hue
    )
