# SPDX-License-Identifier: Apache-2.0


"""Register maps: what a Modbus meter shows, and where.

A map is a YAML file, shipped in ``maps/`` or written by the operator::

    description: Example meter, one phase
    source: its manual, page 12
    watts:
      function: 4          # 3: holding registers, 4: input registers
      address: 0x000C      # as on the wire, where the first register is 0
      type: float32        # or int16, uint16, int32 ... float64
      word_order: big      # the first register has the most significant bits
      scale: 1             # what a 1 in the register is, in W
    energy:
      function: 4
      address: 0x0048
      type: float32
      word_order: big
      scale: 1000          # in Wh
      step: 0.001          # smallest movement of the register's value
      size: 1000000        # the value wraps here; left out: by its type
      invalid: [-1]        # values that mean "not available"

``watts``, ``energy``, ``volts`` and ``amperes`` may be given; one of the first
two must be. Of a register ``function``, ``address`` and ``type`` must be.
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
from energy_meter.drivers import _quantity

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

#: Counters of these types wrap; one of 64 bits lives too short for that, and
#: a signed one would show negative energy first.
_SIZES = {'uint16': 2**16, 'uint32': 2**32}

#: Smallest movement of an energy where the map doesn't say it.
_INTEGER_STEP = 1.0
_FLOAT_STEP = 0.001

QUANTITIES = ('watts', 'energy', 'volts', 'amperes')
_NOTES = ('description', 'source')


@dataclasses.dataclass(frozen=True, slots=True)
class Register:
    """One quantity of a meter.

    :ivar function: 3 for a holding register, 4 for an input register.
    :ivar address: address of its first word on the wire.
    :ivar scale: what a 1 is, in W, Wh, V or A.
    :ivar step: of an energy, the smallest movement of the value.
    :ivar size: of an energy, the value wraps here; None if it doesn't.
    :ivar invalid: values that mean "not available".
    """

    function: int
    address: int
    type: str
    word_order: str = 'big'
    scale: float = 1.0
    step: float | None = None
    size: float | None = None
    invalid: tuple[float, ...] = ()

    @property
    def count(self) -> int:
        """How many words it has."""
        return _TYPES[self.type].value[1]

    @property
    def counter(self) -> measurement.Counter:
        """How to read the ticks of an energy.

        A tick is a 1 in the register, or one step if that is smaller.
        """
        size = self.size or _SIZES.get(self.type)
        return measurement.Counter(
            joules=self.scale * _quantity.JOULES['Wh'] * self._tick,
            step=round(self._smallest / self._tick),
            size=None if size is None else round(size / self._tick),
        )

    @property
    def _smallest(self) -> float:
        default = (
            _FLOAT_STEP if self.type.startswith('float') else _INTEGER_STEP
        )
        return self.step or default

    @property
    def _tick(self) -> float:
        return min(self._smallest, 1.0)

    def value(self, words: list[int]) -> float | None:
        """Give the words' value in W, V or A; None if it is unavailable."""
        raw = self._raw(words)
        return None if raw is None else raw * self.scale

    def ticks(self, words: list[int]) -> int | None:
        """Give the words' value in ticks of the counter.

        Nothing used less than no energy: a negative value is unavailable.
        """
        raw = self._raw(words)
        return None if raw is None or raw < 0 else round(raw / self._tick)

    def _raw(self, words: list[int]) -> float | None:
        raw = _CODEC.convert_from_registers(
            words,
            _TYPES[self.type],
            word_order='big' if self.word_order == 'big' else 'little',
        )
        if _quantity.number(raw) is None or raw in self.invalid:
            return None
        return typing.cast(float, raw)


class Map(typing.NamedTuple):
    """Where a meter shows its quantities; None for what it doesn't."""

    watts: Register | None = None
    energy: Register | None = None
    volts: Register | None = None
    amperes: Register | None = None


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and _quantity.number(value) is not None
    )


def _is_positive(value: object) -> bool:
    return _is_number(value) and typing.cast(float, value) > 0


#: What each key of a register has to be, and how to say it.
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
    'scale': (_is_positive, 'a number above zero'),
    'step': (_is_positive, 'a number above zero'),
    'size': (_is_positive, 'a number above zero'),
    'invalid': (
        lambda value: isinstance(value, list) and all(map(_is_number, value)),
        'a list of numbers',
    ),
}


def load(name: str, directory: str, registers: str | None) -> Map:
    """Give the map of a name.

    :param name: name of a file without ``.yaml``, the operator's before the
        shipped one; ``custom`` for what ``registers`` says.
    :param directory: where the operator's maps are.
    :param registers: a map, in YAML.
    :raises DriverError: when there is none, or it says nonsense.
    """
    if name == 'custom':
        return _parse(registers or '', 'registers')
    for path in (pathlib.Path(directory), _shipped()):
        try:
            text = (path / f'{name}.yaml').read_text(encoding='utf-8')
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as e:
            raise exception.DriverError(reason=f'map {name}: {e}')
        return _parse(text, f'map {name}')
    raise exception.DriverError(
        reason=f'map = {name}: expected custom, the name of a file in '
        f'{directory}, or one of {", ".join(shipped())}'
    )


def shipped() -> list[str]:
    """Give the names of the maps in the package."""
    return sorted(
        path.name.removesuffix('.yaml')
        for path in _shipped().iterdir()
        if path.name.endswith('.yaml')
    )


def _shipped() -> typing.Any:
    return importlib.resources.files(__package__) / 'maps'


def _parse(text: str, where: str) -> Map:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as e:
        problem = ' '.join(str(e).split())
        raise exception.DriverError(reason=f'{where}: no YAML: {problem}')
    if not isinstance(document, dict):
        raise exception.DriverError(
            reason=f'{where}: expected watts and energy, each with function, '
            'address and type'
        )
    _check_keys(document, (*QUANTITIES, *_NOTES), where)
    registers = {
        quantity: _register(document[quantity], f'{where}: {quantity}')
        for quantity in QUANTITIES
        if quantity in document
    }
    if not registers.keys() & {'watts', 'energy'}:
        raise exception.DriverError(
            reason=f'{where}: expected watts, energy or both'
        )
    return Map(**registers)


def _register(entry: object, where: str) -> Register:
    fields = dataclasses.fields(Register)
    if not isinstance(entry, dict):
        raise exception.DriverError(
            reason=f'{where}: expected function, address and type'
        )
    _check_keys(entry, [field.name for field in fields], where)
    for key, (right, expected) in _RULES.items():
        if key in entry and not right(entry[key]):
            raise exception.DriverError(
                reason=f'{where}: {key}: {entry[key]!r}: expected {expected}'
            )
    missing = {'function', 'address', 'type'} - entry.keys()
    if missing:
        raise exception.DriverError(
            reason=f'{where}: {", ".join(sorted(missing))} missing'
        )
    return Register(**{**entry, 'invalid': tuple(entry.get('invalid', ()))})


def _check_keys(
    entry: dict[object, object], known: typing.Collection[str], where: str
) -> None:
    unknown = [str(key) for key in entry if key not in known]
    if unknown:
        raise exception.DriverError(
            reason=f'{where}: {", ".join(unknown)}: expected '
            f'{", ".join(known)}'
        )
