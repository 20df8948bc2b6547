# SPDX-License-Identifier: Apache-2.0

"""rrdcached client that reports every update it could not deliver.

Protocol: see PROTOCOL in rrdcached(1). A command is one line. A response
starts with a number: negative for an error, otherwise the number of lines
that follow. In a batch, rrdcached responds to errors only, at the end.
"""

import collections.abc
import contextlib
import pathlib
import re
import socket
import typing

from energy_meter import exception

_TIMEOUT_S = 10.0

#: rrdcached reads lines of up to 4096 bytes; the rest is a margin.
_MAX_LINE_LENGTH = 4000

_SPECIAL = re.compile(r'([ \\])')


class Connection(contextlib.AbstractContextManager['Connection']):
    """Connection to the daemon.

    :param path: the daemon's socket.
    :raises RRDCachedUnavailable: if the daemon does not respond; so do all
        methods.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise self._unavailable(error)
        self._responses = self._socket.makefile('r', encoding='utf-8')

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._responses.close()
        self._socket.close()

    def update(
        self,
        updates: collections.abc.Mapping[str, collections.abc.Sequence[str]],
    ) -> dict[str, str]:
        """Send points.

        :param updates: points by file, each as ``time:value``.
        :returns: reasons for rejected points, by file.
        """
        commands = [
            (path, line)
            for path, points in updates.items()
            for line in _lines(f'UPDATE {_escape(path)}', points)
        ]
        self._send('BATCH')
        self._receive()
        self._send(*(line for _, line in commands), '.')
        failures = {}
        for line in self._receive():
            number, _, reason = line.partition(' ')
            failures[commands[int(number) - 1][0]] = reason
        return failures

    def flush(self, path: str) -> None:
        """Make the daemon write its queued updates of a file."""
        self._send(f'FLUSH {_escape(path)}')
        self._receive()

    def discard(self, path: str) -> None:
        """Make the daemon drop its queued updates of a file."""
        self._send(f'FORGET {_escape(path)}')  # codespell:ignore forget
        self._receive()

    def _send(self, *lines: str) -> None:
        try:
            self._socket.sendall('\n'.join((*lines, '')).encode())
        except OSError as error:
            raise self._unavailable(error)

    def _receive(self) -> list[str]:
        """Return the lines after the status line; an error has none."""
        try:
            status = self._line()
            return [self._line() for _ in range(int(status.split()[0]))]
        except (OSError, ValueError, IndexError) as error:
            raise self._unavailable(error)

    def _line(self) -> str:
        line = self._responses.readline()
        if not line.endswith('\n'):
            raise ConnectionError('connection closed by rrdcached')
        return line[:-1]

    def _unavailable(self, error: Exception) -> exception.RRDCachedUnavailable:
        return exception.RRDCachedUnavailable(socket=self._path, reason=error)


def flush(
    daemon: str, paths: collections.abc.Iterable[str | pathlib.Path]
) -> None:
    """Make rrdcached write its queued updates of files.

    :param daemon: the daemon's socket.
    :raises RRDCachedUnavailable: if the daemon does not respond.
    """
    with Connection(daemon) as connection:
        for path in paths:
            connection.flush(str(path))


def _escape(path: str) -> str:
    return _SPECIAL.sub(r'\\\1', path)


def _lines(
    command: str, points: collections.abc.Sequence[str]
) -> typing.Iterator[str]:
    """Distribute points over as few lines as possible."""
    line = command
    for point in points:
        if len(line) + 1 + len(point) > _MAX_LINE_LENGTH:
            yield line
            line = command
        line += f' {point}'
    yield line
