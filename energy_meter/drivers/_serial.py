# SPDX-License-Identifier: Apache-2.0

"""What the drivers of wattmeters on serial lines have in common."""

import collections.abc
import contextlib
import termios
import time
import typing

from oslo_config import cfg
import serial

from energy_meter import exception

#: Longest wait of one read or write, in seconds.
TIMEOUT = 1.0

#: The option that names the port.
PORT = cfg.StrOpt(
    'port',
    required=True,
    help='Device file of the serial port; best one of /dev/serial/by-id, '
    'which outlasts a replugging.',
)

T = typing.TypeVar('T')


class Port:
    """A serial port, 8N1, that only this process uses.

    :param path: its device file.
    :param baudrate: bits per second.
    """

    def __init__(self, path: str, baudrate: int) -> None:
        self._path = path
        self._serial = serial.Serial(
            baudrate=baudrate,
            timeout=TIMEOUT,
            write_timeout=TIMEOUT,
            exclusive=True,
        )
        self._serial.port = path

    def open(self) -> None:
        """Open the port; what came before is forgotten, as by pyserial.

        :raises DeviceUnreachable: it is not there, in use or forbidden; as
            all methods.
        """
        with self._errors_named():
            self._serial.open()

    def close(self) -> None:
        self._serial.close()

    def discard_input(self) -> None:
        with self._errors_named():
            self._serial.reset_input_buffer()

    def read(self) -> bytes:
        """Give what has come; nothing if nothing comes in time."""
        with self._errors_named():
            data = self._serial.read(1)
            return data + self._serial.read(self._serial.in_waiting)

    def write(self, data: bytes) -> None:
        with self._errors_named():
            self._serial.write(data)

    def frames(
        self,
        decode: collections.abc.Callable[[bytes], collections.abc.Iterable[T]],
        silence: float,
    ) -> collections.abc.Iterator[T | None]:
        """Yield what a wattmeter says by itself.

        :param decode: takes what has come and gives the frames that became
            complete by it.
        :param silence: a wattmeter that says nothing of sense for so many
            seconds is taken for lost.
        :returns: frames, and after each read None.
        """
        heard, unheard = time.monotonic(), 0
        while True:
            data = self.read()
            unheard += len(data)
            for frame in decode(data):
                heard, unheard = time.monotonic(), 0
                yield frame
            if time.monotonic() - heard > silence:
                raise exception.DeviceUnreachable(
                    device=self._path,
                    reason=f'{unheard} bytes, but no valid frame came in '
                    f'{silence:g} s',
                )
            yield None

    @contextlib.contextmanager
    def _errors_named(self) -> collections.abc.Iterator[None]:
        # An unplugged port raises what its system calls happen to raise.
        try:
            yield
        except (OSError, termios.error) as e:
            raise exception.DeviceUnreachable(device=self._path, reason=e)
