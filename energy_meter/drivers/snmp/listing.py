# SPDX-License-Identifier: Apache-2.0

"""List of a device's channels, which is kept up to date."""

import collections.abc
import time

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.snmp import assignment
from energy_meter.drivers.snmp import channel
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import objects
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import reader
from energy_meter.drivers.snmp import restarts
from energy_meter.drivers.snmp import session as sessions

#: Interval in seconds after which the channels are listed again even if the
#: device was not restarted: an operator may have renamed them.
INTERVAL_S = 300.0

#: The same interval while the device does not have the channel of a probe.
INCOMPLETE_INTERVAL_S = 60.0


class Listing:
    """Reads probes, and lists the device's channels again when necessary.

    :param names: index or name of each probe's channel; may be empty.
    """

    def __init__(
        self,
        session: sessions.Session,
        table: profile.Table,
        probes: collections.abc.Sequence[str | None],
        names: collections.abc.Sequence[str],
    ) -> None:
        self._session = session
        self._table = table
        self._names = names
        self._metered = len(probes) - probes.count(None)
        self._assignment = assignment.Assignment(session.device, probes, names)
        self._available: list[channel.Channel] = []
        self.refresh()

    def refresh(self) -> None:
        """List the channels and assign them to the probes.

        :raises DriverError: if the device cannot be read, or has none of the
            channels.
        """
        # The sample is older than the list, so that a restart while the
        # device is listed is detected with the next reading.
        sent = time.monotonic()
        self._sample = self._make_sample(
            self._session.get([restarts.UPTIME]), sent
        )
        self._available = channel.find(self._session, self._table)
        assigned = self._assignment.resolve(self._available)
        self._reader = reader.Reader(
            self._session, self._table, assigned, self._available
        )
        self._due = time.monotonic() + (
            INTERVAL_S
            if len(assigned) == self._metered
            else INCOMPLETE_INTERVAL_S
        )

    def channels(self) -> list[base.Channel]:
        """Return the channels in the order in which probes are assigned."""
        if not self._names:
            return [
                base.Channel(member.index, member.name)
                for member in self._available
            ]
        return [
            base.Channel(name)
            if member is None
            else base.Channel(member.index, member.name)
            for name, member in zip(
                self._names,
                self._assignment.select(self._available),
                strict=True,
            )
        ]

    def read(self) -> list[measurement.Reading]:
        """Return a reading of each probe that has a value now.

        :raises DriverError: if there is no valid response.
        """
        if time.monotonic() >= self._due:
            self.refresh()
        readings = self._read()
        if readings is None:
            self.refresh()
            readings = self._read()
        if readings is None:
            raise exception.ProtocolError(
                device=self._session.device,
                reason='the device was restarted again while it was read',
            )
        return readings

    def _read(self) -> list[measurement.Reading] | None:
        """Return readings, or None if the device was restarted."""
        sent = time.monotonic()
        values = self._reader.request()
        sample = self._make_sample(values, sent)
        if sample.is_after_restart(self._sample):
            return None
        self._sample = sample
        return self._reader.readings(values)

    def _make_sample(
        self,
        values: collections.abc.Mapping[engine.Oid, objects.Value],
        sent: float,
    ) -> restarts.Sample:
        return restarts.Sample(
            values.get(restarts.UPTIME),
            self._session.boots,
            sent,
            time.monotonic(),
        )
