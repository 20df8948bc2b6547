# SPDX-License-Identifier: Apache-2.0

"""Clients of pymodbus whose connections can have any file descriptor.

Those of pymodbus wait with ``select.select``, which rejects descriptors above
1,023.
"""

import termios
import typing

import pymodbus.client
import pymodbus.exceptions
import pymodbus.framer

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import poll
from energy_meter.drivers.common import serial

#: Frames on a TCP connection, by the values of the option framing.
FRAMERS = {
    'tcp': pymodbus.framer.FramerType.SOCKET,
    'rtu': pymodbus.framer.FramerType.RTU,
}


class TCPClient(pymodbus.client.ModbusTcpClient):
    """Client that waits with the timeout of its socket."""

    def send(
        self, request: bytes, addr: tuple[typing.Any, ...] | None = None
    ) -> int:
        """Send a request; discard responses that arrived after a timeout.

        An RTU response does not identify its request. A device that goes on
        sending without being asked is disconnected.

        :raises ConnectionException: if the connection is closed.
        """
        discarded = 0
        while self.socket is not None and poll.wait(
            self.socket.fileno(), poll.READABLE, 0.0
        ):
            discarded += len(self.recv(None))
            if discarded > bounds.MAX_MODBUS_BYTES:
                self.close()  # type: ignore[no-untyped-call]
                raise pymodbus.exceptions.ConnectionException(str(self))
        return int(super().send(request, addr))

    def recv(self, size: int | None) -> bytes:
        """Return the bytes that arrived; none after the timeout.

        :raises ConnectionException: if the connection is closed.
        """
        if self.socket is None:
            raise pymodbus.exceptions.ConnectionException(str(self))
        try:
            data = self.socket.recv(size or bounds.MAX_MODBUS_BYTES)
        except TimeoutError:
            return b''
        if not data:
            self.close()  # type: ignore[no-untyped-call]
            raise pymodbus.exceptions.ConnectionException(str(self))
        return data


class SerialClient(pymodbus.client.ModbusSerialClient):
    """Client of a :class:`PolledSerial`."""

    def connect(self) -> bool:
        """Open the port unless it is open.

        :raises DeviceUnreachable: if it cannot be opened.
        """
        if self.socket is None:
            port = self.comm_params
            try:
                self.socket = serial.PolledSerial(
                    port.host,
                    baudrate=port.baudrate,
                    parity=port.parity,
                    stopbits=port.stopbits,
                    timeout=port.timeout_connect,
                    write_timeout=port.timeout_connect,
                    exclusive=True,
                )
            except (OSError, termios.error) as e:
                raise exception.DeviceUnreachable(device=port.host, reason=e)
        return True


def make(options: typing.Any) -> typing.Any:
    """Return the client of a connection or serial line.

    :param options: the driver's options.
    """
    if options.host:
        return TCPClient(
            options.host,
            framer=FRAMERS[options.framing],
            port=options.port,
            timeout=options.timeout,
            retries=0,
        )
    return SerialClient(
        options.device,
        baudrate=options.baudrate,
        parity=options.parity[0].upper(),
        stopbits=options.stopbits,
        timeout=options.timeout,
        retries=0,
    )
