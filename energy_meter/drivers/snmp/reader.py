# SPDX-License-Identifier: Apache-2.0


"""Reading the outlets that are probes, with as few messages as possible."""

import collections.abc

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import outlet as outlets
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import session as sessions


class Reader:
    """Reads some outlets of one device.

    The objects are asked for by name, unless they are most of what the
    device shows between the first and the last of them: then it is cheaper
    to sweep over that, for the request is short and the answer is made from
    one end of the table to the other.

    :param probes: the outlet of each probe.
    :param known: all outlets of the table.
    """

    def __init__(
        self,
        session: sessions.Session,
        table: profile.Table,
        probes: collections.abc.Mapping[str, outlets.Outlet],
        known: collections.abc.Iterable[outlets.Outlet],
    ) -> None:
        self._session = session
        self._columns = table.columns
        self._probes = probes
        self._counters = {
            probe: self._counter(outlet) for probe, outlet in probes.items()
        }
        self._oids = sorted(
            {oid for outlet in probes.values() for oid in outlet.oids()}
        )
        self._ranges: list[sessions.Range] = []
        self._rows = 0
        self._plan([oid for outlet in known for oid in outlet.oids()])

    def read(self) -> list[measurement.Reading]:
        """Give a reading of each probe that has one now.

        :raises DriverError: no answer, or none that can be used.
        """
        values = (
            self._session.sweep(self._ranges, self._rows)
            if self._ranges
            else self._session.get(self._oids)
        )
        readings = (
            self._reading(probe, outlet, values)
            for probe, outlet in self._probes.items()
        )
        return [reading for reading in readings if reading is not None]

    def _plan(self, shown: collections.abc.Collection[engine.Oid]) -> None:
        """Decide for a sweep where it pays.

        :param shown: all objects that the columns can show.
        """
        columns = [
            column for name, column in self._columns.items() if name != 'name'
        ]
        if not self._session.has_bulk or not all(
            column.is_plain for column in columns
        ):
            return
        ranges = []
        for column in columns:
            oids = [
                oid
                for oid in self._oids
                if oid[: len(column.oid)] == column.oid
            ]
            if oids:
                ranges.append(sessions.Range(_before(oids[0]), oids[-1]))
        rows = [
            sum(after < oid <= last for oid in shown) for after, last in ranges
        ]
        if sum(rows) <= 2 * len(self._oids):
            self._ranges, self._rows = ranges, max(rows, default=0)

    def _counter(self, outlet: outlets.Outlet) -> measurement.Counter | None:
        units = {cell.unit for cell in outlet.energy}
        if not units:
            return None
        if len(units) > 1:
            raise exception.ProtocolError(
                device=self._session.device,
                reason=f'the energy counters of {outlet.index} have '
                'different units',
            )
        column = self._columns['energy']
        return measurement.Counter(units.pop(), column.step, column.size)

    def _reading(
        self, probe: str, outlet: outlets.Outlet, values: outlets.Values
    ) -> measurement.Reading | None:
        if not self._is_valid(outlet, values):
            return None
        powers = self._numbers('watts', outlet.watts, values)
        watts = (
            sum(
                number * cell.unit
                for number, cell in zip(powers, outlet.watts, strict=True)
            )
            if powers
            else None
        )
        energies = self._numbers('energy', outlet.energy, values)
        ticks = sum(energies) if energies else None
        if watts is None and ticks is None:
            return None
        return measurement.Reading(
            probe,
            watts,
            ticks,
            None if ticks is None else self._counters[probe],
        )

    def _is_valid(
        self, outlet: outlets.Outlet, values: outlets.Values
    ) -> bool:
        if 'valid' not in self._columns:
            return True
        return bool(outlet.valid) and all(
            values.get(oid) in self._columns['valid'].good
            for oid in outlet.valid
        )

    def _numbers(
        self,
        name: str,
        cells: tuple[outlets.Cell, ...],
        values: outlets.Values,
    ) -> list[int]:
        """Give what the cells show; nothing unless all show a number."""
        numbers = []
        for cell in cells:
            number = values.get(cell.oid)
            if (
                not isinstance(number, int)
                or number < 0
                or number in self._columns[name].invalid
            ):
                return []
            numbers.append(number)
        return numbers


def _before(oid: engine.Oid) -> engine.Oid:
    """Give an object that comes before, with none of its table between."""
    return (*oid[:-1], oid[-1] - 1) if oid[-1] else oid[:-1]
