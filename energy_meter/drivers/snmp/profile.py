# SPDX-License-Identifier: Apache-2.0

"""Profiles: data files that describe families of SNMP devices.

The package contains profiles. An operator can add others, or replace one with
a file of the same name. A profile looks like this::

    meter: Example PDU 4000, 48 outlets
    source: EXAMPLE-PDU-MIB of 1 April 2024
    system: [1.3.6.1.4.1.99999.4]     # prefixes of sysObjectID
    tables:
      outlets:
        scope: outlet
        index: unit.outlet            # names of the index's parts
        name: {oid: 1.3.6.1.4.1.99999.4.1.1.2}
        watts: {oid: 1.3.6.1.4.1.99999.4.1.1.3, unit: 0.1 W}
        energy: {oid: 1.3.6.1.4.1.99999.4.1.1.4, unit: Wh,
                 rollover: 4294967296}

Optional fields of a table:

``row``
    The leading parts of the index that identify a row. The values of one row
    are added, for example those of three phases.
``valid``
    Column that states whether the values of a row are valid:
    ``valid_values`` lists its values for valid rows.

Optional fields of a column:

``where``
    Required values of parts of the index.
``filter``
    Another column with the same index. Either its number must be one of
    ``values``, or its text must match the regular expression ``matches``;
    the groups of the expression are numbers appended to the row's index.
``digits``, ``factor``
    Another column with the same index: the number of decimal places, or the
    factor to multiply by; a negative factor divides.
``invalid``
    Values that mean "not available". Negative values always do.
``step``
    Smallest increment of the energy counter in ticks; the default is 1.
``rollover``
    Value at which the energy counter restarts from 0.
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

#: Watts or joules of each unit, and the default unit, of measuring columns.
UNITS = {
    'watts': ({'W': 1, 'kW': 1000}, 'W'),
    'energy': ({'J': 1, 'kJ': 1000, 'Wh': 3600, 'kWh': 3_600_000}, 'Wh'),
}

SUFFIX = '.yaml'


@dataclasses.dataclass(frozen=True)
class Filter:
    """Condition on another column with the same index.

    :ivar values: allowed numbers, if ``matches`` is None.
    :ivar matches: pattern of the text.
    """

    oid: Oid
    values: frozenset[int] = frozenset()
    matches: re.Pattern[str] | None = None


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table.

    :ivar unit: watts or joules per unit of the value.
    :ivar where: positions and required numbers in the index.
    :ivar filter: condition for the rows to read.
    :ivar digits: column with the number of decimal places.
    :ivar factor: column with a factor.
    :ivar invalid: values that mean "not available".
    :ivar step: smallest increment of an energy counter in ticks.
    :ivar rollover: ticks at which an energy counter restarts from 0; None if
        it does not.
    :ivar valid_values: values of a ``valid`` column for valid rows.
    """

    oid: Oid
    unit: float = 1.0
    where: tuple[tuple[int, int], ...] = ()
    filter: Filter | None = None
    digits: Oid | None = None
    factor: Oid | None = None
    invalid: frozenset[int] = frozenset()
    step: int = 1
    rollover: int | None = None
    valid_values: frozenset[int] = frozenset()

    @property
    def is_unconditional(self) -> bool:
        """Whether all objects of the column belong to rows."""
        return not self.where and self.filter is None


@dataclasses.dataclass(frozen=True)
class Table:
    """SNMP table, or several, with the channels of one scope.

    :ivar index: number of parts of the index; None for any number.
    :ivar row: number of leading parts that identify a row; None for all.
    :ivar columns: columns by name: ``name``, ``watts``, ``energy`` and
        ``valid``, as far as they exist.
    """

    scope: str
    index: int | None
    row: int | None
    columns: collections.abc.Mapping[str, Column]


@dataclasses.dataclass(frozen=True)
class Profile:
    """Description of a device family.

    :ivar meter: name of the device family.
    :ivar source: reference for the data in the profile.
    :ivar system: prefixes of the sysObjectID of devices in the family.
    """

    meter: str
    source: str
    system: tuple[Oid, ...]
    tables: collections.abc.Mapping[str, Table]


def parse(file: str, values: object) -> Profile:
    """Return the profile in a file.

    :param file: name of the file in error messages.
    :param values: the parsed YAML document.
    :raises DriverError: if a field is invalid; it names file and field.
    """
    top = fields.Fields(file, (), values)
    tables = top.nested('tables')
    if not list(tables):
        raise top.error('tables', 'expected at least one table')
    profile = Profile(
        top.text('meter'),
        top.text('source'),
        top.oids('system'),
        {name: parse_table(tables.nested(name)) for name in tables},
    )
    top.reject_unknown()
    return profile


