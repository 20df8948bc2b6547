# SPDX-License-Identifier: Apache-2.0


"""Where points go: into the files, or to rrdcached."""

import collections.abc
import pathlib
import typing

from energy_meter import exception
from energy_meter.rrd import librrd
from energy_meter.rrd import rrdcached
from energy_meter.rrd import track

#: What is to be written: points by file.
Batch = collections.abc.Mapping[pathlib.Path, list[track.Point]]

#: Why files did not take their points.
Failures = dict[pathlib.Path, str]


class Sink(typing.Protocol):
    """Writes points."""

    def write(self, batch: Batch) -> Failures:
        """Write points; each file fails on its own.

        :raises DaemonUnavailable: when nobody knows what was written.
        """

    def flush(self, paths: collections.abc.Iterable[pathlib.Path]) -> None:
        """Let files show all that was written to them.

        :raises DaemonUnavailable: when they may not.
        """

    def forget(self, path: pathlib.Path) -> None:
        """Drop what waits for a file.

        :raises DaemonUnavailable: when it can't be.
        """


class Direct:
    """Writes the files."""

    def write(self, batch: Batch) -> Failures:
        failures = {}
        for path, points in batch.items():
            try:
                librrd.update(str(path), *map(_text, points))
            except exception.RRDError as error:
                failures[path] = str(error)
        return failures

    def flush(self, paths: collections.abc.Iterable[pathlib.Path]) -> None:
        """There is nothing that waits."""

    def forget(self, path: pathlib.Path) -> None:
        """There is nothing that waits."""


class Daemon:
    """Hands points to rrdcached.

    What it had taken may be lost when it ends, and only the end of a
    connection tells that it did.

    :param socket: its socket.
    """

    def __init__(self, socket: str) -> None:
        self._socket = socket
        self._connection: rrdcached.Connection | None = None

    def write(self, batch: Batch) -> Failures:
        failures = {}
        for path in batch:
            # It would take points for a damaged file, and drop them later.
            try:
                librrd.last(str(path))
            except exception.RRDError as error:
                failures[path] = str(error)
        refused = self._update(
            {
                str(path): [_text(point) for point in points]
                for path, points in batch.items()
                if path not in failures
            }
        )
        return failures | {
            pathlib.Path(path): reason for path, reason in refused.items()
        }

    def flush(self, paths: collections.abc.Iterable[pathlib.Path]) -> None:
        with rrdcached.Connection(self._socket) as connection:
            for path in paths:
                connection.flush(str(path))

    def forget(self, path: pathlib.Path) -> None:
        with rrdcached.Connection(self._socket) as connection:
            connection.forget(str(path))

    def _update(self, updates: dict[str, list[str]]) -> dict[str, str]:
        if self._connection is None:
            self._connection = rrdcached.Connection(self._socket)
        try:
            return self._connection.update(updates)
        except exception.DaemonUnavailable:
            self._connection.close()
            self._connection = None
            raise


def make(daemon: str | None) -> Sink:
    """Make a sink.

    :param daemon: socket of rrdcached, None to do without.
    """
    return Daemon(daemon) if daemon else Direct()


def _text(point: track.Point) -> str:
    # Neither rrdtool nor rrdcached refuses all that is no number.
    watts = 'U' if point.watts is None else f'{point.watts:.6f}'
    return f'{point.time:.3f}:{watts}'
