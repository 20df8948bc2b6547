# SPDX-License-Identifier: Apache-2.0

"""Clocks of a process that can be stepped, stopped, accelerated and unset."""

import mmap
import os
import pathlib
import time

import fixtures

from energy_meter.tests.functional.services import base

_SOURCE = pathlib.Path(__file__).with_name('clock_shim.c')
_NANOSECONDS = 10**9

# Positions of the fields of ``struct control`` in clock_shim.c.
_WALL, _RUNNING, _UNSYNCED, _SINCE, _UNTIL, _FACTOR = range(6)
_SIZE = 6 * 8


class ClockShim(base.Service):
    """Adjustments of the clocks of the processes that start with ``env``.

    Adjustments apply at once to all these processes. Skips the test if gcc
    is not installed.

    :ivar library: the compiled library.
    """

    def _setUp(self) -> None:
        directory = pathlib.Path(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        )
        # PostgreSQL runs as a user of its own.
        directory.chmod(0o755)
        self.library = directory / 'clock_shim.so'
        base.run(
            [
                'gcc',
                *('-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror'),
                *('-o', self.library, _SOURCE),
            ]
        )
        self._path = directory / 'clocks'
        self._path.write_bytes(bytes(_SIZE))
        with self._path.open('r+b') as stream:
            control = mmap.mmap(stream.fileno(), _SIZE)
        self.addCleanup(control.close)
        self._fields = memoryview(control).cast('q')
        self.addCleanup(self._fields.release)

    @property
    def env(self) -> dict[str, str]:
        """Variables of the environment of a process with these clocks."""
        return {
            'LD_PRELOAD': os.fspath(self.library),
            'CLOCK_SHIM': os.fspath(self._path),
        }

    def set_wall(self, seconds: float) -> None:
        """Step the wall clock, so that it differs from the right time.

        :param seconds: difference; negative if the clock is behind.
        """
        self._fields[_WALL] = round(seconds * _NANOSECONDS)

    def skip(self, seconds: float) -> None:
        """Exclude the last seconds from all clocks that count running time.

        The wall clock is right again after them, as on a virtual machine that
        was paused, and whose clock was then set.
        """
        self._fields[_RUNNING] -= round(seconds * _NANOSECONDS)

    def set_synced(self, synced: bool) -> None:
        """Change whether the kernel considers the wall clock synchronized."""
        self._fields[_UNSYNCED] = not synced

    def accelerate(self, seconds: float, factor: int) -> float:
        """Make time pass faster from now on, until the wall clock is right.

        The wall clock is set back at once.

        :param seconds: time that passes on the clocks of the process.
        :param factor: how many times faster it passes.
        :returns: time in seconds that it takes.
        """
        duration = seconds / factor
        since = time.monotonic_ns()
        self.set_wall(duration - seconds)
        self._fields[_SINCE] = since
        self._fields[_UNTIL] = since + round(duration * _NANOSECONDS)
        self._fields[_FACTOR] = factor
        return duration
