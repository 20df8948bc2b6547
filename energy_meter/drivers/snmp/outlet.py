# SPDX-License-Identifier: Apache-2.0


"""The outlets of one device: finding them, and reading some of them."""

import collections.abc
import dataclasses
import typing

from energy_meter import exception
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import session as sessions

Oid = engine.Oid
Values: typing.TypeAlias = collections.abc.Mapping[Oid, sessions.Value]


class Cell(typing.NamedTuple):
    """An object that shows a number.

    :ivar unit: watts or joules of the number one.
    """

    oid: Oid
    unit: float


@dataclasses.dataclass(frozen=True, slots=True)
class Outlet:
    """One measuring point of a device: an outlet, an inlet, a server.

    :ivar row: its index, or the leading parts of it.
    :ivar name: what the device calls it.
    :ivar watts: its power is the sum of these.
    :ivar energy: its energy is the sum of these.
    :ivar valid: these tell whether the others mean anything.
    :ivar shown: whether the device showed it when it was looked for.
    """

    row: Oid
    name: str | None
    shown: bool
    watts: tuple[Cell, ...]
    energy: tuple[Cell, ...]
    valid: tuple[Oid, ...]

    @property
    def index(self) -> str:
        return _text(self.row)

    def oids(self) -> list[Oid]:
        """Give all objects that a reading takes."""
        return [*(cell.oid for cell in self.watts + self.energy), *self.valid]


class _Column:
    """A column as one device shows it.

    :ivar rows: the column's objects in each row.
    """

    def __init__(
        self, table: profile.Table, column: profile.Column, shown: Values
    ) -> None:
        self._table = table
        self._column = column
        self.rows: dict[Oid, list[Oid]] = {}
        source = _source(column)
        for oid, value in shown.items():
            index = oid[len(source) :]
            row = self._row(index, value) if oid == source + index else None
            if row is not None:
                self.rows.setdefault(row, []).append(column.oid + index)

    def _row(self, index: Oid, value: sessions.Value) -> Oid | None:
        if any(
            index[at : at + 1] != (number,)
            for at, number in self._column.where
        ):
            return None
        row, only = index[: self._table.row], self._column.only
        if only is None:
            return row
        if only.like is None:
            return row if value in only.numbers else None
        match = only.like.fullmatch(_name(value) or '')
        if match is None or not all(map(str.isdigit, match.groups())):
            return None
        return row + tuple(map(int, match.groups()))

    def objects(self, row: Oid) -> list[Oid]:
        """Give the objects of a row, also one that is not shown now."""
        if row in self.rows or self._column.only is not None:
            return self.rows.get(row, [])
        index = dict(enumerate(row)) | dict(self._column.where)
        if len(index) != (self._table.index or len(row)):
            return []
        return [self._column.oid + tuple(index[at] for at in sorted(index))]

    def scales(self, row: Oid) -> list[Oid]:
        """Give the objects that tell the units of a row's objects."""
        return [
            scale + oid[len(self._column.oid) :]
            for scale in (self._column.digits, self._column.factor)
            if scale is not None
            for oid in self.objects(row)
        ]

    def cells(self, row: Oid, scales: Values) -> tuple[Cell, ...]:
        """Give the objects of a row with their units.

        :param scales: what the objects of :meth:`scales` show.
        """
        cells = []
        for oid in self.objects(row):
            index = oid[len(self._column.oid) :]
            unit = self._unit(index, scales)
            if unit is None:
                return ()
            cells.append(Cell(oid, unit))
        return tuple(cells)

    def _unit(self, index: Oid, scales: Values) -> float | None:
        unit = self._column.unit
        if self._column.digits is not None:
            digits = scales.get(self._column.digits + index)
            if not isinstance(digits, int):
                return None
            unit /= 10**digits
        if self._column.factor is not None:
            factor = scales.get(self._column.factor + index)
            if not isinstance(factor, int):
                return None
            unit = unit / -factor if factor < 0 else unit * (factor or 1)
        return unit


