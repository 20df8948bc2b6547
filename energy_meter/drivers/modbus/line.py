# SPDX-License-Identifier: Apache-2.0

"""Connection to Modbus units, over TCP or a serial line.

Requests are not retransmitted on the same connection. An RTU response does
not identify its request, so a response that arrives after the timeout would
be read as the response to the next request: watts as watt-hours.
"""

import collections.abc
import typing

import pymodbus.exceptions
import pymodbus.pdu

from energy_meter import exception
from energy_meter.drivers.modbus import clients
from energy_meter.drivers.modbus import register as modbus_register

#: Exception codes with which a gateway reports that a unit does not respond.
GATEWAY_EXCEPTIONS = (0x0A, 0x0B)

#: Names of the exception codes (Modbus Application Protocol Specification
#: V1.1b3, section 7).
EXCEPTIONS = {
    0x01: 'illegal function',
    0x02: 'illegal data address',
    0x03: 'illegal data value',
    0x04: 'device failure',
    0x05: 'acknowledge',
    0x06: 'device busy',
    0x08: 'memory parity error',
    0x0A: 'gateway path unavailable',
    0x0B: 'gateway target did not respond',
}

T = typing.TypeVar('T')


class Line:
    """A Modbus TCP connection or a serial line.

    :param options: the driver's options.
    """

    def __init__(self, options: typing.Any) -> None:
        self._name = options.device or f'{options.host}:{options.port}'
        self._timeout = options.timeout
        self._client = clients.make(options)

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open."""
        return bool(self._client.connected)

    def connect(self) -> None:
        """Open the connection unless it is open.

        :raises DeviceUnreachable: if this fails.
        """
        if not self._client.connect():
            raise exception.DeviceUnreachable(
                device=self._name,
                reason=f'no connection within {self._timeout:g} s',
            )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def read(
        self, unit: int, register: modbus_register.ModbusRegister
    ) -> list[int]:
        """Return the 16-bit registers that hold a quantity.

        :raises DeviceUnreachable: if the unit does not respond.
        :raises ProtocolError: if the unit returns an exception code.
        """
        read_registers = (
            self._client.read_holding_registers
            if register.function == 3
            else self._client.read_input_registers
        )
        try:
            response = self._reconnecting(
                lambda: read_registers(
                    register.start, count=register.count, device_id=unit
                )
            )
        except pymodbus.exceptions.ConnectionException:
            raise self.unreachable(unit, 'connection lost')
        except pymodbus.exceptions.ModbusException:
            raise self.unreachable(
                unit, f'no response within {self._timeout:g} s'
            )
        self._check(response, unit, register)
        return list(response.registers)

    def unreachable(
        self, unit: int, reason: str
    ) -> exception.DeviceUnreachable:
        """Return the error for a unit that does not respond."""
        return exception.DeviceUnreachable(
            device=self._unit_name(unit), reason=reason
        )

    def _reconnecting(self, request: collections.abc.Callable[[], T]) -> T:
        """Send a request, and reconnect once if the connection is closed.

        Meters close idle connections. If reconnecting fails, the requests
        to the other units fail without another attempt.

        :raises ConnectionException: if there is no connection.
        """
        if not self._client.connected:
            raise pymodbus.exceptions.ConnectionException
        try:
            return request()
        except (OSError, pymodbus.exceptions.ConnectionException):
            self._client.close()
        try:
            return request()
        except OSError:
            self._client.close()
            raise pymodbus.exceptions.ConnectionException

    def _check(
        self,
        response: pymodbus.pdu.ModbusPDU,
        unit: int,
        register: modbus_register.ModbusRegister,
    ) -> None:
        name = f'register 0x{register.address:04X}'
        if response.isError():
            code = response.exception_code
            reason = f'{name}: {EXCEPTIONS.get(code, "exception")} ({code})'
            if code in GATEWAY_EXCEPTIONS:
                raise self.unreachable(unit, reason)
            raise exception.ProtocolError(
                device=self._unit_name(unit), reason=reason
            )
        if len(response.registers) != register.count:
            raise exception.ProtocolError(
                device=self._unit_name(unit),
                reason=f'{name}: response has {len(response.registers)} '
                f'registers, expected {register.count}',
            )

    def _unit_name(self, unit: int) -> str:
        return f'{self._name} unit {unit}'
