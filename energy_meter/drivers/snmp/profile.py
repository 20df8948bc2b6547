# SPDX-License-Identifier: Apache-2.0


"""What families of devices look like: data, in one file for each.

Files come with the package, and the operator adds others, or better ones of
the same name, in a directory. This is what a file says::

    meter: Example PDU 4000, 48 outlets
    source: EXAMPLE-PDU-MIB of 1 April 2024
    system: [1.3.6.1.4.1.99999.4]     # sysObjectID begins so
    tables:
      outlets:
        scope: outlet
        index: unit.outlet            # what the parts of an index are
        name: {oid: 1.3.6.1.4.1.99999.4.1.1.2}
        watts: {oid: 1.3.6.1.4.1.99999.4.1.1.3, unit: 0.1 W}
        energy: {oid: 1.3.6.1.4.1.99999.4.1.1.4, unit: Wh,
                 size: 4294967296}    # wraps after 32 bits

Tables that are not that simple also have:

``row``
    The leading parts of the index that tell one row from another. Values of
    one row are added up, for instance those of three phases.
``valid``
    A column that tells whether the row's values mean anything: ``is`` lists
    the numbers that say so.

And columns:

``where``
    Parts of the index that must have some number.
``only``
    Another column with the same index: either its number must be one that
    ``is`` lists, or its text must be ``like`` a regular expression, whose
    groups then are numbers that belong to the row.
``digits``, ``factor``
    Another column with the same index: how many of the digits are decimals;
    what to multiply by, or where negative to divide by.
``invalid``
    Numbers that stand for no value. Negative ones always do.
``step``
    By how many ticks the energy counter moves, unless it is one.
"""

import collections.abc
import dataclasses
import importlib.resources
from importlib.resources import abc
import os
import pathlib
import re
import typing

import yaml

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import fields

Oid = engine.Oid

#: Of the columns that measure: their units, in watts or joules, and the one
#: that is meant where none is given.
UNITS = {
    'watts': ({'W': 1, 'kW': 1000}, 'W'),
    'energy': ({'J': 1, 'kJ': 1000, 'Wh': 3600, 'kWh': 3_600_000}, 'Wh'),
}

SUFFIX = '.yaml'


