# SPDX-License-Identifier: Apache-2.0

"""Registers that hold one quantity, and their decoding."""

import dataclasses
import typing

import pymodbus.client

from energy_meter import measurement
from energy_meter.drivers.common import units

_CODEC = pymodbus.client.ModbusTcpClient
TYPES = {
    name.lower(): _CODEC.DATATYPE[name]
    for name in (
        'INT16',
        'UINT16',
        'INT32',
        'UINT32',
        'INT64',
        'UINT64',
        'FLOAT32',
        'FLOAT64',
    )
}

#: Default rollover by type. 64-bit counters never reach it, and signed
#: counters would become negative first.
_ROLLOVERS = {'uint16': 2**16, 'uint32': 2**32}

#: Default step of an energy counter.
_INTEGER_STEP = 1.0
_FLOAT_STEP = 0.001

#: Maximum number of registers of one request.
MAX_COUNT = 125

#: Valid exponents, those of SunSpec. Another one, for example -32768, means
#: that the value is unavailable.
_EXPONENTS = range(-10, 11)


@dataclasses.dataclass(frozen=True, slots=True)
class ModbusRegister:
    """Definition of the registers that hold one quantity.

    :ivar function: 3 for holding registers, 4 for input registers.
    :ivar address: wire address of the first register of the value.
    :ivar byte_order: order of the bytes in each register.
    :ivar exponent_address: wire address of the register that contains the
        power of ten by which to multiply the value; None if there is none.
    :ivar scale: W, Wh, V or A per unit of the value.
    :ivar step: smallest increment of an energy counter's value.
    :ivar rollover: value at which an energy counter restarts from 0; None
        for the type's default.
    :ivar invalid: values that mean "not available".
    """

    function: int
    address: int
    type: str
    word_order: str = 'big'
    byte_order: str = 'big'
    exponent_address: int | None = None
    scale: float = 1.0
    step: float | None = None
    rollover: float | None = None
    invalid: tuple[float, ...] = ()

    @property
    def start(self) -> int:
        """Wire address of the first register to read."""
        return min(self._addresses)

    @property
    def count(self) -> int:
        """Number of 16-bit registers to read, with the exponent."""
        return max(self._addresses) - self.start + 1

    @property
    def _addresses(self) -> list[int]:
        last = self.address + TYPES[self.type].value[1] - 1
        exponents = (
            [] if self.exponent_address is None else [self.exponent_address]
        )
        return [self.address, last, *exponents]

    def counter(self, raw: list[int]) -> measurement.Counter:
        """Return tick size, step and rollover of an energy counter.

        A tick is one unit of the value, or one step if that is smaller.

        :param raw: the 16-bit registers.
        """
        factor = self.scale * self._power_of_ten(raw)
        rollover = self.rollover or _ROLLOVERS.get(self.type)
        return measurement.Counter(
            joules_per_tick=factor * units.JOULES['Wh'] * self._tick,
            step=round(self._effective_step / self._tick),
            rollover=(
                None if rollover is None else round(rollover / self._tick)
            ),
        )

    @property
    def _effective_step(self) -> float:
        default = (
            _FLOAT_STEP if self.type.startswith('float') else _INTEGER_STEP
        )
        return self.step or default

    @property
    def _tick(self) -> float:
        return min(self._effective_step, 1.0)

    def value(self, raw: list[int]) -> float | None:
        """Return the value in W, V or A, or None if it is unavailable.

        :param raw: the 16-bit registers.
        """
        number = self._decode(raw)
        if number is None:
            return None
        return number * self.scale * self._power_of_ten(raw)

    def ticks(self, raw: list[int]) -> int | None:
        """Return the value in ticks of the counter.

        None if it is unavailable; a negative counter value is invalid.

        :param raw: the 16-bit registers.
        """
        number = self._decode(raw)
        if number is None or number < 0:
            return None
        return round(number / self._tick)

    def _decode(self, raw: list[int]) -> float | None:
        number = self._convert(raw, self.address, self.type)
        if units.number(number) is None or number in self.invalid:
            return None
        return number if self._exponent(raw) in _EXPONENTS else None

    def _power_of_ten(self, raw: list[int]) -> float:
        return float(10.0 ** self._exponent(raw))

    def _exponent(self, raw: list[int]) -> int:
        if self.exponent_address is None:
            return 0
        return int(self._convert(raw, self.exponent_address, 'int16'))

    def _convert(self, raw: list[int], address: int, type_: str) -> float:
        offset = address - self.start
        values = raw[offset : offset + TYPES[type_].value[1]]
        if self.byte_order == 'little':
            values = [(value & 0xFF) << 8 | value >> 8 for value in values]
        number = _CODEC.convert_from_registers(
            values,
            TYPES[type_],
            word_order='big' if self.word_order == 'big' else 'little',
        )
        return typing.cast(float, number)
