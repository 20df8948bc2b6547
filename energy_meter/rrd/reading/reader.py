# SPDX-License-Identifier: Apache-2.0

"""Reader that turns the rows of RRD files into series."""

import collections.abc
import itertools
import math
import typing

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import row_reader
from energy_meter.rrd.reading import series
from energy_meter.rrd.reading import window as rrd_window

#: Number of files that are added up at once. Together they have 1,000,000
#: values at most, which take 8 MB.
_MAX_FILES = 500

_MEAN = (librrd.AVERAGE,)
_ALL_FUNCTIONS = (librrd.AVERAGE, librrd.MINIMUM, librrd.MAXIMUM)


class _Sum(typing.NamedTuple):
    """Sum of several files, by step.

    :ivar watts: not a number where no file has a known value.
    :ivar missing: number of unknown values.
    """

    watts: list[float]
    missing: list[int]


class Reader:
    """Reads RRD files. Thread-safe.

    :param price: price of one kWh; None if not configured.
    """

    def __init__(
        self, price: float | None, throttled_log: log_throttle.ThrottledLogger
    ) -> None:
        self._price = price
        self._throttled_log = throttled_log
        self._rows = row_reader.RowReader()

    def read(
        self,
        paths: collections.abc.Sequence[str],
        window: rrd_window.Window,
    ) -> series.Series:
        """Return the sum of files; unknown values add nothing to it.

        Extremes of several files cannot be added up, because they occur at
        different times. Extremes of a sum are those of its means.
        """
        if len(paths) != 1:
            return self.stack([paths], window).total
        functions = _ALL_FUNCTIONS if window.has_extremes else _MEAN
        average, *extremes = self._read(paths[0], functions, window)
        minimum, maximum = extremes or (average, average)
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

    def stack(
        self,
        groups: collections.abc.Sequence[collections.abc.Sequence[str]],
        window: rrd_window.Window,
    ) -> series.Stack:
        """Return the power of groups of files.

        Files that cannot be read are left out.
        """
        sums = [self._sum(group, window) for group in groups]
        watts, missing = _combine(sums, window)
        total = _known(watts)
        return series.Stack(
            series.Series(
                window.start, window.step, total, total, total, self._price
            ),
            [_known(each.watts) for each in sums],
            missing,
        )

    def is_readable(self, path: str) -> bool:
        """Return whether a file can be read; log a warning if not."""
        _, error = attempt.call(lambda: librrd.last(path), exception.RRDError)
        if error is not None:
            self._warn(path, error)
        return error is None

    def _read(
        self,
        path: str,
        functions: tuple[str, ...],
        window: rrd_window.Window,
    ) -> list[librrd.Rows]:
        """Return the rows of a file for each function.

        Their start and step differ from the window's if the file has no such
        rows.
        """
        rows = self._rows.read(path, functions, window)
        if rows is not None:
            return [
                librrd.Rows(window.start, window.step, _known(values))
                for values in rows
            ]
        return [self._fetch(path, function, window) for function in functions]

    def _fetch(
        self, path: str, function: str, window: rrd_window.Window
    ) -> librrd.Rows:
        rows, error = attempt.call(
            lambda: librrd.fetch(
                path, function, window.start, window.end, window.step
            ),
            exception.RRDError,
        )
        if error is not None:
            self._warn(path, error)
        return rows or librrd.Rows(
            window.start, window.step, [None] * window.steps
        )

    def _sum(
        self,
        paths: collections.abc.Sequence[str],
        window: rrd_window.Window,
    ) -> _Sum:
        parts = []
        for first in range(0, max(len(paths), 1), _MAX_FILES):
            means = [
                self._means(path, window)
                for path in paths[first : first + _MAX_FILES]
            ]
            parts.append(
                _add([each for each in means if each is not None], window)
            )
        return _combine(parts, window)

    def _means(
        self, path: str, window: rrd_window.Window
    ) -> collections.abc.Sequence[float] | None:
        """Return the mean power in each step; None if it cannot be read.

        librrd consolidates the rows of a file with another layout.
        """
        rows = self._rows.read(path, _MEAN, window)
        if rows is not None:
            return rows[0]
        means, error = attempt.call(
            lambda: librrd.consolidate(
                path, window.start, window.end, window.step
            ),
            exception.RRDError,
        )
        if error is not None:
            self._warn(path, error)
        return means

    def _warn(self, path: str, error: Exception) -> None:
        self._throttled_log.warning(
            f'read {path}', 'Cannot read %s: %s', path, error
        )


def _add(
    files: collections.abc.Sequence[collections.abc.Sequence[float]],
    window: rrd_window.Window,
) -> _Sum:
    """Return the sum of files, or of parts of the sum."""
    if not files:
        return _Sum([math.nan] * window.steps, [0] * window.steps)
    watts: list[float] = [*map(sum, zip(*files, strict=True))]
    missing = [0] * window.steps
    unknown = [step for step, each in enumerate(watts) if math.isnan(each)]
    for step in unknown:
        values = [file[step] for file in files]
        known = [*itertools.filterfalse(math.isnan, values)]
        watts[step] = sum(known) if known else math.nan
        missing[step] = len(values) - len(known)
    return _Sum(watts, missing)


def _combine(
    parts: collections.abc.Sequence[_Sum], window: rrd_window.Window
) -> _Sum:
    """Return the sum of sums of different files."""
    if len(parts) == 1:
        return parts[0]
    return _Sum(
        _add([part.watts for part in parts], window).watts,
        [*map(sum, zip(*(part.missing for part in parts), strict=True))],
    )


def _known(
    values: collections.abc.Sequence[float],
) -> list[float | None]:
    if not math.isnan(sum(values)):
        return [*values]
    # Only what is not a number differs from itself.
    return [value if value == value else None for value in values]
