# SPDX-License-Identifier: Apache-2.0

"""Simulated Modbus meters: pymodbus server over TCP or a pseudoterminal."""

import asyncio
import collections.abc
import struct
import threading
import typing

import fixtures
from pymodbus import constants
from pymodbus import exceptions
from pymodbus import framer as framers
from pymodbus import server
from pymodbus import simulator

from energy_meter.tests.functional.services import base

#: Values of each unit by wire address, as struct format and number.
Units = dict[int, dict[int, tuple[str, float]]]


def _registers(format_: str, value: float) -> list[int]:
    data = struct.pack(f'>{format_}', value)
    return [number for (number,) in struct.iter_unpack('>H', data)]


class ModbusServer(fixtures.Fixture):
    """Several meters on one line.

    :param units: values of the meters.
    :param device: serial device on which to serve RTU instead of TCP.
    :param framer: frames on TCP connections.
    :ivar exception_codes: exception code to return, by unit.
    :ivar silent: units that do not respond.
    :ivar requests: unit and address of all requests received.
    """

    def __init__(
        self,
        units: Units,
        device: str | None = None,
        framer: framers.FramerType = framers.FramerType.SOCKET,
    ) -> None:
        super().__init__()
        self._units = units
        self._device = device
        self._framer = framer
        self.port = 0 if device else base.free_port()
        self.exception_codes: dict[int, constants.ExcCodes] = {}
        self.silent: set[int] = set()
        self.requests: list[tuple[int, int]] = []

    def _setUp(self) -> None:
        self.addCleanup(self.stop)
        self.start()

    def start(self) -> None:
        """Start the server, on the same port as before."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, daemon=True
        )
        self._thread.start()
        self._server = self._run(self._serve())

    def stop(self) -> None:
        """Stop the server and close its connections."""
        if self._loop.is_closed():
            return
        self._run(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set_value(
        self, unit: int, address: int, format_: str, value: float
    ) -> None:
        """Set a value of a unit."""
        self._units[unit][address] = (format_, value)
        self._run(
            self._server.async_setValues(
                unit, 16, address, _registers(format_, value)
            )
        )

    def _run(
        self,
        coroutine: collections.abc.Coroutine[
            typing.Any, typing.Any, typing.Any
        ],
    ) -> typing.Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(
            timeout=10
        )

    async def _serve(self) -> server.ModbusBaseServer:
        devices = [
            self._make(unit, values) for unit, values in self._units.items()
        ]
        if self._device is None:
            modbus_server: server.ModbusBaseServer = server.ModbusTcpServer(
                devices,
                framer=self._framer,
                address=('127.0.0.1', self.port),
                ignore_missing_devices=True,
            )
        else:
            modbus_server = server.ModbusSerialServer(
                devices,
                port=self._device,
                baudrate=9600,
                ignore_missing_devices=True,
            )
        await modbus_server.serve_forever(background=True)
        return modbus_server

    async def _shut_down(self) -> None:
        await self._server.shutdown()
        # The connections are closed in the next iteration of the loop.
        await asyncio.sleep(0)

    def _make(
        self,
        unit: int,
        values: dict[int, tuple[str, float]],
    ) -> simulator.SimDevice:
        async def respond(
            _function: int,
            _start: int,
            address: int,
            _count: int,
            _registers: object,
            written: object,
        ) -> constants.ExcCodes | None:
            if written:
                return None
            self.requests.append((unit, address))
            if unit in self.silent:
                raise exceptions.NoSuchIdException
            return self.exception_codes.get(unit)

        return simulator.SimDevice(
            unit,
            [
                simulator.SimData(
                    address,
                    values=_registers(format_, value),
                    datatype=simulator.DataType.REGISTERS,
                )
                for address, (format_, value) in sorted(values.items())
            ],
            action=respond,
        )
