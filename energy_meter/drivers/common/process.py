# SPDX-License-Identifier: Apache-2.0

"""Programs that run for a limited time, without a shell."""

import collections.abc
import contextlib
import os
import selectors
import signal
import subprocess
import time
import typing

from energy_meter import exception
from energy_meter.drivers.common import bounds

#: Environment of the programs. Variables of the agent may contain secrets,
#: and a locale can change the format of numbers.
ENVIRONMENT = {
    'LANG': 'C.UTF-8',
    'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
}


def run(argv: collections.abc.Sequence[str], timeout: float) -> bytes:
    """Run a program in its own process group, and return its output.

    At the end, all processes of the group are killed.

    :param argv: path of the program, and its arguments.
    :param timeout: maximum time in seconds until the program ends.
    :raises DeviceUnreachable: if it cannot be started, does not end in time,
        or fails. The text contains the path, the status, and the last line of
        the standard error, but no argument.
    :raises ProtocolError: if its output is longer than
        :data:`.bounds.MAX_DOCUMENT_BYTES`.
    """
    try:
        process = subprocess.Popen(  # noqa: S603
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd='/',
            env=ENVIRONMENT,
            start_new_session=True,
        )
    except (OSError, ValueError) as e:
        reason = getattr(e, 'strerror', None) or str(e)
        raise exception.DeviceUnreachable(f'{argv[0]} cannot run: {reason}')
    with process, contextlib.ExitStack() as stack:
        # Before the end of the block waits for the process.
        stack.callback(_kill, process)
        output, error = _Output(argv[0]), _Output(argv[0], truncate=True)
        _collect(process, output, error, time.monotonic() + timeout)
    if process.returncode:
        raise exception.DeviceUnreachable(
            f'{argv[0]} {_ending(process.returncode)}{error.last_line()}'
        )
    return bytes(output.data)


class _Output:
    """Output of a program, of limited size.

    :ivar program: path of the program, for error texts.
    :param truncate: discard what exceeds the limit.
    """

    def __init__(self, program: str, truncate: bool = False) -> None:
        self.data = bytearray()
        self.program = program
        self._truncate = truncate

    def add(self, data: bytes) -> None:
        self.data += data
        if self._truncate:
            del self.data[: -bounds.MAX_STDERR_BYTES]
        elif len(self.data) > bounds.MAX_DOCUMENT_BYTES:
            raise exception.ProtocolError(
                f'{self.program} wrote more than '
                f'{bounds.MAX_DOCUMENT_BYTES} bytes'
            )

    def last_line(self) -> str:
        lines = self.data.decode('utf-8', 'replace').split('\n')
        texts = [
            text
            for line in lines
            if (text := ''.join(filter(str.isprintable, line)).strip())
        ]
        return f': {texts[-1][:200]}' if texts else ''


def _collect(
    process: 'subprocess.Popen[bytes]',
    output: _Output,
    error: _Output,
    deadline: float,
) -> None:
    """Read the output until the program has ended and closed it.

    When the program ends, the rest of its group is killed: it could keep the
    output open.
    """
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        ended = os.pidfd_open(process.pid)
        stack.callback(os.close, ended)
        selector.register(ended, selectors.EVENT_READ)
        for stream, part in (
            (process.stdout, output),
            (process.stderr, error),
        ):
            selector.register(
                typing.cast(typing.IO[bytes], stream),
                selectors.EVENT_READ,
                part,
            )
        while selector.get_map():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise exception.DeviceUnreachable(
                    f'{output.program} did not end in time; it was killed'
                )
            for key, _ in selector.select(remaining):
                if key.data is None:
                    _kill(process)
                    selector.unregister(key.fileobj)
                elif data := os.read(key.fd, 64 * 1024):
                    key.data.add(data)
                else:
                    selector.unregister(key.fileobj)


def _kill(process: 'subprocess.Popen[bytes]') -> None:
    """Kill the process group of a program that was not waited for yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _ending(status: int) -> str:
    if status > 0:
        return f'exited with status {status}'
    return f'was ended by signal {-status}'
