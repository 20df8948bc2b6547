# SPDX-License-Identifier: Apache-2.0

"""Derives values from the bytes that the fuzzer provides."""

import collections.abc
import struct
import typing

_T = typing.TypeVar('_T')


class Draw:
    """Derives values from bytes; from zeros once they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def __bool__(self) -> bool:
        """Return whether bytes are left."""
        return self._position < len(self._data)

    def bytes(self, number: int) -> bytes:
        """Return this number of bytes."""
        end = self._position + number
        drawn = self._data[self._position : end]
        self._position = end
        return drawn.ljust(number, b'\0')

    def rest(self) -> bytes:
        """Return all bytes that are left."""
        return self.bytes(max(0, len(self._data) - self._position))

    def integer(self, limit: int) -> int:
        """Return an integer from 0 to limit - 1."""
        size = (limit.bit_length() + 7) // 8
        return int.from_bytes(self.bytes(size), 'little') % limit

    def choice(self, options: collections.abc.Sequence[_T]) -> _T:
        """Return one of the options."""
        return options[self.integer(len(options))]

    def number(self) -> float:
        """Return a finite number that is not negative."""
        (value,) = struct.unpack('<d', self.bytes(8))
        return abs(value) if abs(value) <= 1.7e308 else 0.0
