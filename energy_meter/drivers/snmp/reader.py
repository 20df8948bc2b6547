# SPDX-License-Identifier: Apache-2.0

"""Reader that needs as few requests as possible for its channels."""

import collections.abc
import fractions
import math

from oslo_log import log as logging

from energy_meter import measurement
from energy_meter.drivers.snmp import channel as channels
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import errors
from energy_meter.drivers.snmp import objects
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import restarts
from energy_meter.drivers.snmp import session as sessions

LOG = logging.getLogger(__name__)

#: Ticks in the unit of an energy counter that the device sends as text.
TEXT_TICKS = 1000


class Reader:
    """Reads some channels of one device.

    By default, it requests objects by name. If they are most of the objects
    between the first and the last of them, it walks this range instead: the
    requests are shorter, and the device traverses its table once.

    :param probes: channel of each probe.
    :param available: all channels of the table.
    """

    def __init__(
        self,
        session: sessions.Session,
        table: profile.Table,
        probes: collections.abc.Mapping[str, channels.Channel],
        available: collections.abc.Iterable[channels.Channel],
    ) -> None:
        self._session = session
        self._columns = table.columns
        self._probes = probes
        self._counters = {
            probe: self._counter(probe, channel)
            for probe, channel in probes.items()
        }
        self._oids = sorted(
            {oid for channel in probes.values() for oid in channel.oids()}
        )
        self._ranges, self._rows = self._plan_walk(
            [oid for channel in available for oid in channel.oids()]
        )

    def request(self) -> dict[engine.Oid, objects.Value]:
        """Return the values of all objects, and of the uptime.

        :raises DriverError: if there is no valid response.
        """
        if not self._oids:
            return {}
        if self._ranges:
            try:
                return self._session.walk(
                    self._ranges, self._rows, restarts.UPTIME
                )
            except errors.RowFailed:
                # By name, a row that fails costs only its probe. The next
                # listing of the channels makes another reader.
                self._ranges = []
        # The last object: a restart between two requests is detected.
        return self._session.get([*self._oids, restarts.UPTIME])

    def readings(self, values: channels.Values) -> list[measurement.Reading]:
        """Return a reading of each probe that has a value.

        :param values: as returned by :meth:`request`.
        """
        readings = (
            self._reading(probe, channel, values)
            for probe, channel in self._probes.items()
        )
        return [reading for reading in readings if reading is not None]

    def _plan_walk(
        self, available: collections.abc.Collection[engine.Oid]
    ) -> tuple[list[objects.Range], int]:
        """Return ranges to walk and the number of rows in the longest.

        :param available: all objects of the columns.
        :returns: no ranges if requesting objects by name is more efficient.
        """
        columns = [
            column for name, column in self._columns.items() if name != 'name'
        ]
        if not self._session.has_bulk or not all(
            column.is_unconditional for column in columns
        ):
            return [], 0
        ranges = []
        for column in columns:
            oids = [
                oid
                for oid in self._oids
                if oid[: len(column.oid)] == column.oid
            ]
            if oids:
                ranges.append(objects.Range(_before(oids[0]), oids[-1]))
        rows = [
            sum(after < oid <= last for oid in available)
            for after, last in ranges
        ]
        if sum(rows) > 2 * len(self._oids):
            return [], 0
        return ranges, max(rows, default=0)

    def _counter(
        self, probe: str, channel: channels.Channel
    ) -> measurement.Counter | None:
        """Return the properties of a channel's counter.

        :returns: None if the channel does not have one, or if it consists of
            several with different units.
        """
        units = {scaled.unit for scaled in channel.energy}
        if len(units) > 1:
            LOG.warning(
                '%s: the energy counters of channel %s have different units; '
                'probe %s is read without them',
                self._session.device,
                channel.index,
                probe,
            )
        if len(units) != 1:
            return None
        column = self._columns['energy']
        return measurement.Counter(units.pop(), column.step, column.rollover)

    def _reading(
        self, probe: str, channel: channels.Channel, values: channels.Values
    ) -> measurement.Reading | None:
        if not self._is_valid(channel, values):
            return None
        powers = self._numbers('watts', channel.watts, values)
        watts = (
            math.fsum(
                number * scaled.unit
                for number, scaled in zip(powers, channel.watts, strict=True)
            )
            if powers
            else None
        )
        ticks, counter = self._energy(probe, channel, values)
        if watts is None and ticks is None:
            return None
        return measurement.Reading(probe, watts, ticks, counter)

    def _energy(
        self, probe: str, channel: channels.Channel, values: channels.Values
    ) -> tuple[int | None, measurement.Counter | None]:
        counter = self._counters[probe]
        numbers = self._numbers('energy', channel.energy, values)
        if counter is None or not numbers:
            return None, None
        total = sum(numbers)
        if isinstance(total, fractions.Fraction):
            # Text may have decimal places, but a tick is an integer.
            total *= TEXT_TICKS
            counter = measurement.Counter(
                counter.joules_per_tick / TEXT_TICKS,
                counter.step * TEXT_TICKS,
                counter.rollover and counter.rollover * TEXT_TICKS,
            )
        return int(total), counter

    def _is_valid(
        self, channel: channels.Channel, values: channels.Values
    ) -> bool:
        if 'valid' not in self._columns:
            return True
        return bool(channel.valid) and all(
            values.get(oid) in self._columns['valid'].valid_values
            for oid in channel.valid
        )

    def _numbers(
        self,
        name: str,
        scaled_objects: tuple[channels.ScaledObject, ...],
        values: channels.Values,
    ) -> list[int | fractions.Fraction]:
        """Return the values of objects, or nothing if one is invalid."""
        numbers = []
        for scaled in scaled_objects:
            number = objects.number(values.get(scaled.oid))
            if (
                number is None
                or number < 0
                or number in self._columns[name].invalid
            ):
                return []
            numbers.append(number)
        return numbers


def _before(oid: engine.Oid) -> engine.Oid:
    """Return an identifier before this one, with no object between them."""
    return (*oid[:-1], oid[-1] - 1) if oid[-1] else oid[:-1]
