# SPDX-License-Identifier: Apache-2.0


"""Reading the fields of a profile, with errors that name file and field."""

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
    """The fields of one part of a file, to be taken out one by one.

    :param file: what error messages call the file.
    :param path: names of the fields that this part is in.
    """

    def __init__(
        self, file: str, path: tuple[str, ...], values: object
    ) -> None:
        self._file, self._path = file, path
        if not isinstance(values, dict):
            raise self.wrong('', f'expected fields, not {values!r}')
        self._values = {str(name): value for name, value in values.items()}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> collections.abc.Iterator[str]:
        return iter(list(self._values))

    def wrong(self, name: str, reason: str) -> exception.DriverError:
        """Give the error that tells what is wrong with a field."""
        place = '.'.join(filter(None, (*self._path, name)))
        return exception.DriverError(
            reason=': '.join(filter(None, (self._file, place, reason)))
        )

    def part(self, name: str) -> 'Fields':
        """Take a field that has fields of its own."""
        return Fields(
            self._file, (*self._path, name), self._values.pop(name, None)
        )

    def end(self) -> None:
        """See that no field is left."""
        for name in self:
            raise self.wrong(name, 'there is no such field')

    def _take(
        self, name: str, kind: type[T], expected: str, default: T | None = None
    ) -> T:
        value = self._values.pop(name, default)
        if value is None:
            raise self.wrong(name, f'is missing, expected {expected}')
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self.wrong(name, f'expected {expected}, not {value!r}')
        return value

    def text(self, name: str, default: str | None = None) -> str:
        return self._take(name, str, 'text', default)

    def number(self, name: str, least: int) -> int:
        value = self._take(name, int, 'a whole number')
        if value < least:
            raise self.wrong(name, f'expected at least {least}, not {value}')
        return value

    def numbers(self, name: str) -> frozenset[int]:
        values = self._take(name, list, 'a list of whole numbers')
        if not all(type(value) is int for value in values):
            raise self.wrong(
                name, f'expected a list of whole numbers, not {values!r}'
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
            raise self.wrong(
                name,
                'expected an object identifier such as '
                f'1.3.6.1.4.1.534, not {text!r}',
            )
        return tuple(map(int, match[1].split('.')))

    def unit(self, name: str, units: dict[str, int], default: str) -> float:
        """Take a unit such as ``kWh`` or ``0.1 kWh``.

        :param units: what each unit is worth.
        """
        text = self.text(name, default)
        match = _UNIT.fullmatch(text)
        if match is None or match[2] not in units:
            raise self.wrong(
                name,
                f'expected one of {", ".join(units)}, or '
                f'as in "0.1 {default}", not {text!r}',
            )
        return float(fractions.Fraction(match[1] or 1) * units[match[2]])

    def pattern(self, name: str) -> re.Pattern[str]:
        text = self.text(name)
        try:
            return re.compile(text)
        except re.error as e:
            raise self.wrong(name, f'{text!r} is no regular expression: {e}')
