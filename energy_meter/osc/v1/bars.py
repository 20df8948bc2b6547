# SPDX-License-Identifier: Apache-2.0

"""Bars in a terminal."""

import collections.abc
import typing

#: Blocks of one to eight eighths of the width of a character.
_BLOCKS = '▏▎▍▌▋▊▉█'
#: For terminals without these characters.
_ASCII = '#'

#: Returns the bar of a share, 0 to 1.
Draw = collections.abc.Callable[[float], str]


def make(width: int, terminal: typing.TextIO) -> Draw:
    """Return a function that draws bars.

    :param width: of the bar of 1, in characters.
    """
    blocks = _BLOCKS if _can_show(terminal, _BLOCKS) else _ASCII

    def draw(share: float) -> str:
        whole, part = divmod(round(share * width * len(blocks)), len(blocks))
        return blocks[-1] * whole + (blocks[part - 1] if part else '')

    return draw


def _can_show(terminal: typing.TextIO, text: str) -> bool:
    # A file in memory has no encoding.
    try:
        text.encode(terminal.encoding or 'utf-8')
    except UnicodeEncodeError:
        return False
    return True
