# SPDX-License-Identifier: Apache-2.0

"""Driver for rack PDUs and other SNMP devices.

Device families are described by data files, not code: see
:mod:`energy_meter.drivers.snmp.profile`.
"""

import collections.abc
import dataclasses
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.snmp import listing
from energy_meter.drivers.snmp import options
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import session


class SNMP(base.Driver):
    """Driver for one table of a device, for example its outlets or inlets."""

    opts = options.OPTS
    scope = 'outlet'

    _session: session.Session | None = None
    _listing: listing.Listing | None = None

    def open(self) -> None:
        table = self._table()
        self._session = session.Session(
            self.options.host,
            self.options.port,
            options.credentials(self.options),
            self.options.context,
            self.options.timeout,
            self.options.retries,
            self.options.engine,
        )
        self._session.open()
        self._listing = listing.Listing(
            self._session, table, self.probes, self.options.channels or ()
        )

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = self._listing = None

    def abort(self) -> None:
        session = self._session
        if session is not None:
            session.abort()

    @classmethod
    def scope_of(cls, chosen: typing.Any) -> str:
        return options.table(chosen).scope

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return [] if self._listing is None else self._listing.channels()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        if self._listing is None:
            raise exception.DriverError(reason='the driver is not open')
        return self._listing.read()

    def _table(self) -> profile.Table:
        """Return the table to read, without columns that are not needed."""
        table = options.table(self.options)
        columns = dict(table.columns)
        if self.options.energy == 'integrate' and 'watts' in columns:
            columns.pop('energy', None)
        return dataclasses.replace(table, columns=columns)
