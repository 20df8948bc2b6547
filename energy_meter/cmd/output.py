# SPDX-License-Identifier: Apache-2.0

"""Standard output of the commands."""

import io
import sys
import typing


def ignore_closed_pipe() -> None:
    """Discard standard output once its reader has closed it.

    A command that is piped into ``head`` so completes its work, and ends with
    its own exit status.
    """
    stream = sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        raw = _Pipe(stream.fileno(), 'w', closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=stream.line_buffering,
        )


class _Pipe(io.FileIO):
    """A pipe that may be closed by its reader."""

    def write(self, data: typing.Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return memoryview(data).nbytes
