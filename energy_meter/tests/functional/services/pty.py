# SPDX-License-Identifier: Apache-2.0

"""Serial lines without hardware: pairs of terminals that socat connects."""

import array
import collections.abc
import fcntl
import os
import termios
import time

import serial

from energy_meter import measurement
from energy_meter.tests.functional.services import base

#: Longest wait for something to come over the line, in seconds.
TIMEOUT = 30


class Line(base.Process):
    """A serial line.

    :ivar port: device file of the agent's end.
    :ivar meter: the wattmeter's end.
    """

    meter: serial.Serial

    def __init__(self) -> None:
        super().__init__(['socat'], ready=self._has_ends)

    def prepare(self) -> None:
        self.port = self.directory / 'port'
        self._far_end = self.directory / 'meter'
        self.argv += [
            f'PTY,link={end},raw,echo=0' for end in (self.port, self._far_end)
        ]

    def start(self) -> None:
        super().start()
        self.meter = serial.Serial(str(self._far_end), timeout=TIMEOUT)
        self.addCleanup(self.meter.close)

    def plug(self) -> None:
        """Connect the wattmeter again after :meth:`unplug`."""
        self.start()

    def unplug(self) -> None:
        """Let the device file vanish under whoever has it open."""
        self.stop()

    def leave(self, data: bytes) -> None:
        """Say something that waits in the port for the next who opens it."""
        self.meter.write(data)
        # Not through pyserial: it forgets what came before it opens a port.
        port = os.open(self.port, os.O_RDONLY | os.O_NOCTTY)
        try:
            base.wait_for(
                lambda: _waiting(port) >= len(data),
                TIMEOUT,
                'what the meter said waits in the port',
            )
        finally:
            os.close(port)

    def _has_ends(self) -> bool:
        return self.port.exists() and self._far_end.exists()


def _waiting(port: int) -> int:
    count = array.array('i', [0])
    fcntl.ioctl(port, termios.FIONREAD, count)
    return count[0]


def reading(
    stream: collections.abc.Iterator[measurement.Reading | None],
) -> measurement.Reading:
    """Wait for the next reading of a driver."""
    deadline = time.monotonic() + TIMEOUT
    for each in stream:
        if each is not None:
            return each
        if time.monotonic() > deadline:
            break
    raise AssertionError(f'no reading in {TIMEOUT} s')
