# SPDX-License-Identifier: Apache-2.0


"""Colours of graphs, which those see apart who see colours otherwise."""

import typing

#: Masataka Okabe and Kei Ito, "Color Universal Design" (2008), without
#: black, and with yellow last, which is weak on a light ground.
_HUES = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
)

#: How far each round of hues is from the first: towards black if negative,
#: else towards white.
_SHADES = (0.0, -0.35, 0.45, -0.6, 0.65)


class Theme(typing.NamedTuple):
    """What a graph is drawn with, as ``rrggbb``."""

    ground: str
    text: str
    grid: str
    coarse_grid: str
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


def colour(number: int) -> str:
    """Give a colour as ``rrggbb``.

    :param number: the first 35 are distinct, and the nearer two are the
        more they differ.
    """
    hue = _HUES[number % len(_HUES)]
    shade = _SHADES[number // len(_HUES) % len(_SHADES)]
    end = 255 if shade > 0 else 0
    return ''.join(
        f'{round(value + (end - value) * abs(shade)):02x}' for value in hue
    )
