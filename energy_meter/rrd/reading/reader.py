# SPDX-License-Identifier: Apache-2.0

"""Reader that turns the rows of RRD files into series."""

import collections.abc
import functools
import pathlib

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import series
from energy_meter.rrd.reading import window as rrd_window

#: Number of files that are read at once. Together they have 200,000 values at
#: most, which take 6 MB.
_MAX_FILES = 100

_FUNCTIONS = (librrd.AVERAGE, librrd.MINIMUM, librrd.MAXIMUM)


class Reader:
    """Reads RRD files.

    :param price: price of one kWh; None if not configured.
    """

    def __init__(
        self, price: float | None, throttled_log: log_throttle.ThrottledLogger
    ) -> None:
        self._price = price
        self._throttled_log = throttled_log

    def read(
        self,
        paths: collections.abc.Sequence[pathlib.Path],
        window: rrd_window.Window,
    ) -> series.Series:
        """Return the sum of files; unknown values add nothing to it.

        Extremes of several files cannot be added up, because they occur at
        different times. Extremes of a sum are those of its means.
        """
        if len(paths) != 1:
            return self.stack([paths], window).total
        rows = self._fetch(paths[0], librrd.AVERAGE, window)
        if not window.has_extremes:
            return self._series(rows, rows, rows)
        return self._series(
            rows,
            self._fetch(paths[0], librrd.MINIMUM, window),
            self._fetch(paths[0], librrd.MAXIMUM, window),
        )

    def read_each(
        self,
        paths: collections.abc.Sequence[pathlib.Path],
        window: rrd_window.Window,
    ) -> collections.abc.Iterator[series.Series]:
        """Yield the series of each file.

        Many files at once are read faster than each of them.
        """
        functions = _FUNCTIONS if window.has_extremes else _FUNCTIONS[:1]
        for first in range(0, len(paths), _MAX_FILES):
            some = paths[first : first + _MAX_FILES]
            rows, _ = attempt.call(
                functools.partial(_export_each, some, functions, window),
                exception.RRDError,
            )
            if rows is None:
                yield from (self.read([path], window) for path in some)
                continue
            for average, minimum, maximum in zip(
                rows[:: len(functions)],
                rows[1 % len(functions) :: len(functions)],
                rows[2 % len(functions) :: len(functions)],
                strict=True,
            ):
                yield self._series(average, minimum, maximum)

    def stack(
        self,
        groups: collections.abc.Sequence[
            collections.abc.Sequence[pathlib.Path]
        ],
        window: rrd_window.Window,
    ) -> series.Stack:
        """Return the power of groups of files.

        Files that cannot be read are left out.
        """
        rows, _ = attempt.call(
            lambda: _export_sums(groups, window), exception.RRDError
        )
        if rows is None:
            # One unreadable file is enough to make all fail.
            rows = _export_sums(
                [list(filter(self.is_readable, group)) for group in groups],
                window,
            )
        *bands, total, missing = rows
        return series.Stack(
            self._series(total, total, total),
            [band.values for band in bands],
            missing.values,
        )

    def is_readable(self, path: pathlib.Path) -> bool:
        """Return whether a file can be read; log a warning if not."""
        _, error = attempt.call(
            lambda: librrd.last(str(path)), exception.RRDError
        )
        if error is not None:
            self._warn(path, error)
        return error is None

    def _fetch(
        self, path: pathlib.Path, function: str, window: rrd_window.Window
    ) -> librrd.Rows:
        rows, error = attempt.call(
            lambda: librrd.fetch(
                str(path), function, window.start, window.end, window.step
            ),
            exception.RRDError,
        )
        if error is not None:
            self._warn(path, error)
        return rows or _unknown(window)

    def _warn(self, path: pathlib.Path, error: Exception) -> None:
        self._throttled_log.warning(
            f'read {path}', 'Cannot read %s: %s', path, error
        )

    def _series(
        self, average: librrd.Rows, minimum: librrd.Rows, maximum: librrd.Rows
    ) -> series.Series:
        if not average[:2] == minimum[:2] == maximum[:2]:
            # A file of another layout has extremes at other resolutions.
            minimum = maximum = average
        return series.Series(
            average.start,
            average.step,
            average.values,
            minimum.values,
            maximum.values,
            self._price,
        )


def _export_each(
    paths: collections.abc.Sequence[pathlib.Path],
    functions: collections.abc.Sequence[str],
    window: rrd_window.Window,
) -> list[librrd.Rows]:
    """Return the rows of each function of each file.

    :raises RRDError: if a file cannot be read.
    """
    definitions = [
        (f'w{number}x{function}', str(path), function)
        for number, path in enumerate(paths)
        for function in functions
    ]
    return librrd.export(
        window.start,
        window.end,
        window.step,
        *(librrd.definition(*each) for each in definitions),
        *(f'XPORT:{name}' for name, _, _ in definitions),
    )


def _export_sums(
    groups: collections.abc.Sequence[collections.abc.Sequence[pathlib.Path]],
    window: rrd_window.Window,
) -> list[librrd.Rows]:
    """Return the sum of each group, of all, and the number of unknown values.

    :raises RRDError: if a file cannot be read.
    """
    if not any(groups):
        return [_unknown(window)] * (len(groups) + 2)
    names = [
        [f'w{place}x{number}' for number in range(len(group))]
        for place, group in enumerate(groups)
    ]
    every = [name for group in names for name in group]
    paths = [str(path) for group in groups for path in group]
    # An expression without any definition is invalid.
    nothing = [f'{every[0]},POP,UNKN']
    bands = [f'band{place}' for place in range(len(groups))]
    return librrd.export(
        window.start,
        window.end,
        window.step,
        *(
            librrd.definition(name, path, librrd.AVERAGE)
            for name, path in zip(every, paths, strict=True)
        ),
        *(
            f'CDEF:{band}={librrd.sum_of(group or nothing)}'
            for band, group in zip(bands, names, strict=True)
        ),
        f'CDEF:total={librrd.sum_of(bands)}',
        f'CDEF:missing={librrd.unknown_of(every)}',
        *(f'XPORT:{name}' for name in (*bands, 'total', 'missing')),
    )


def _unknown(window: rrd_window.Window) -> librrd.Rows:
    steps = (window.end - window.start) // window.step
    return librrd.Rows(window.start, window.step, [None] * steps)