@dataclasses.dataclass(frozen=True)
class Only:
    """A condition on another column, which has the same index.

    :ivar like: what its text must be; None where its number must be one of
        ``numbers``.
    """

    oid: Oid
    numbers: frozenset[int] = frozenset()
    like: re.Pattern[str] | None = None


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table.

    :ivar unit: watts or joules of the number one.
    :ivar where: numbers that must be at some positions of the index.
    :ivar invalid: numbers that stand for no value.
    :ivar step: ticks by which the energy counter moves.
    :ivar size: ticks after which it begins anew; None for never.
    :ivar good: numbers of a column ``valid`` that make a row valid.
    """

    oid: Oid
    unit: float = 1.0
    where: tuple[tuple[int, int], ...] = ()
    only: Only | None = None
    digits: Oid | None = None
    factor: Oid | None = None
    invalid: frozenset[int] = frozenset()
    step: int = 1
    size: int | None = None
    good: frozenset[int] = frozenset()

    @property
    def is_plain(self) -> bool:
        """Whether every object of it belongs to some row."""
        return not self.where and self.only is None


@dataclasses.dataclass(frozen=True)
class Table:
    """Where a device shows measuring points of one kind.

    :ivar index: how many parts its index has; None for any number.
    :ivar row: how many of them, from the left, make a row; None for all.
    :ivar columns: those of ``name``, ``watts``, ``energy`` and ``valid``
        that there are.
    """

    scope: str
    index: int | None
    row: int | None
    columns: collections.abc.Mapping[str, Column]


@dataclasses.dataclass(frozen=True)
class Profile:
    """A family of devices.

    :ivar source: where its facts come from.
    :ivar system: what the sysObjectID of its members begins with.
    """

    meter: str
    source: str
    system: tuple[Oid, ...]
    tables: collections.abc.Mapping[str, Table]


def parse(file: str, values: object) -> Profile:
    """Understand what a file says.

    :param file: what error messages call it.
    :raises DriverError: something is wrong; names file and field.
    """
    top = fields.Fields(file, (), values)
    tables = top.part('tables')
    if not list(tables):
        raise top.wrong('tables', 'expected at least one table')
    profile = Profile(
        top.text('meter'),
        top.text('source'),
        top.oids('system'),
        {name: parse_table(tables.part(name)) for name in tables},
    )
    top.end()
    return profile


def parse_table(part: fields.Fields) -> Table:
    scope = part.text('scope')
    if scope not in measurement.SCOPES:
        raise part.wrong(
            'scope',
            f'expected one of {", ".join(measurement.SCOPES)}, not {scope!r}',
        )
    index = part.text('index').split('.') if 'index' in part else []
    row = part.text('row').split('.') if 'row' in part else index
    if row != index[: len(row)]:
        raise part.wrong('row', 'expected the first parts of the index')
    columns = {
        name: _column(part.part(name), name, index)
        for name in ('name', 'watts', 'energy', 'valid')
        if name in part
    }
    if not {'watts', 'energy'} & set(columns):
        raise part.wrong('', 'expected watts, energy or both')
    part.end()
    return Table(scope, len(index) or None, len(row) or None, columns)


def _column(part: fields.Fields, name: str, index: list[str]) -> Column:
    column = Column(
        part.oid('oid'),
        where=_where(part.part('where'), index) if 'where' in part else (),
        only=_only(part.part('only')) if 'only' in part else None,
    )
    more: dict[str, typing.Any] = {}
    if name in UNITS:
        more['unit'] = part.unit('unit', *UNITS[name])
        more |= {
            key: part.oid(key) for key in ('digits', 'factor') if key in part
        }
        if 'invalid' in part:
            more['invalid'] = part.numbers('invalid')
    if name == 'energy':
        more |= {
            key: part.number(key, 1) for key in ('step', 'size') if key in part
        }
    if name == 'valid':
        more['good'] = part.numbers('is')
    part.end()
    return dataclasses.replace(column, **more)


def _where(
    part: fields.Fields, index: list[str]
) -> tuple[tuple[int, int], ...]:
    found = []
    for name in part:
        if name not in index:
            raise part.wrong(name, 'is no part of the index')
        found.append((index.index(name), part.number(name, 0)))
    return tuple(found)


def _only(part: fields.Fields) -> Only:
    oid = part.oid('oid')
    only = (
        Only(oid, like=part.pattern('like'))
        if 'like' in part
        else Only(oid, numbers=part.numbers('is'))
    )
    part.end()
    return only


def names(directory: str) -> list[str]:
    """Name all profiles, the operator's included."""
    return sorted(_files(directory))


def load(name: str, directory: str) -> Profile:
    """Give a profile by its name.

    :param directory: of the operator; may be missing.
    :raises DriverError: there is no such profile, or it can't be understood.
    """
    files = _files(directory)
    if name not in files:
        raise exception.DriverError(
            reason=f'there is no profile {name!r}; there are: '
            f'{", ".join(names(directory))}'
        )
    file = files[name]
    try:
        values = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError) as e:
        problem = ' '.join(str(e).split())
        raise exception.DriverError(reason=f'{file}: {problem}')
    return parse(str(file), values)


def recognise(system: Oid, directory: str) -> list[str]:
    """Name the profiles that suit a device, the most particular first.

    :param system: the device's sysObjectID.
    """
    found = []
    for name in names(directory):
        matches = [
            len(prefix)
            for prefix in load(name, directory).system
            if system[: len(prefix)] == prefix
        ]
        if matches:
            found.append((-max(matches), name))
    return [name for _, name in sorted(found)]


def _files(directory: str) -> dict[str, abc.Traversable]:
    """Give the files of all profiles; the operator's win."""
    places: list[abc.Traversable] = [
        importlib.resources.files(__package__) / 'profiles'
    ]
    if os.path.isdir(directory):
        places.append(pathlib.Path(directory))
    try:
        return {
            file.name.removesuffix(SUFFIX): file
            for place in places
            for file in place.iterdir()
            if file.name.endswith(SUFFIX)
        }
    except OSError as e:
        raise exception.DriverError(reason=str(e))
