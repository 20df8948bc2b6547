# SPDX-License-Identifier: Apache-2.0

"""Backends that write points: directly into files, or through rrdcached."""

import collections.abc
import pathlib
import typing

from energy_meter import exception
from energy_meter.rrd.files import librrd
from energy_meter.rrd.files import rrdcached
from energy_meter.rrd.writing import points

#: Points to write, by path of their file.
Batch = collections.abc.Mapping[str, list[points.Point]]

#: Reasons for rejected points, by path of their file.
Failures = dict[str, str]


class Backend(typing.Protocol):
    """Writes points into RRD files."""

    def write(self, batch: Batch) -> Failures:
        """Write points; each file succeeds or fails on its own.

        :raises RRDCachedUnavailable: if it is unknown what was written.
        """

    def flush(self, paths: collections.abc.Iterable[pathlib.Path]) -> None:
        """Write all queued points of files to disk.

        :raises RRDCachedUnavailable: if they may not have been written.
        """

    def discard(self, path: pathlib.Path) -> None:
        """Drop all queued points of a file.

        :raises RRDCachedUnavailable: if they cannot be dropped.
        """


class DirectBackend:
    """Writes the files itself and at once, so that nothing is queued."""

    def write(self, batch: Batch) -> Failures:
        """Write points; each file succeeds or fails on its own."""
        failures = {}
        for path, rows in batch.items():
            try:
                librrd.update(path, *map(_format, rows))
            except exception.RRDError as error:
                failures[path] = str(error)
        return failures

    def flush(self, paths: collections.abc.Iterable[pathlib.Path]) -> None:
        """Do nothing."""

    def discard(self, path: pathlib.Path) -> None:
        """Do nothing."""


class RRDCachedBackend:
    """Sends points to rrdcached.

    When the daemon ends, points that it accepted may be lost. The closed
    connection is the only sign of that.

    :param socket: the daemon's socket.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._connection: rrdcached.Connection | None = None

    def write(self, batch: Batch) -> Failures:
        """Send points; each file succeeds or fails on its own.

        :raises RRDCachedUnavailable: if it is unknown what was written.
        """
        failures = {}
        for path in batch:
            # rrdcached accepts points for a corrupt file and drops them later.
            try:
                librrd.last(path)
            except exception.RRDError as error:
                failures[path] = str(error)
        return failures | self._update(
            {
                path: [_format(point) for point in rows]
                for path, rows in batch.items()
                if path not in failures
            }
        )

    def flush(self, paths: collections.abc.Iterable[pathlib.Path]) -> None:
        """Make the daemon write all queued points of files.

        :raises RRDCachedUnavailable: if they may not have been written.
        """
        rrdcached.flush(self._socket, paths)

    def discard(self, path: pathlib.Path) -> None:
        """Make the daemon drop all queued points of a file.

        :raises RRDCachedUnavailable: if they cannot be dropped.
        """
        with rrdcached.Connection(self._socket) as connection:
            connection.discard(str(path))

    def _update(self, updates: dict[str, list[str]]) -> dict[str, str]:
        if self._connection is None:
            self._connection = rrdcached.Connection(self._socket)
        try:
            return self._connection.update(updates)
        except exception.RRDCachedUnavailable:
            self._connection.close()
            self._connection = None
            raise


def make(daemon: str | None) -> Backend:
    """Return the backend for a configuration.

    :param daemon: socket of rrdcached; None to write directly.
    """
    return RRDCachedBackend(daemon) if daemon else DirectBackend()


def _format(point: points.Point) -> str:
    # rrdtool and rrdcached accept some texts that are not numbers, so always
    # send a plain decimal or U.
    watts = 'U' if point.watts is None else f'{point.watts:.6f}'
    return f'{point.timestamp:.3f}:{watts}'
