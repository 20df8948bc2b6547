# SPDX-License-Identifier: Apache-2.0

"""Reader that turns the rows of RRD files into series."""

import collections.abc
import pathlib

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter.rrd.files import librrd
from energy_meter.rrd.reading import series
from energy_meter.rrd.reading import window as rrd_window


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
        if not paths:
            rows = _unknown(window)
            return self._series(rows, rows, rows)
        if len(paths) > 1:
            rows = self._export(paths, window)
            return self._series(rows, rows, rows)
        rows = self._fetch(paths[0], librrd.AVERAGE, window)
        if not window.has_extremes:
            return self._series(rows, rows, rows)
        return self._series(
            rows,
            self._fetch(paths[0], librrd.MINIMUM, window),
            self._fetch(paths[0], librrd.MAXIMUM, window),
        )

    def is_readable(self, path: pathlib.Path) -> bool:
        """Return whether a file can be read.

        Leave unreadable files out of a sum: one is enough to make it fail.
        """
        _, error = attempt.call(
            lambda: librrd.last(str(path)), exception.RRDError
        )
        if error is not None:
            self._warn(path, error)
        return error is None

    def _export(
        self,
        paths: collections.abc.Sequence[pathlib.Path],
        window: rrd_window.Window,
    ) -> librrd.Rows:
        names = [f'w{number}' for number in range(len(paths))]
        return librrd.export(
            window.start,
            window.end,
            window.step,
            *(
                librrd.definition(name, str(path), librrd.AVERAGE)
                for name, path in zip(names, paths, strict=True)
            ),
            f'CDEF:sum={librrd.sum_of(names)}',
            'XPORT:sum',
        )

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


def _unknown(window: rrd_window.Window) -> librrd.Rows:
    steps = (window.end - window.start) // window.step
    return librrd.Rows(window.start, window.step, [None] * steps)
