# SPDX-License-Identifier: Apache-2.0

"""Format of the files that buffer marks.

A file is a sequence of blocks. Each is the length of what follows in four
bytes, and compressed JSON, which includes a checksum. The JSON is a list of
lists: registers that no earlier block of the file contains, marks and, if
there are any, layouts that no earlier block contains. A mark begins with the
position of its register among all registers of the file, and one of a vector
ends with that of its layout and the values. So a file can be read without any
other. A mark takes 30 bytes if each register has one in a file, and 2 to 10
more for each further one.
"""

import collections.abc
import json
import logging
import pathlib
import typing
import zlib

from energy_meter import cpu_usage
from energy_meter import measurement

LOG = logging.getLogger(__name__)

_LENGTH_BYTES = 4
#: Length of a block above which the file is damaged.
_MAX_LENGTH = 2**24
#: Fast; higher levels save a tenth.
_COMPRESSION = 1

#: What marks of one register have in common: its probe, key and predecessor,
#: and its opening in ms on the wall clock.
_Register = tuple[
    measurement.Probe,
    measurement.RegisterKey,
    measurement.Predecessor | None,
    int,
]


class Encoder:
    """Encodes the blocks of one file."""

    def __init__(self) -> None:
        self._positions: dict[_Register, int] = {}
        self._layouts: dict[cpu_usage.Layout, int] = {}

    def encode(
        self, marks: collections.abc.Iterable[measurement.Measurement]
    ) -> bytes:
        """Return the next block."""
        added: list[_Register] = []
        layouts: list[cpu_usage.Layout] = []
        rows: list[tuple[object, ...]] = []
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
                    *self._encode_usage(mark.usage, layouts),
                )
            )
        content = (added, rows, layouts) if layouts else (added, rows)
        text = json.dumps(
            content, ensure_ascii=False, separators=(',', ':')
        ).encode()
        block = zlib.compress(text, _COMPRESSION)
        return len(block).to_bytes(_LENGTH_BYTES) + block

    def _encode_usage(
        self,
        usage: cpu_usage.Usage | None,
        added: list[cpu_usage.Layout],
    ) -> tuple[object, ...]:
        """Return the last values of a mark.

        :param added: receives the layout, if the file does not contain it.
        """
        if usage is None:
            return ()
        position = self._layouts.get(usage.layout)
        if position is None:
            position = self._layouts[usage.layout] = len(self._layouts)
            added.append(usage.layout)
        return position, usage.cpu


class Reader:
    """Reads the marks of a file, which may still grow.

    A file that is damaged, for example at its end by a power failure, is read
    up to the damage.

    :raises OSError: if it cannot be opened.
    :ivar offset: size of the blocks that were read, in bytes.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._file = path.open('rb')
        self._registers: list[_Register] = []
        self._layouts: list[cpu_usage.Layout] = []
        self.offset = 0
        self._is_damaged = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, end: int | None = None) -> list[measurement.Measurement]:
        """Return the marks of the next block; none at the end.

        :param end: size of the file; None for its current size.
        """
        if self._is_damaged or (end is not None and self.offset >= end):
            return []
        try:
            return self._read_block()
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            zlib.error,
        ) as error:
            self._is_damaged = True
            damage = error
        LOG.error(
            '%s is damaged; its marks from byte %d on are lost: %s',
            self._path,
            self.offset,
            damage,
        )
        return []

    def _read_block(self) -> list[measurement.Measurement]:
        header = self._file.read(_LENGTH_BYTES)
        if not header:
            return []
        length = int.from_bytes(header)
        if length > _MAX_LENGTH:
            raise ValueError(f'a block has {length} bytes')
        added, rows, *layouts = json.loads(
            zlib.decompress(self._file.read(length))
        )
        self._registers += map(_register, added)
        self._layouts += map(cpu_usage.parse_layout, *layouts or [()])
        marks = [self._mark(*row) for row in rows]
        self.offset += _LENGTH_BYTES + length
        return marks

    def _mark(
        self,
        position: int,
        synced: int,
        elapsed: int,
        millijoules: int,
        metered: int,
        layout: int | None = None,
        cpu: collections.abc.Iterable[int] = (),
    ) -> measurement.Measurement:
        probe, key, after, opened_timestamp = self._registers[position]
        return measurement.Measurement(
            measurement.Series(probe, key, after, bool(synced)),
            opened_timestamp + elapsed,
            elapsed,
            millijoules,
            metered,
            is_mark=True,
            usage=None
            if layout is None
            else cpu_usage.Usage(self._layouts[layout], tuple(cpu)),
        )


def _register(row: list[typing.Any]) -> _Register:
    probe, key, after, opened_timestamp = row
    return (
        measurement.Probe(*probe),
        measurement.RegisterKey(*key),
        None if after is None else measurement.Predecessor(*after),
        opened_timestamp,
    )
