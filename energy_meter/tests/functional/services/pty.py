# SPDX-License-Identifier: Apache-2.0

"""Simulated serial lines: pairs of pseudo-terminals that socat connects."""

import array
import fcntl
import os
import termios

import serial

from energy_meter.tests.functional.services import base

#: Maximum time in seconds to wait for data on the line.
TIMEOUT_S = 30


class Line(base.Process):
    """Serial line between the agent and a wattmeter.

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
        self.meter = serial.Serial(str(self._far_end), timeout=TIMEOUT_S)
        self.addCleanup(self.meter.close)

    def plug(self) -> None:
        """Reconnect the wattmeter after :meth:`unplug`."""
        self.start()

    def unplug(self) -> None:
        """Remove the device file, even while a process has it open."""
        self.stop()

    def leave(self, data: bytes) -> None:
        """Send data that stays in the port until a process opens it."""
        self.meter.write(data)
        # Do not use pyserial here: it discards input when it opens a port.
        port = os.open(self.port, os.O_RDONLY | os.O_NOCTTY)
        try:
            base.wait_for(
                lambda: _waiting(port) >= len(data),
                TIMEOUT_S,
                'the data is in the input buffer of the port',
            )
        finally:
            os.close(port)

    def _has_ends(self) -> bool:
        return self.port.exists() and self._far_end.exists()


def _waiting(port: int) -> int:
    count = array.array('i', [0])
    fcntl.ioctl(port, termios.FIONREAD, count)
    return count[0]
