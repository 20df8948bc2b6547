# SPDX-License-Identifier: Apache-2.0


"""Rack PDUs and other meters that talk SNMP.

What a family of devices looks like is data, not code: see
:mod:`energy_meter.drivers.snmp.profile`.
"""

import collections.abc
import dataclasses
import typing

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.snmp import options
from energy_meter.drivers.snmp import outlet
from energy_meter.drivers.snmp import profile
from energy_meter.drivers.snmp import reader
from energy_meter.drivers.snmp import session


class SNMP(base.PolledDriver):
    """One table of a device: its outlets, say, or its inlets."""

    opts = options.OPTS
    scope = 'outlet'

    _session: session.Session | None = None
    _reader: reader.Reader | None = None
    _outlets: collections.abc.Sequence[outlet.Outlet] = ()

    def open(self) -> None:
        table = self._table()
        self._session = session.Session(
            self.options.host,
            self.options.port,
            options.credentials(self.options),
            self.options.context,
            self.options.timeout,
            self.options.retries,
        )
        self._session.open()
        self._outlets = outlet.find(self._session, table)
        chosen = outlet.choose(self._outlets, self.options.outlets or ())
        self._reader = reader.Reader(
            self._session,
            table,
            outlet.assign(self.probes, chosen),
            self._outlets,
        )

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = self._reader = None

    @classmethod
    def scope_of(cls, chosen: typing.Any) -> str:
        return options.table(chosen).scope

    def outlets(self) -> collections.abc.Sequence[base.Outlet]:
        return [
            base.Outlet(item.index, item.name)
            for item in self._outlets
            if item.shown
        ]

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        if self._reader is None:
            raise exception.DriverError(reason='the driver is not open')
        return self._reader.read()

    def _table(self) -> profile.Table:
        """Give the table to be read, without columns that nobody needs."""
        table = options.table(self.options)
        columns = dict(table.columns)
        if self.options.energy == 'integrate' and 'watts' in columns:
            columns.pop('energy', None)
        return dataclasses.replace(table, columns=columns)
