# SPDX-License-Identifier: Apache-2.0

"""Serial port and frames of the wattmeters on serial lines."""

import collections.abc
import contextlib
import os
import termios
import time
import typing

from oslo_config import cfg
import serial

from energy_meter import exception
from energy_meter.drivers.common import poll

#: Maximum time of one read or write, in seconds.
TIMEOUT_S = 1.0

PORT = cfg.StrOpt(
    'port',
    required=True,
    help='Device file of the serial port. Prefer a link in '
    '/dev/serial/by-id, whose name survives unplugging the device.',
)

T = typing.TypeVar('T')


class PolledSerial(serial.Serial):
    """Serial port of pyserial that can have any file descriptor.

    pyserial waits with ``select.select``, which rejects descriptors above
    1,023. Both timeouts must be set.
    """

    def read(self, size: int = 1) -> bytes:
        """Return at most this many bytes; fewer after the timeout.

        :raises OSError: if the port failed or was unplugged.
        """
        deadline = time.monotonic() + (self.timeout or 0.0)
        data = b''
        while len(data) < size:
            remaining = deadline - time.monotonic()
            if not poll.wait(self.fileno(), poll.READABLE, remaining):
                break
            with contextlib.suppress(BlockingIOError):
                chunk = os.read(self.fileno(), size - len(data))
                if not chunk:
                    raise serial.SerialException('the port was unplugged')
                data += chunk
        return data

    def write(self, data: typing.Any) -> int:
        """Write all bytes.

        :raises OSError: if the port failed or was unplugged, or if it does
            not accept the bytes within the timeout.
        """
        deadline = time.monotonic() + (self.write_timeout or 0.0)
        rest = bytes(data)
        length = len(rest)
        while rest:
            remaining = deadline - time.monotonic()
            if not poll.wait(self.fileno(), poll.WRITABLE, remaining):
                raise serial.SerialTimeoutException('Write timeout')
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(self.fileno(), rest) :]
        return length


class Port:
    """Serial port, 8N1, that this process locks.

    :param path: its device file.
    :param baudrate: bits per second.
    :ivar path: its device file.
    """

    def __init__(self, path: str, baudrate: int) -> None:
        self.path = path
        self._serial = PolledSerial(
            baudrate=baudrate,
            timeout=TIMEOUT_S,
            write_timeout=TIMEOUT_S,
            exclusive=True,
        )
        self._serial.port = path

    def open(self) -> None:
        """Open the port; pyserial discards input that arrived earlier.

        :raises DeviceUnreachable: if the port does not exist, is in use, or
            access to it is denied; also raised by all other methods.
        """
        with self._translated_errors():
            self._serial.open()

    def close(self) -> None:
        """Close the port, if it is open."""
        self._serial.close()

    def discard_input(self) -> None:
        """Discard the bytes that have arrived and were not read."""
        with self._translated_errors():
            self._serial.reset_input_buffer()

    def read(self) -> bytes:
        """Return the bytes that have arrived; wait if there are none yet.

        :returns: an empty string if none arrive within the timeout.
        """
        with self._translated_errors():
            data = self._serial.read(1)
            return data + self._serial.read(self._serial.in_waiting)

    def write(self, data: bytes) -> None:
        """Write bytes to the port."""
        with self._translated_errors():
            self._serial.write(data)

    @contextlib.contextmanager
    def _translated_errors(self) -> collections.abc.Iterator[None]:
        # If the port is unplugged, the error depends on the system call that
        # notices it.
        try:
            yield
        except (OSError, termios.error) as e:
            raise exception.DeviceUnreachable(device=self.path, reason=e)


class FrameReader(typing.Generic[T]):
    """Reads the frames that a wattmeter sends without being asked.

    :param port: the open port.
    :param decode: function that takes the bytes that arrived, and returns
        the frames that they complete.
    :param timeout: seconds without a valid frame after which the wattmeter
        is unreachable.
    """

    def __init__(
        self,
        port: Port,
        decode: collections.abc.Callable[[bytes], collections.abc.Iterable[T]],
        timeout: float,
    ) -> None:
        self._port = port
        self._decode = decode
        self._timeout = timeout
        self._last_frame_at = time.monotonic()
        self._bytes_since = 0

    def read(self) -> list[T]:
        """Return the frames that arrived; wait if there are no bytes yet.

        :returns: an empty list if no frame became complete within
            :data:`TIMEOUT_S`.
        :raises DeviceUnreachable: if no valid frame arrived for too long.
        """
        data = self._port.read()
        frames = list(self._decode(data))
        monotonic = time.monotonic()
        if frames:
            self._last_frame_at, self._bytes_since = monotonic, 0
            return frames
        self._bytes_since += len(data)
        if monotonic - self._last_frame_at > self._timeout:
            raise exception.DeviceUnreachable(
                device=self._port.path,
                reason=f'{self._bytes_since} bytes, but no valid frame came '
                f'in {self._timeout:g} s',
            )
        return frames
