# SPDX-License-Identifier: Apache-2.0

"""Values made of bytes that somebody else thinks up."""

import collections.abc
import struct
import typing

_T = typing.TypeVar('_T')


class Draw:
    """Turns bytes into values until they are used up, then gives zeros."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Tell whether bytes are left."""
        return self._at < len(self._data)

    def bytes(self, number: int) -> bytes:
        """Give so many bytes."""
        taken = self._data[self._at : self._at + number]
        self._at += number
        return taken.ljust(number, b'\0')

    def rest(self) -> bytes:
        """Give all bytes that are left."""
        return self.bytes(max(0, len(self._data) - self._at))

    def integer(self, limit: int) -> int:
        """Give an integer from 0 to below the limit."""
        size = (limit.bit_length() + 7) // 8
        return int.from_bytes(self.bytes(size), 'little') % limit

    def choice(self, items: collections.abc.Sequence[_T]) -> _T:
        """Give one of the items."""
        return items[self.integer(len(items))]

    def number(self) -> float:
        """Give any of the numbers that the bus carries."""
        (value,) = struct.unpack('<d', self.bytes(8))
        return abs(value) if abs(value) <= 1.7e308 else 0.0
