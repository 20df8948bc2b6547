# SPDX-License-Identifier: Apache-2.0

"""Parser for the fields of a profile; its errors name file and field."""

import collections.abc
import fractions
import re
import typing

from energy_meter import exception
from energy_meter.drivers.snmp import engine

T = typing.TypeVar('T')

_OID = re.compile(r'\.?(\d+(?:\.\d+)+)')
_UNIT = re.compile(r'(?:(\d+(?:\.\d+)?) )?([a-zA-Z]+)')


class Fields:
    """Fields of a mapping in a file, which are removed as they are read.

    :param file: name of the file in error messages.
    :param path: names of the enclosing fields.
    """

    def __init__(
        self, file: str, path: tuple[str, ...], values: object
    ) -> None:
        self._file, self._path = file, path
        if not isinstance(values, dict):
            raise self.error('', f'expected fields, not {values!r}')
        self._values = {str(name): value for name, value in values.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(list(self._values))

    def error(self, name: str, reason: str) -> exception.DriverError:
        """Return an error that names file and field."""
        path = '.'.join(filter(None, (*self._path, name)))
        return exception.DriverError(
            reason=': '.join(filter(None, (self._file, path, reason)))
        )

    def nested(self, name: str) -> 'Fields':
        """Read a field that contains fields."""
        return type(self)(
            self._file, (*self._path, name), self._values.pop(name, None)
        )

    def reject_unknown(self) -> None:
        """Raise an error if a field was not read."""
        for name in self:
            raise self.error(name, 'unknown field')

    def _take(
        self,
        name: str,
        type_: type[T],
        expected: str,
        default: T | None = None,
    ) -> T:
        value = self._values.pop(name, default)
        if value is None:
            raise self.error(name, f'is missing, expected {expected}')
        if not isinstance(value, type_) or isinstance(value, bool):
            raise self.error(name, f'expected {expected}, not {value!r}')
        return value

    def text(self, name: str, default: str | None = None) -> str:
        return self._take(name, str, 'text', default)

    def integer(self, name: str, minimum: int) -> int:
        value = self._take(name, int, 'an integer')
        if value < minimum:
            raise self.error(name, f'expected at least {minimum}, not {value}')
        return value

    def integers(self, name: str) -> frozenset[int]:
        values = self._take(name, list, 'a list of integers')
        if not all(type(value) is int for value in values):
            raise self.error(
                name, f'expected a list of integers, not {values!r}'
            )
        return frozenset(values)

    def oid(self, name: str) -> engine.Oid:
        return self._oid(name, self._take(name, str, 'an object identifier'))

    def oids(self, name: str) -> tuple[engine.Oid, ...]:
        values = self._take(name, list, 'a list of object identifiers', [])
        return tuple(self._oid(name, value) for value in values)

    def _oid(self, name: str, text: object) -> engine.Oid:
        match = _OID.fullmatch(str(text))
        if match is None:
            raise self.error(
                name,
                'expected an object identifier such as '
                f'1.3.6.1.4.1.534, not {text!r}',
            )
        return tuple(map(int, match[1].split('.')))

    def unit(self, name: str, units: dict[str, int], default: str) -> float:
        """Read a unit such as ``kWh`` or ``0.1 kWh``.

        :param units: watts or joules of each unit.
        """
        text = self.text(name, default)
        match = _UNIT.fullmatch(text)
        if match is None or match[2] not in units:
            raise self.error(
                name,
                f'expected one of {", ".join(units)}, optionally with a '
                f'factor as in "0.1 {default}", not {text!r}',
            )
        return float(fractions.Fraction(match[1] or 1) * units[match[2]])

    def pattern(self, name: str) -> re.Pattern[str]:
        text = self.text(name)
        try:
            return re.compile(text)
        except re.error as e:
            raise self.error(name, f'invalid regular expression {text!r}: {e}')
