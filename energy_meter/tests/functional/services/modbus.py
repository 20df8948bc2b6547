# SPDX-License-Identifier: Apache-2.0

"""Modbus meters: pymodbus' server over TCP, or RTU on a pseudo terminal."""

import asyncio
import collections.abc
import struct
import threading
import typing

import fixtures
from pymodbus import constants
from pymodbus import exceptions
from pymodbus import server
from pymodbus import simulator

from energy_meter.tests.functional.services import base

#: Registers of each unit: the first address of a value, and the value as
#: struct would pack it.
Units = dict[int, dict[int, tuple[str, float]]]


def _words(kind: str, value: float) -> list[int]:
    data = struct.pack(f'>{kind}', value)
    return [word for (word,) in struct.iter_unpack('>H', data)]


class ModbusServer(fixtures.Fixture):
    """Several meters on one line.

    :param units: what they show.
    :param device: serve RTU on this serial device instead of TCP.
    :ivar refusals: units that answer with this exception.
    :ivar silent: units that don't answer.
    :ivar requests: unit and address of all that was asked so far.
    """

    def __init__(self, units: Units, device: str | None = None) -> None:
        super().__init__()
        self._units = units
        self._device = device
        self.port = 0 if device else base.free_port()
        self.refusals: dict[int, constants.ExcCodes] = {}
        self.silent: set[int] = set()
        self.requests: list[tuple[int, int]] = []

    def _setUp(self) -> None:
        self.addCleanup(self.stop)
        self.start()

    def start(self) -> None:
        """Start it, on the same port as before."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, daemon=True
        )
        self._thread.start()
        self._server = self._run(self._serve())

    def stop(self) -> None:
        """Stop it, and drop the connections."""
        if self._loop.is_closed():
            return
        self._run(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def show(self, unit: int, address: int, kind: str, value: float) -> None:
        """Change what a unit shows."""
        self._units[unit][address] = (kind, value)
        self._run(
            self._server.async_setValues(
                unit, 16, address, _words(kind, value)
            )
        )

    def _run(
        self,
        work: collections.abc.Coroutine[typing.Any, typing.Any, typing.Any],
    ) -> typing.Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(
            timeout=10
        )

    async def _serve(self) -> server.ModbusBaseServer:
        devices = [
            self._make(unit, values) for unit, values in self._units.items()
        ]
        if self._device is None:
            made: server.ModbusBaseServer = server.ModbusTcpServer(
                devices,
                address=('127.0.0.1', self.port),
                ignore_missing_devices=True,
            )
        else:
            made = server.ModbusSerialServer(
                devices,
                port=self._device,
                baudrate=9600,
                ignore_missing_devices=True,
            )
        await made.serve_forever(background=True)
        return made

    async def _shut_down(self) -> None:
        await self._server.shutdown()
        # Connections are closed in the loop's next round.
        await asyncio.sleep(0)

    def _make(
        self,
        unit: int,
        values: dict[int, tuple[str, float]],
    ) -> simulator.SimDevice:
        async def act(
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
            return self.refusals.get(unit)

        return simulator.SimDevice(
            unit,
            [
                simulator.SimData(
                    address,
                    values=_words(kind, value),
                    datatype=simulator.DataType.REGISTERS,
                )
                for address, (kind, value) in sorted(values.items())
            ],
            action=act,
        )
