# SPDX-License-Identifier: Apache-2.0

"""Register maps: addresses and data types of a Modbus meter's quantities.

A map is a YAML file, either included in ``maps/`` or written by the
operator::

    description: Example meter, one phase
    source: manual, page 12
    watts:
      function: 4          # 3: holding registers, 4: input registers
      address: 0x000C      # wire address; the first register is 0
      type: float32        # or int16, uint16, int32 ... float64
      word_order: big      # most significant register first
      scale: 1             # watts per unit of the value
    energy:
      function: 4
      address: 0x0048
      type: float32
      word_order: big
      scale: 1000          # watt-hours per unit of the value
      step: 0.001          # smallest increment of the value
      rollover: 1000000    # value at which the counter restarts from 0
      invalid: [-1]        # values that mean "not available"

A map has ``watts``, ``energy`` or both, and optionally ``volts`` and
``amperes``. Each needs ``function``, ``address`` and ``type``. The default of
``rollover`` depends on the type.
"""

import dataclasses
import importlib.resources
import pathlib
import typing

import pymodbus.client
import pymodbus.exceptions
import yaml

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.common import units

_CODEC = pymodbus.client.ModbusTcpClient
_TYPES = {
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

QUANTITIES = ('watts', 'energy', 'volts', 'amperes')
_INFO_KEYS = ('description', 'source')


@dataclasses.dataclass(frozen=True, slots=True)
class ModbusRegister:
    """Definition of the registers that hold one quantity.

    :ivar function: 3 for holding registers, 4 for input registers.
    :ivar address: wire address of the first register.
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
    scale: float = 1.0
    step: float | None = None
    rollover: float | None = None
    invalid: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """Number of 16-bit registers."""
        return _TYPES[self.type].value[1]

    @property
    def counter(self) -> measurement.Counter:
        """Tick size, step and rollover of an energy counter.

        A tick is one unit of the value, or one step if that is smaller.
        """
        rollover = self.rollover or _ROLLOVERS.get(self.type)
        return measurement.Counter(
            joules_per_tick=self.scale * units.JOULES['Wh'] * self._tick,
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
        return None if number is None else number * self.scale

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
        number = _CODEC.convert_from_registers(
            raw,
            _TYPES[self.type],
            word_order='big' if self.word_order == 'big' else 'little',
        )
        if units.number(number) is None or number in self.invalid:
            return None
        return typing.cast(float, number)


class Map(typing.NamedTuple):
    """Register definitions of a meter; None for a missing quantity."""

    watts: ModbusRegister | None = None
    energy: ModbusRegister | None = None
    volts: ModbusRegister | None = None
    amperes: ModbusRegister | None = None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and units.number(value) is not None


def _is_positive(value: object) -> bool:
    return _is_number(value) and typing.cast(float, value) > 0


#: Validator of each key of a register definition, and the expected value.
_RULES: dict[str, tuple[typing.Callable[[typing.Any], bool], str]] = {
    'function': (lambda value: value in (3, 4), '3 or 4'),
    'address': (
        lambda value: type(value) is int and 0 <= value < 65536,
        '0 to 65535',
    ),
    'type': (
        lambda value: isinstance(value, str) and value in _TYPES,
        ', '.join(_TYPES),
    ),
    'word_order': (lambda value: value in ('big', 'little'), 'big or little'),
    'scale': (_is_positive, 'a positive number'),
    'step': (_is_positive, 'a positive number'),
    'rollover': (_is_positive, 'a positive number'),
    'invalid': (
        lambda value: isinstance(value, list) and all(map(_is_number, value)),
        'a list of numbers',
    ),
}


def load(name: str, directory: str, registers: str | None) -> Map:
    """Load a register map.

    :param name: file name without ``.yaml``; the operator's file takes
        precedence over the included one. ``custom`` for the map in
        ``registers``.
    :param directory: directory of the operator's maps.
    :param registers: a map in YAML.
    :raises DriverError: if the map does not exist or is invalid.
    """
    if name == 'custom':
        return _parse(registers or '', 'registers')
    for path in (pathlib.Path(directory), _package_directory()):
        try:
            text = (path / f'{name}.yaml').read_text(encoding='utf-8')
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as e:
            raise exception.DriverError(reason=f'map {name}: {e}')
        return _parse(text, f'map {name}')
    raise exception.DriverError(
        reason=f'map = {name}: expected custom, the name of a file in '
        f'{directory}, or one of {", ".join(included())}'
    )


def included() -> list[str]:
    """Return the names of the maps in the package."""
    return sorted(
        path.name.removesuffix('.yaml')
        for path in _package_directory().iterdir()
        if path.name.endswith('.yaml')
    )


def _package_directory() -> typing.Any:
    return importlib.resources.files(__package__) / 'maps'


def _parse(text: str, location: str) -> Map:
    """Parse a map.

    :param location: prefix of error messages.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as e:
        reason = ' '.join(str(e).split())
        raise exception.DriverError(
            reason=f'{location}: invalid YAML: {reason}'
        )
    if not isinstance(document, dict):
        raise exception.DriverError(
            reason=f'{location}: expected watts and energy, each with '
            'function, address and type'
        )
    _check_keys(document, (*QUANTITIES, *_INFO_KEYS), location)
    registers = {
        quantity: _register(document[quantity], f'{location}: {quantity}')
        for quantity in QUANTITIES
        if quantity in document
    }
    if not registers.keys() & {'watts', 'energy'}:
        raise exception.DriverError(
            reason=f'{location}: expected watts, energy or both'
        )
    return Map(**registers)


def _register(entry: object, location: str) -> ModbusRegister:
    fields = dataclasses.fields(ModbusRegister)
    if not isinstance(entry, dict):
        raise exception.DriverError(
            reason=f'{location}: expected function, address and type'
        )
    _check_keys(entry, [field.name for field in fields], location)
    for key, (is_valid, expected) in _RULES.items():
        if key in entry and not is_valid(entry[key]):
            raise exception.DriverError(
                reason=f'{location}: {key}: {entry[key]!r}: expected '
                f'{expected}'
            )
    missing = {'function', 'address', 'type'} - entry.keys()
    if missing:
        raise exception.DriverError(
            reason=f'{location}: missing {", ".join(sorted(missing))}'
        )
    return ModbusRegister(
        **{**entry, 'invalid': tuple(entry.get('invalid', ()))}
    )


def _check_keys(
    entry: dict[object, object], keys: typing.Collection[str], location: str
) -> None:
    unknown = [str(key) for key in entry if key not in keys]
    if unknown:
        raise exception.DriverError(
            reason=f'{location}: unknown key {", ".join(unknown)}; expected '
            f'{", ".join(keys)}'
        )
