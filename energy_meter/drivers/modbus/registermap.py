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
      byte_order: big      # most significant byte of each register first
      scale: 1             # watts per unit of the value
      exponent_address: 16 # register with a power of ten, int16
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
``rollover`` depends on the type. A value and its exponent, such as the scale
factors of SunSpec, are read by one request: if the meter changed the exponent
between two, the value would be ten times too high.
"""

import dataclasses
import importlib.resources
import pathlib
import typing

import yaml

from energy_meter import exception
from energy_meter.drivers.common import units
from energy_meter.drivers.modbus import register

QUANTITIES = ('watts', 'energy', 'volts', 'amperes')
_INFO_KEYS = ('description', 'source')


class Map(typing.NamedTuple):
    """Register definitions of a meter; None for a missing quantity."""

    watts: register.ModbusRegister | None = None
    energy: register.ModbusRegister | None = None
    volts: register.ModbusRegister | None = None
    amperes: register.ModbusRegister | None = None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and units.number(value) is not None


def _is_positive(value: object) -> bool:
    return _is_number(value) and typing.cast(float, value) > 0


def _is_address(value: object) -> bool:
    return type(value) is int and 0 <= value < 65536


#: Validator of each key of a register definition, and the expected value.
_RULES: dict[str, tuple[typing.Callable[[typing.Any], bool], str]] = {
    'function': (lambda value: value in (3, 4), '3 or 4'),
    'address': (_is_address, '0 to 65535'),
    'type': (
        lambda value: isinstance(value, str) and value in register.TYPES,
        ', '.join(register.TYPES),
    ),
    'exponent_address': (_is_address, '0 to 65535'),
    'byte_order': (lambda value: value in ('big', 'little'), 'big or little'),
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


def _register(entry: object, location: str) -> register.ModbusRegister:
    fields = dataclasses.fields(register.ModbusRegister)
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
    definition = register.ModbusRegister(
        **{**entry, 'invalid': tuple(entry.get('invalid', ()))}
    )
    if definition.count > register.MAX_COUNT:
        raise exception.DriverError(
            reason=f'{location}: exponent_address: expected at most '
            f'{register.MAX_COUNT} registers from address to it'
        )
    return definition


def _check_keys(
    entry: dict[object, object], keys: typing.Collection[str], location: str
) -> None:
    unknown = [str(key) for key in entry if key not in keys]
    if unknown:
        raise exception.DriverError(
            reason=f'{location}: unknown key {", ".join(unknown)}; expected '
            f'{", ".join(keys)}'
        )
