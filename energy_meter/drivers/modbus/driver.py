# SPDX-License-Identifier: Apache-2.0


"""Reads meters over Modbus TCP or Modbus RTU.

One section is one connection or one serial line; each unit on it is a probe.

Why no request is repeated on the same connection: an RTU answer doesn't say
what it answers. One that comes late, after its request was given up, would
pass for the answer to the next request to the same unit, watts for
watt-hours. So a unit that doesn't answer in time isn't asked again for a
while, and whatever it still sends is thrown away before the next request.
"""

import collections.abc
import time
import typing

from oslo_config import cfg
from oslo_config import types
from oslo_log import log as logging
import pymodbus.client
import pymodbus.exceptions
import pymodbus.pdu

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _probewise
from energy_meter.drivers import base
from energy_meter.drivers.modbus import registermap

LOG = logging.getLogger(__name__)

#: A silent unit is left alone for this many seconds, then for twice as long,
#: up to the longest pause: each wait for it delays the others on the line.
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0

#: Exceptions by which a gateway tells that the unit behind it is silent.
GATEWAY_EXCEPTIONS = (0x0A, 0x0B)

T = typing.TypeVar('T')

#: Meanings of the exception codes, as in the Modbus Application Protocol
#: Specification V1.1b3, section 7.
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


class _Unit:
    """One meter on the line.

    :ivar silence: how it fell silent, None while it answers.
    """

    __slots__ = ('id', 'map', 'silence', '_pause', '_until')

    def __init__(self, unit: int, registers: registermap.Map) -> None:
        self.id = unit
        self.map = registers
        self.answer()

    def answer(self) -> None:
        """Note that it answered."""
        self.silence: str | None = None
        self._pause, self._until = FIRST_PAUSE, 0.0

    def miss(self, reason: object) -> None:
        """Note that it didn't answer."""
        self.silence = str(reason)
        self._until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    @property
    def is_left_alone(self) -> bool:
        return time.monotonic() < self._until


