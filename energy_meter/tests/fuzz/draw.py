# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
