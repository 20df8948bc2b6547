# SPDX-License-Identifier: Apache-2.0

"""Channels of one device: outlets, inlets or servers in an SNMP table."""

import collections.abc
import dataclasses
import typing

from energy_meter import exception
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import errors
from energy_meter.drivers.snmp import isolation
from energy_meter.drivers.snmp import objects
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import session as sessions

Oid = engine.Oid
Values: typing.TypeAlias = collections.abc.Mapping[Oid, objects.Value]

#: Maximum number of decimal places that a device can report.
MAX_DIGITS = 12


class ScaledObject(typing.NamedTuple):
    """SNMP object with a number.

    :ivar unit: watts or joules per unit of the number.
    """

    oid: Oid
    unit: float


@dataclasses.dataclass(frozen=True, slots=True)
class Channel:
    """One measuring point of a device: an outlet, an inlet or a server.

    :ivar row: its index, or the leading parts of the index.
    :ivar name: the device's name for it.
    :ivar is_present: whether the device had values for it at discovery.
    :ivar watts: objects whose sum is the power.
    :ivar energy: objects whose sum is the energy.
    :ivar valid: objects that state whether the values are valid.
    """

    row: Oid
    name: str | None
    is_present: bool
    watts: tuple[ScaledObject, ...]
    energy: tuple[ScaledObject, ...]
    valid: tuple[Oid, ...]

    @property
    def index(self) -> str:
        return _text(self.row)

    def oids(self) -> list[Oid]:
        """Return all objects that are required for a reading."""
        scaled = self.watts + self.energy
        return [*(number.oid for number in scaled), *self.valid]


class _Column:
    """Column of one device.

    :ivar rows: objects of the column by row.
    """

    def __init__(
        self, table: profile.Table, column: profile.Column, values: Values
    ) -> None:
        self._table = table
        self._column = column
        self.rows: dict[Oid, list[Oid]] = {}
        source = _source(column)
        for oid, value in values.items():
            index = oid[len(source) :]
            row = self._row(index, value) if oid == source + index else None
            if row is not None:
                self.rows.setdefault(row, []).append(column.oid + index)

    def _row(self, index: Oid, value: objects.Value) -> Oid | None:
        """Return the row of an index, or None if a condition is not met."""
        if any(
            index[position : position + 1] != (number,)
            for position, number in self._column.where
        ):
            return None
        row, condition = index[: self._table.row], self._column.filter
        if condition is None:
            return row
        if condition.matches is None:
            return row if value in condition.values else None
        match = condition.matches.fullmatch(_name(value) or '')
        if match is None or not all(map(str.isdigit, match.groups())):
            return None
        return row + tuple(map(int, match.groups()))

    def objects(self, row: Oid) -> list[Oid]:
        """Return the objects of a row, even if it is not present now."""
        if row in self.rows or self._column.filter is not None:
            return self.rows.get(row, [])
        index = dict(enumerate(row)) | dict(self._column.where)
        if len(index) != (self._table.index or len(row)):
            return []
        return [
            self._column.oid
            + tuple(index[position] for position in sorted(index))
        ]

    def scales(self, row: Oid) -> list[Oid]:
        """Return the objects that define the units of a row's objects."""
        return [
            scale + oid[len(self._column.oid) :]
            for scale in (self._column.digits, self._column.factor)
            if scale is not None
            for oid in self.objects(row)
        ]

    def scaled_objects(
        self, row: Oid, scales: Values
    ) -> tuple[ScaledObject, ...]:
        """Return the objects of a row with their units.

        :param scales: values of the objects that :meth:`scales` returns.
        :returns: nothing if a unit is unknown.
        """
        scaled = []
        for oid in self.objects(row):
            index = oid[len(self._column.oid) :]
            unit = self._unit(index, scales)
            if unit is None:
                return ()
            scaled.append(ScaledObject(oid, unit))
        return tuple(scaled)

    def _unit(self, index: Oid, scales: Values) -> float | None:
        unit = self._column.unit
        if self._column.digits is not None:
            digits = scales.get(self._column.digits + index)
            if not isinstance(digits, int) or abs(digits) > MAX_DIGITS:
                return None
            unit /= 10**digits
        if self._column.factor is not None:
            factor = scales.get(self._column.factor + index)
            if not isinstance(factor, int):
                return None
            unit = unit / -factor if factor < 0 else unit * (factor or 1)
        return unit


def find(session: sessions.Session, table: profile.Table) -> list[Channel]:
    """Return all channels of a table, in the order of their indexes.

    Channels that the device does not report now are included if their
    indexes lie between those of others.

    :raises DriverError: if the device does not respond, or does not have
        this table.
    """
    sources = dict.fromkeys(map(_source, table.columns.values()))
    values = _walk(session, table, list(map(objects.Range.below, sources)))
    columns = {
        name: _Column(table, column, values)
        for name, column in table.columns.items()
    }
    metering = [
        columns[name] for name in ('watts', 'energy') if name in columns
    ]
    if not any(column.rows for column in metering):
        raise exception.ProtocolError(
            device=session.device,
            reason='no values below ' + ' or '.join(map(_text, sources)),
        )
    rows = _fill({row for column in columns.values() for row in column.rows})
    scales = session.get(
        [
            oid
            for column in metering
            for row in rows
            for oid in column.scales(row)
        ]
    )
    return [_channel(columns, row, values, scales) for row in rows]


def _walk(
    session: sessions.Session,
    table: profile.Table,
    ranges: list[objects.Range],
) -> Values:
    """Return all values of columns; None for rows that fail.

    A condition depends on the value, so it is unknown which rows would meet
    it: the failure of one fails the device.
    """
    rows = sessions.MAX_BULK_OBJECTS
    if any(column.filter for column in table.columns.values()):
        try:
            return session.walk(ranges, rows)
        except errors.RowFailed as e:
            raise e.cause
    return isolation.walk(session.walk, ranges, rows)


def _channel(
    columns: collections.abc.Mapping[str, _Column],
    row: Oid,
    values: Values,
    scales: Values,
) -> Channel:
    oids = {name: column.objects(row) for name, column in columns.items()}
    scaled = {
        name: columns[name].scaled_objects(row, scales)
        for name in ('watts', 'energy')
        if name in columns
    }
    names = [_name(values.get(oid)) for oid in oids.get('name', ())]
    return Channel(
        row,
        names[0] if names else None,
        any(row in column.rows for column in columns.values()),
        scaled.get('watts', ()),
        scaled.get('energy', ()),
        tuple(oids.get('valid', ())),
    )


def _fill(rows: collections.abc.Collection[Oid]) -> list[Oid]:
    """Return the rows in order, including rows missing between others.

    A device that is starting or partly broken omits rows. Without filling
    the gaps, probes would be assigned to the wrong rows. If most numbers are
    missing, the rows are not numbered consecutively, and nothing is filled.
    """
    numbers_by_group: dict[Oid, list[int]] = {}
    for row in sorted(rows):
        numbers_by_group.setdefault(row[:-1], []).append(row[-1])
    return [
        (*group, number)
        for group, numbers in numbers_by_group.items()
        for number in (
            range(min(1, numbers[0]), numbers[-1] + 1)
            if numbers[-1] < 2 * len(numbers)
            else numbers
        )
    ]


def _source(column: profile.Column) -> Oid:
    """Return the column whose objects define which rows exist."""
    return column.oid if column.filter is None else column.filter.oid


def _name(value: objects.Value) -> str | None:
    if not isinstance(value, bytes):
        return None
    return value.decode(errors='replace').strip('\0 ') or None


def _text(oid: Oid) -> str:
    return '.'.join(map(str, oid))
