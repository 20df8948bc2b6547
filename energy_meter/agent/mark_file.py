# SPDX-License-Identifier: Apache-2.0

"""Format of the files that buffer marks.

Each line is a checksum and a JSON list of two lists: registers that no
earlier line of the file contains, and marks. A mark begins with the position
of its register among all registers of the file. So a mark takes 35 bytes, and
a file can be read without any other.
"""

import collections.abc
import json
import logging
import pathlib
import typing
import zlib

from energy_meter import measurement

LOG = logging.getLogger(__name__)

#: What marks of one register have in common: its probe, key and predecessor,
#: and its opening in ms on the wall clock.
_Register = tuple[
    measurement.Probe,
    measurement.RegisterKey,
    measurement.Predecessor | None,
    int,
]


class Encoder:
    """Encodes the lines of one file."""

    def __init__(self) -> None:
        self._positions: dict[_Register, int] = {}

    def encode(
        self, marks: collections.abc.Iterable[measurement.Measurement]
    ) -> bytes:
        """Return the next line."""
        added: list[_Register] = []
        rows = []
        for mark in marks:
            described = (
                mark.probe,
                mark.register,
                mark.after,
                mark.timestamp - mark.elapsed,
            )
            position = self._positions.get(described)
            if position is None:
                position = self._positions[described] = len(self._positions)
                added.append(described)
            rows.append(
                (
                    position,
                    int(mark.synced),
                    mark.elapsed,
                    mark.millijoules,
                    mark.metered,
                )
            )
        text = json.dumps(
            (added, rows), ensure_ascii=False, separators=(',', ':')
        ).encode()
        return b'%08x %b\n' % (zlib.crc32(text), text)


class Reader:
    """Reads the marks of a file, which may still grow.

    A file that is damaged, for example at its end by a power failure, is read
    up to the damage.

    :raises OSError: if it cannot be opened.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._file = path.open('rb')
        self._registers: list[_Register] = []
        self._offset = 0
        self._is_damaged = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self) -> list[measurement.Measurement]:
        """Return the marks of the next line; none at the end."""
        if self._is_damaged:
            return []
        try:
            line = self._file.readline()
            marks = self._decode(line) if line else []
            self._offset += len(line)
            return marks
        except (OSError, ValueError, TypeError, LookupError) as error:
            self._is_damaged = True
            damage = error
        LOG.error(
            '%s is damaged; its marks from byte %d on are lost: %s',
            self._path,
            self._offset,
            damage,
        )
        return []

    def _decode(self, line: bytes) -> list[measurement.Measurement]:
        checksum, _, text = line.partition(b' ')
        if zlib.crc32(text.removesuffix(b'\n')) != int(checksum, 16):
            raise ValueError('the checksum is wrong')
        added, rows = json.loads(text)
        self._registers += map(_register, added)
        return [self._mark(*row) for row in rows]

    def _mark(
        self,
        position: int,
        synced: int,
        elapsed: int,
        millijoules: int,
        metered: int,
    ) -> measurement.Measurement:
        probe, key, after, opened_timestamp = self._registers[position]
        return measurement.Measurement(
            probe,
            key,
            after,
            bool(synced),
            opened_timestamp + elapsed,
            elapsed,
            millijoules,
            metered,
            is_mark=True,
        )


def _register(row: list[typing.Any]) -> _Register:
    probe, key, after, opened_timestamp = row
    return (
        measurement.Probe(*probe),
        measurement.RegisterKey(*key),
        None if after is None else measurement.Predecessor(*after),
        opened_timestamp,
    )
