# SPDX-License-Identifier: Apache-2.0


"""From RRD files to series."""

import collections.abc
import pathlib

from energy_meter import complaint
from energy_meter import exception
from energy_meter.rrd import librrd
from energy_meter.rrd import series
from energy_meter.rrd import window as rrd_window


class Reader:
    """Reads files.

    :param price: of one kWh, None if there is none.
    """

    def __init__(
        self, price: float | None, complaints: complaint.Complaints
    ) -> None:
        self._price = price
        self._complaints = complaints

    def read(
        self,
        paths: collections.abc.Sequence[pathlib.Path],
        window: rrd_window.Window,
    ) -> series.Series:
        """Read the sum of files; what is unknown adds nothing to it.

        The extremes of several files don't add up: those of their sum are
        the extremes of its means.
        """
        if not paths:
            rows = _unknown(window)
            return self._series(rows, rows, rows)
        if len(paths) > 1:
            rows = self._export(paths, window)
            return self._series(rows, rows, rows)
        rows = self._fetch(paths[0], librrd.AVERAGE, window)
        if not window.extremes:
            return self._series(rows, rows, rows)
        return self._series(
            rows,
            self._fetch(paths[0], librrd.MINIMUM, window),
            self._fetch(paths[0], librrd.MAXIMUM, window),
        )

    def is_readable(self, path: pathlib.Path) -> bool:
        """Tell whether a file can be read; one that can't spoils a sum."""
        try:
            librrd.last(str(path))
        except exception.RRDError as error:
            self._complain(path, error)
            return False
        return True

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
        try:
            return librrd.fetch(
                str(path), function, window.start, window.end, window.step
            )
        except exception.RRDError as error:
            self._complain(path, error)
            return _unknown(window)

    def _complain(self, path: pathlib.Path, error: Exception) -> None:
        self._complaints.complain(
            f'read {path}', '%s can not be read: %s', path, error
        )

    def _series(
        self, average: librrd.Rows, minimum: librrd.Rows, maximum: librrd.Rows
    ) -> series.Series:
        if not average[:2] == minimum[:2] == maximum[:2]:
            # A file of another layout, which keeps other extremes.
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