def parse_table(table: fields.Fields) -> Table:
    """Return the table that these fields describe."""
    scope = table.text('scope')
    if scope not in measurement.SCOPES:
        raise table.error(
            'scope',
            f'expected one of {", ".join(measurement.SCOPES)}, not {scope!r}',
        )
    index = table.text('index').split('.') if 'index' in table else []
    row = table.text('row').split('.') if 'row' in table else index
    if row != index[: len(row)]:
        raise table.error('row', 'expected the first parts of the index')
    columns = {
        name: _column(table.nested(name), name, index)
        for name in ('name', 'watts', 'energy', 'valid')
        if name in table
    }
    if not {'watts', 'energy'} & set(columns):
        raise table.error('', 'expected watts, energy or both')
    table.reject_unknown()
    return Table(scope, len(index) or None, len(row) or None, columns)


def _column(column: fields.Fields, name: str, index: list[str]) -> Column:
    values: dict[str, typing.Any] = {'oid': column.oid('oid')}
    if 'where' in column:
        values['where'] = _where(column.nested('where'), index)
    if 'filter' in column:
        values['filter'] = _filter(column.nested('filter'))
    if name in UNITS:
        values['unit'] = column.unit('unit', *UNITS[name])
        scales = [key for key in ('digits', 'factor') if key in column]
        values |= {key: column.oid(key) for key in scales}
        if 'invalid' in column:
            values['invalid'] = column.integers('invalid')
    if name == 'energy':
        counts = [key for key in ('step', 'rollover') if key in column]
        values |= {key: column.integer(key, 1) for key in counts}
    if name == 'valid':
        values['valid_values'] = column.integers('valid_values')
    column.reject_unknown()
    return Column(**values)


def _where(
    where: fields.Fields, index: list[str]
) -> tuple[tuple[int, int], ...]:
    conditions = []
    for name in where:
        if name not in index:
            raise where.error(name, 'is not a part of the index')
        conditions.append((index.index(name), where.integer(name, 0)))
    return tuple(conditions)


def _filter(column: fields.Fields) -> Filter:
    oid = column.oid('oid')
    condition = (
        Filter(oid, matches=column.pattern('matches'))
        if 'matches' in column
        else Filter(oid, values=column.integers('values'))
    )
    column.reject_unknown()
    return condition


def names(directory: str) -> list[str]:
    """Return the names of all profiles."""
    return sorted(_files(directory))


def load(name: str, directory: str) -> Profile:
    """Load a profile.

    :param directory: directory of the operator's profiles; may not exist.
    :raises InvalidOption: if the profile does not exist or is invalid.
    """
    files = _files(directory)
    if name not in files:
        raise exception.InvalidOption(
            option='profile',
            reason=f'{name!r} not found; available: '
            f'{", ".join(names(directory))}',
        )
    file = files[name]
    try:
        values = yaml.safe_load(file.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError) as e:
        reason = ' '.join(str(e).split())
        raise exception.InvalidOption(
            option='profile', reason=f'{file}: {reason}'
        )
    try:
        return parse(str(file), values)
    except exception.DriverError as e:
        raise exception.InvalidOption(option='profile', reason=str(e))


def detect(system: Oid, directory: str) -> list[str]:
    """Return the names of profiles for a device, the most specific first.

    :param system: the device's sysObjectID.
    """
    matches = []
    for name in names(directory):
        prefix_lengths = [
            len(prefix)
            for prefix in load(name, directory).system
            if system[: len(prefix)] == prefix
        ]
        if prefix_lengths:
            matches.append((-max(prefix_lengths), name))
    return [name for _, name in sorted(matches)]


def _files(directory: str) -> dict[str, abc.Traversable]:
    """Return the files of all profiles; the operator's take precedence."""
    directories: list[abc.Traversable] = [
        importlib.resources.files(__package__) / 'profiles'
    ]
    if os.path.isdir(directory):
        directories.append(pathlib.Path(directory))
    try:
        return {
            file.name.removesuffix(SUFFIX): file
            for parent in directories
            for file in parent.iterdir()
            if file.name.endswith(SUFFIX)
        }
    except OSError as e:
        raise exception.InvalidOption(option='profile_path', reason=str(e))
