# SPDX-License-Identifier: Apache-2.0

"""Reader of the rows of RRD files that does without librrd.

To read a file, librrd maps all of it into memory and unmaps it again, which
takes 30 to 50 us. The few kB of a graph take 8 us this way. This reader only
returns rows that are in a file as they are wanted. Everything else is left to
librrd: to consolidate rows of other lengths, and to find out what is wrong
with a file.
"""

import collections.abc
import os
import struct
import typing

from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import window as rrd_window

# A file has the structures of rrd_format.h, as they are in the memory of the
# machine that writes it: head, definitions of sources and of RRAs, time of
# the last update, what is prepared for the next row (of each source, and of
# each source in each RRA), number of the newest row of each RRA, and the rows.

#: Magic text, version, a number that shows whether this machine has the same
#: format of numbers, numbers of sources and of RRAs, and step.
_HEAD = struct.Struct('@4s5sdLLL80x')
_MAGIC = b'RRD\0'
_VERSIONS = b'0003\0', b'0004\0', b'0005\0'
_FLOAT = 8.642135e130
#: Name of a source.
_SOURCE = struct.Struct('@20s100x')
#: Function of an RRA, number of its rows, and steps of a row.
_RRA = struct.Struct('@20sLL80x')
#: Seconds since the epoch.
_LAST_UPDATE = struct.Struct('@l8x')
_PREPARED_SIZE, _PREPARED_IN_RRA_SIZE = 112, 80
_NEWEST_ROW = struct.Struct('@L')
_VALUE_SIZE = struct.calcsize('@d')
_UNKNOWN = struct.pack('@d', float('nan'))

#: Bytes to read for a header. Those with more than 30 RRAs are longer.
_HEADER_SIZE = 8192


class _RRAPlace(typing.NamedTuple):
    """Place of an RRA in a file.

    :ivar newest: offset of the number of its newest row.
    :ivar start: offset of its first row.
    """

    rows: int
    newest: int
    start: int


class _Format(typing.NamedTuple):
    """Format of a file.

    :ivar definitions: the part of the header that defines it.
    :ivar archives: places of the RRAs, by function and seconds of a row.
    :ivar size: of the file.
    """

    definitions: bytes
    archives: dict[tuple[str, int], _RRAPlace]
    size: int


class RowReader:
    """Reads rows of the files of this package. Thread-safe."""

    def __init__(self) -> None:
        #: Format of the last file; nearly always that of the next one, too.
        self._format = _Format(b'-', {}, 0)

    def read(
        self,
        path: str,
        functions: tuple[str, ...],
        window: rrd_window.Window,
    ) -> list[collections.abc.Sequence[float]] | None:
        """Return the rows of a time window, for each function.

        :param functions: of librrd, for example :data:`librrd.AVERAGE`.
        :returns: power in watts, not a number where it is unknown; None if
            librrd has to read the file.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            header = os.pread(descriptor, _HEADER_SIZE, 0)
            form = self._find_format(header)
            if os.fstat(descriptor).st_size != form.size:
                return None
            (last_update,) = _LAST_UPDATE.unpack_from(
                header, len(form.definitions)
            )
            return [
                _read_rows(
                    descriptor,
                    header,
                    form.archives[function, window.step],
                    last_update,
                    window,
                )
                for function in functions
            ]
        except (OSError, LookupError, ValueError, struct.error):
            return None
        finally:
            os.close(descriptor)

    def _find_format(self, header: bytes) -> _Format:
        """Return the format of a file.

        :raises ValueError: if it is not one of this package.
        :raises struct.error: if the header is incomplete.
        """
        form = self._format
        if not header.startswith(form.definitions):
            form = self._format = _parse(header)
        return form


def _read_rows(
    descriptor: int,
    header: bytes,
    place: _RRAPlace,
    last_update: int,
    window: rrd_window.Window,
) -> collections.abc.Sequence[float]:
    """Return the rows of an RRA in a time window.

    :param last_update: of the file, in seconds since the epoch.
    :raises ValueError: if some are no longer in the file.
    """
    start, end, step = window.start, window.end, window.step
    newest_end = last_update - last_update % step
    if start < newest_end - place.rows * step:
        raise ValueError('the RRA begins later')
    (newest,) = _NEWEST_ROW.unpack_from(header, place.newest)
    first = (newest + 1 - (newest_end - start) // step) % place.rows
    count = max(0, (min(end, newest_end) - start) // step)
    before_wrap = min(count, place.rows - first)
    content = os.pread(
        descriptor,
        before_wrap * _VALUE_SIZE,
        place.start + first * _VALUE_SIZE,
    )
    if count > before_wrap:
        content += os.pread(
            descriptor, (count - before_wrap) * _VALUE_SIZE, place.start
        )
    if len(content) != count * _VALUE_SIZE:
        raise ValueError('the file was truncated')
    later = (end - start) // step - count
    return memoryview(content + _UNKNOWN * later).cast('d')


def _parse(header: bytes) -> _Format:
    """Return the format that a header defines.

    :raises ValueError: if it is not one of this package.
    :raises struct.error: if the header is incomplete.
    """
    magic, version, number, sources, rras, step = _HEAD.unpack_from(header)
    if (magic, number, sources) != (_MAGIC, _FLOAT, 1) or (
        version not in _VERSIONS
    ):
        raise ValueError('the format is unknown')
    (source,) = _SOURCE.unpack_from(header, _HEAD.size)
    if _text(source) != librrd.SOURCE:
        raise ValueError('the source is unknown')
    first = _HEAD.size + _SOURCE.size
    end = first + rras * _RRA.size
    newest = end + (
        _LAST_UPDATE.size + _PREPARED_SIZE + rras * _PREPARED_IN_RRA_SIZE
    )
    start = newest + rras * _NEWEST_ROW.size
    archives: dict[tuple[str, int], _RRAPlace] = {}
    for offset in range(first, end, _RRA.size):
        function, rows, steps = _RRA.unpack_from(header, offset)
        if not rows:
            raise ValueError('an RRA has no rows')
        # librrd reads the first one of several, too.
        archives.setdefault(
            (_text(function), steps * step), _RRAPlace(rows, newest, start)
        )
        newest += _NEWEST_ROW.size
        start += rows * _VALUE_SIZE
    return _Format(header[:end], archives, start)


def _text(field: bytes) -> str:
    return field.partition(b'\0')[0].decode('ascii')