def find(session: sessions.Session, table: profile.Table) -> list[Outlet]:
    """Give all outlets of a table, in the order of their indexes.

    Outlets that the device doesn't show now, but whose numbers are between
    those of others, are among them.

    :raises DriverError: no answer, or the device has no such table.
    """
    sources = dict.fromkeys(map(_source, table.columns.values()))
    shown = session.sweep(
        map(sessions.Range.below, sources), sessions.MAX_LISTED
    )
    columns = {
        name: _Column(table, column, shown)
        for name, column in table.columns.items()
    }
    metering = [
        columns[name] for name in ('watts', 'energy') if name in columns
    ]
    if not any(column.rows for column in metering):
        raise exception.ProtocolError(
            device=session.device,
            reason='there is no value below '
            + ' or '.join(map(_text, sources)),
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
    return [_outlet(columns, row, shown, scales) for row in rows]


def _outlet(
    columns: collections.abc.Mapping[str, _Column],
    row: Oid,
    shown: Values,
    scales: Values,
) -> Outlet:
    objects = {name: column.objects(row) for name, column in columns.items()}
    cells = {
        name: columns[name].cells(row, scales)
        for name in ('watts', 'energy')
        if name in columns
    }
    names = [_name(shown.get(oid)) for oid in objects.get('name', ())]
    return Outlet(
        row,
        names[0] if names else None,
        any(row in column.rows for column in columns.values()),
        cells.get('watts', ()),
        cells.get('energy', ()),
        tuple(objects.get('valid', ())),
    )


def _fill(rows: collections.abc.Collection[Oid]) -> list[Oid]:
    """Give the rows in order, with those in between that are not shown now.

    A device that starts or is half broken leaves rows out. If places were
    counted without them, probes would measure the outlets of others. Where
    most of the numbers are missing, they are not how outlets are counted.
    """
    numbers: dict[Oid, list[int]] = {}
    for row in sorted(rows):
        numbers.setdefault(row[:-1], []).append(row[-1])
    return [
        (*group, number)
        for group, found in numbers.items()
        for number in (
            range(min(1, found[0]), found[-1] + 1)
            if found[-1] < 2 * len(found)
            else found
        )
    ]


def choose(
    known: collections.abc.Sequence[Outlet],
    wanted: collections.abc.Sequence[str],
) -> collections.abc.Sequence[Outlet]:
    """Give the outlets that the operator lists, by index or by name.

    :param wanted: all of them if it is empty.
    :raises DriverError: there is no such outlet, or more than one.
    """
    if not wanted:
        return known
    chosen = [_pick(known, text) for text in wanted]
    for number, outlet in enumerate(chosen):
        if outlet in chosen[:number]:
            raise exception.DriverError(
                reason=f'outlets lists {wanted[number]!r} twice'
            )
    return chosen


def _pick(known: collections.abc.Iterable[Outlet], text: str) -> Outlet:
    found = [outlet for outlet in known if outlet.index == text]
    found = found or [outlet for outlet in known if outlet.name == text]
    if len(found) == 1:
        return found[0]
    there = ', '.join(
        f'{outlet.index} ({outlet.name})' if outlet.name else outlet.index
        for outlet in found or known
        if outlet.shown
    )
    raise exception.DriverError(
        reason=f'several outlets are called {text!r}: {there}'
        if found
        else f'no outlet is called {text!r}; there are: {there}'
    )


def assign(
    probes: collections.abc.Sequence[str | None],
    outlets: collections.abc.Sequence[Outlet],
) -> dict[str, Outlet]:
    """Give the outlet of each probe.

    :raises DriverError: there are less outlets than probes.
    """
    if len(probes) > len(outlets):
        raise exception.DriverError(
            reason=f'there are {len(probes)} probes, but only '
            f'{len(outlets)} outlets'
        )
    return {
        probe: outlet
        for probe, outlet in zip(probes, outlets, strict=False)
        if probe is not None
    }


def _source(column: profile.Column) -> Oid:
    """Give the column that shows which rows there are."""
    return column.oid if column.only is None else column.only.oid


def _name(value: sessions.Value) -> str | None:
    if not isinstance(value, bytes):
        return None
    return value.decode(errors='replace').strip('\0 ') or None


def _text(oid: Oid) -> str:
    return '.'.join(map(str, oid))
