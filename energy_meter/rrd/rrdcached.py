# SPDX-License-Identifier: Apache-2.0


"""A client of rrdcached, which loses nothing without a word.

Protocol: rrdcached(1), "PROTOCOL". A command is a line; so is an answer,
which begins with a number: negative for an error, else of the lines that
follow. In a batch only errors are answered, at its end.
"""

import collections.abc
import contextlib
import re
import socket
import typing

from energy_meter import exception

_TIMEOUT = 10.0

#: Longest line that it takes, with room to spare.
_LONGEST_LINE = 4000

_SPECIAL = re.compile(r'([ \\])')


class Connection(contextlib.AbstractContextManager['Connection']):
    """One connection.

    :param path: the daemon's socket.
    :raises DaemonUnavailable: when it does not answer; so do all methods.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_TIMEOUT)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise self._unavailable(error)
        self._answers = self._socket.makefile('r', encoding='utf-8')

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._answers.close()
        self._socket.close()

    def update(
        self,
        updates: collections.abc.Mapping[str, collections.abc.Sequence[str]],
    ) -> dict[str, str]:
        """Hand over points.

        :param updates: points by file, each as ``time:value``.
        :returns: why files did not take all of their points.
        """
        commands = [
            (path, line)
            for path, points in updates.items()
            for line in _lines(f'UPDATE {_escape(path)}', points)
        ]
        self._send('BATCH')
        self._answer()
        self._send(*(line for _, line in commands), '.')
        failures = {}
        for line in self._answer():
            number, _, reason = line.partition(' ')
            failures[commands[int(number) - 1][0]] = reason
        return failures

    def flush(self, path: str) -> None:
        """Let it write what waits for a file."""
        self._send(f'FLUSH {_escape(path)}')
        self._answer()

    def forget(self, path: str) -> None:
        """Let it drop what waits for a file."""
        self._send(f'FORGET {_escape(path)}')
        self._answer()

    def _send(self, *lines: str) -> None:
        try:
            self._socket.sendall('\n'.join((*lines, '')).encode())
        except OSError as error:
            raise self._unavailable(error)

    def _answer(self) -> list[str]:
        """Read an answer's further lines; an error has none."""
        try:
            status = self._line()
            return [self._line() for _ in range(int(status.split()[0]))]
        except (OSError, ValueError, IndexError) as error:
            raise self._unavailable(error)

    def _line(self) -> str:
        line = self._answers.readline()
        if not line.endswith('\n'):
            raise ConnectionError('it hung up')
        return line[:-1]

    def _unavailable(self, error: Exception) -> exception.DaemonUnavailable:
        return exception.DaemonUnavailable(socket=self._path, reason=error)


def _escape(path: str) -> str:
    return _SPECIAL.sub(r'\\\1', path)


def _lines(
    command: str,
    words: collections.abc.Sequence[str],
) -> typing.Iterator[str]:
    """Put words into as few lines as may be."""
    line = command
    for word in words:
        if len(line) + 1 + len(word) > _LONGEST_LINE:
            yield line
            line = command
        line += f' {word}'
    yield line