class Modbus(base.PolledDriver):
    """Reads the units of one Modbus line."""

    scope = 'circuit'
    opts = (
        cfg.ListOpt(
            'map',
            required=True,
            help='Name of the register map: one for all units, or '
            'one for each in their order. Shipped are '
            f'{", ".join(registermap.shipped())}; custom is '
            'what registers says.',
        ),
        cfg.StrOpt(
            'map_path',
            default='/etc/energy_meter/modbus.d',
            help='Directory with further maps, NAME.yaml each.',
        ),
        cfg.StrOpt(
            'registers', help='The map itself, in YAML, where map = custom.'
        ),
        cfg.StrOpt('host', help='Host of a Modbus TCP meter or gateway.'),
        cfg.PortOpt('port', default=502, help='Its TCP port.'),
        cfg.StrOpt(
            'device',
            help='Serial device of a Modbus RTU line, instead of host.',
        ),
        cfg.IntOpt(
            'baudrate',
            default=9600,
            min=300,
            help='Bits per second on the serial line.',
        ),
        cfg.StrOpt(
            'parity',
            default='none',
            choices=['none', 'even', 'odd'],
            help='Parity on the serial line.',
        ),
        cfg.IntOpt(
            'stopbits',
            default=1,
            min=1,
            max=2,
            help='Stop bits on the serial line.',
        ),
        cfg.ListOpt(
            'units',
            default=[1],
            item_type=types.Integer(min=0, max=255),
            help='Unit ids, one for each probe in their order.',
        ),
        cfg.FloatOpt(
            'timeout',
            default=2.0,
            min=0.01,
            help='Longest wait for an answer, in seconds.',
        ),
    )

    def open(self) -> None:
        options = self.options
        if bool(options.host) == bool(options.device):
            raise exception.DriverError(
                reason='expected host for Modbus TCP or device for Modbus '
                'RTU, and not both'
            )
        maps = [
            registermap.load(name, options.map_path, options.registers)
            for name in options.map
        ]
        if len(maps) == 1:
            maps *= len(options.units)
        self._units = _probewise.assign(
            'units',
            [
                _Unit(unit, registers)
                for unit, registers in zip(options.units, maps, strict=False)
            ],
            self.probes,
        )
        self._probewise = _probewise.Probewise(LOG)
        self._name = options.device or f'{options.host}:{options.port}'
        self._client = self._make_client()
        self._connect()

    def close(self) -> None:
        if hasattr(self, '_client'):
            self._client.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._connect()
        return self._probewise.read(self._units, self._read_unit)

    def _make_client(self) -> typing.Any:
        options = self.options
        if options.host:
            return pymodbus.client.ModbusTcpClient(
                options.host,
                port=options.port,
                timeout=options.timeout,
                retries=0,
            )
        return pymodbus.client.ModbusSerialClient(
            options.device,
            baudrate=options.baudrate,
            parity=options.parity[0].upper(),
            stopbits=options.stopbits,
            timeout=options.timeout,
            retries=0,
        )

    def _connect(self) -> None:
        if not self._client.connect():
            raise exception.DeviceUnreachable(
                device=self._name,
                reason=f'no connection within {self.options.timeout:g} s',
            )

    def _read_unit(
        self, probe: str, unit: _Unit
    ) -> measurement.Reading | None:
        if unit.silence is not None and unit.is_left_alone:
            raise self._unreachable(unit.id, unit.silence)
        try:
            words = {
                quantity: self._ask(unit.id, register)
                for quantity, register in unit.map._asdict().items()
                if register is not None
            }
        except exception.DeviceUnreachable as e:
            if self._client.connected:
                unit.miss(e.values['reason'])
            raise
        unit.answer()
        return _reading(probe, unit.map, words)

    def _ask(self, unit: int, register: registermap.Register) -> list[int]:
        ask = (
            self._client.read_holding_registers
            if register.function == 3
            else self._client.read_input_registers
        )
        try:
            answer = self._on_line(
                lambda: ask(
                    register.address, count=register.count, device_id=unit
                )
            )
        except pymodbus.exceptions.ConnectionException:
            raise self._unreachable(unit, 'the connection was lost')
        except pymodbus.exceptions.ModbusException:
            raise self._unreachable(
                unit, f'no answer within {self.options.timeout:g} s'
            )
        self._check(answer, unit, register)
        return answer.registers

    def _on_line(self, request: collections.abc.Callable[[], T]) -> T:
        """Make a request, on a new connection if the old one is dead.

        Meters close connections that were idle for a while. If there is no
        new one to be had, the rest of the round fails without trying.

        :raises ConnectionException: when there is no connection.
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
        answer: pymodbus.pdu.ModbusPDU,
        unit: int,
        register: registermap.Register,
    ) -> None:
        where = f'register 0x{register.address:04X}'
        if answer.isError():
            code = answer.exception_code
            reason = f'{where}: {EXCEPTIONS.get(code, "exception")} ({code})'
            if code in GATEWAY_EXCEPTIONS:
                raise self._unreachable(unit, reason)
            raise exception.ProtocolError(
                device=self._unit_name(unit), reason=reason
            )
        if len(answer.registers) != register.count:
            raise exception.ProtocolError(
                device=self._unit_name(unit),
                reason=f'{where}: {len(answer.registers)} words, expected '
                f'{register.count}',
            )

    def _unreachable(
        self, unit: int, reason: str
    ) -> exception.DeviceUnreachable:
        return exception.DeviceUnreachable(
            device=self._unit_name(unit), reason=reason
        )

    def _unit_name(self, unit: int) -> str:
        return f'{self._name} unit {unit}'


def _reading(
    probe: str, registers: registermap.Map, words: dict[str, list[int]]
) -> measurement.Reading | None:
    """Make a reading of what a unit answered, None if nothing is valid."""
    values = {
        quantity: getattr(registers, quantity).value(words[quantity])
        for quantity in words
        if quantity != 'energy'
    }
    ticks = counter = None
    if registers.energy is not None:
        ticks = registers.energy.ticks(words['energy'])
        counter = None if ticks is None else registers.energy.counter
    if ticks is None and values.get('watts') is None:
        return None
    return measurement.Reading(probe, ticks=ticks, counter=counter, **values)
