# SPDX-License-Identifier: Apache-2.0

"""Ranges in braces, such as ``{01..40}`` or ``{a,b,c}``."""

import functools
import re
import typing

from oslo_config import types

#: Maximum number of elements. A typing error must not fill the memory.
MAX_ELEMENTS = 10_000

_ELEMENT = r'[\w.:/-]+'
_NUMBERS = re.compile(r'\{(\d+)\.\.(\d+)\}', re.ASCII)
#: Few characters: values may contain braces and commas that are not a list.
_RANGE = re.compile(
    rf'{_NUMBERS.pattern}|\{{{_ELEMENT}(?:\s*,\s*{_ELEMENT})+\}}', re.ASCII
)
_BRACES = re.compile(r'\{[^{}]*\}')


class Position(typing.NamedTuple):
    """An element of a range.

    :ivar text: the range, as written.
    :ivar offset: number of elements before it.
    :ivar size: number of elements of the range.
    """

    text: str
    offset: int
    size: int


def positions(text: str) -> list[Position]:
    """Return the positions of the only range in a text; [] if it has none.

    :raises ValueError: if the text has several ranges, or one that is too
        large.
    """
    found = list(_RANGE.finditer(text))
    if not found:
        return []
    if len(found) > 1:
        raise ValueError(
            f'{text!r} has more than one range; write out all but one'
        )
    size = len(_elements(found[0][0]))
    return [Position(found[0][0], offset, size) for offset in range(size)]


def at(text: str, position: Position) -> str:
    """Return a text with an element instead of each of its ranges.

    :param position: of the element.
    :raises ValueError: if a range of the text has another size than that of
        the position.
    """

    def element(match: re.Match[str]) -> str:
        elements = _elements(match[0])
        if len(elements) != position.size:
            raise ValueError(
                f'{match[0]} has {len(elements)} elements, but '
                f'{position.text} in the name of the section has '
                f'{position.size}'
            )
        return elements[position.offset]

    return _RANGE.sub(element, text)


def expand(text: str) -> list[str]:
    """Return the texts for which a text with at most one range stands.

    :raises ValueError: if :func:`positions` raises it.
    """
    return [at(text, position) for position in positions(text)] or [text]


def has_numbers(text: str) -> bool:
    """Return whether a text contains a range of numbers."""
    return bool(_NUMBERS.search(text))


def has_braces(text: str) -> bool:
    """Return whether a text contains a brace."""
    return '{' in text or '}' in text


def could_yield(text: str, name: str) -> bool:
    """Return whether a text with a range may stand for a name.

    The range need not be valid.
    """
    around = map(re.escape, _BRACES.split(text))
    return bool(re.fullmatch('.*'.join(around), name))


#: Each section and option of a range needs its elements again.
@functools.lru_cache(maxsize=64)
def _elements(written: str) -> tuple[str, ...]:
    """Return the elements of a range.

    :raises ValueError: if it is too large.
    """
    numbers = _NUMBERS.fullmatch(written)
    if numbers is None:
        return tuple(map(str.strip, written[1:-1].split(',')))
    first, last = int(numbers[1]), int(numbers[2])
    if abs(last - first) >= MAX_ELEMENTS:
        raise ValueError(f'{written} has more than {MAX_ELEMENTS} elements')
    is_padded = any(len(end) > 1 and end[0] == '0' for end in numbers.groups())
    width = max(map(len, numbers.groups())) if is_padded else 0
    step = 1 if first <= last else -1
    return tuple(
        f'{number:0{width}}' for number in range(first, last + step, step)
    )


class IDs(types.List):
    """Type of a list of IDs, each of which may contain a range."""

    def __call__(self, value: object) -> list[str]:
        if not isinstance(value, str):
            return list(super().__call__(value))
        # The commas of a range do not separate IDs.
        found: list[str] = []

        def hide(match: re.Match[str]) -> str:
            found.append(match[0])
            return f'\0{len(found) - 1}\0'

        return [
            each
            for element in super().__call__(_RANGE.sub(hide, value))
            for each in expand(
                re.sub('\0(\\d+)\0', lambda m: found[int(m[1])], element)
            )
        ]
