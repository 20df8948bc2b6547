# SPDX-License-Identifier: Apache-2.0

"""Controller of ``/metrics/energy``: this month's closed days for Prometheus.

The names are those of the draft SCS-0414 where it has one: gauges in kWh.
"""

import collections
import collections.abc
import threading
import time
import typing

import pecan
import sqlalchemy as sa
import webob

from energy_meter import totals
from energy_meter.api import database as api_database
from energy_meter.api import exposition
from energy_meter.api import periods
from energy_meter.api import views
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.db import engine as db_engine
from energy_meter.db import instance_days
from energy_meter.db import instances
from energy_meter.db import probes
from energy_meter.db import states
from energy_meter.policies import instances as policies
from energy_meter.web import access
from energy_meter.web import router

#: Time in seconds for which an answer is used: days are closed once a day.
_CACHE_S = 300.0
#: More than any cloud has: a gauge must not miss one of them.
_NO_LIMIT = 2**31

_Labels = dict[str, str]
_Sample = tuple[_Labels, float]


class MonthMetrics:
    """Energy of devices, projects and instances in this month.

    :param scope_precedence: see :func:`energy_meter.totals.select`.
    :param datacenter: of all devices.
    """

    def __init__(
        self,
        database: api_database.Database,
        scope_precedence: collections.abc.Sequence[str],
        datacenter: str,
        authorize: access.Authorize,
    ) -> None:
        self._database = database
        self._scope_precedence = scope_precedence
        self._datacenter = datacenter
        self._authorize = authorize
        self._lock = threading.Lock()
        self._expires = 0.0
        self._families: list[exposition.Gauge] = []

    @pecan.expose()
    def show(self) -> webob.Response:
        """Return the metrics."""
        environ = pecan.request.environ
        self._authorize(environ, policies.LIST_ALL)
        # Others wait for the first one instead of reading the same.
        with self._lock:
            if time.monotonic() >= self._expires:
                with self._database.snapshot() as connection:
                    self._families = [*self._read(connection)]
                self._expires = time.monotonic() + _CACHE_S
            families = self._families
        body, content_type = exposition.render_gauges(
            families, environ[router.ACCEPT]
        )
        return webob.Response(
            body=body,
            headers={
                'Content-Type': content_type,
                'Cache-Control': 'no-store',
            },
        )

    def _read(
        self, connection: sa.Connection
    ) -> collections.abc.Iterator[exposition.Gauge]:
        now = db_engine.now(connection)
        month = _month(now)
        yield exposition.Gauge(
            'sustainability_device_energy_kwh',
            'Energy of a device on the closed days of this month',
            self._devices(connection, month, (now - month.start) / 1000),
        )
        yield exposition.Gauge(
            'sustainability_tenant_energy_kwh',
            'Energy of the instances of a project on the closed days of this '
            'month',
            [
                (
                    {
                        'project_id': each.id,
                        'project_name': each.project_name,
                    },
                    _kwh(each.total.part.millijoules),
                )
                for each in _instances(connection, month, is_by_project=True)
            ],
        )
        yield exposition.Gauge(
            'energy_meter_instance_energy_kwh',
            'Energy of an instance on the closed days of this month',
            [*_instance_samples(connection, month)],
        )

    def _devices(
        self, connection: sa.Connection, month: energies.Period, ttl: float
    ) -> list[_Sample]:
        """Return the energy of hosts, each of the probes that represent it.

        :param ttl: time in seconds since the month began.
        """
        metered = {
            state.id: state for state in states.list_states(connection, ttl)
        }
        chosen = totals.select(
            [
                totals.Candidate(
                    state.id,
                    state.host,
                    state.scope,
                    state.parts,
                    state.timestamp,
                )
                for state in metered.values()
            ],
            self._scope_precedence,
        )
        owners = {
            part: (metered[name].scope, metered[name].host)
            for name in chosen
            for part in metered[name].parts or [name]
        }
        sums: collections.Counter[tuple[str, str]] = collections.Counter()
        for (probe, _), day in closed_days.totals(
            connection,
            [*owners],
            month.start // closed_days.DAY_MS,
            month.end // closed_days.DAY_MS,
        ).items():
            sums[owners[probe]] += day.millijoules
        return [
            (
                {
                    'datacenter': self._datacenter,
                    'component': scope,
                    'device': host,
                },
                _kwh(millijoules),
            )
            for (scope, host), millijoules in sorted(sums.items())
        ]


def _month(now: int) -> energies.Period:
    """Return the days of this month that are over."""
    request = periods.parse({}, views.closed_until(now))
    edges = [request.start, request.end]
    return energies.Period(request.start, request.end, edges, None)


def _instances(
    connection: sa.Connection,
    month: energies.Period,
    **chosen: typing.Any,
) -> list[instances.Answer]:
    """Return instances or projects, without days that are not closed."""
    return instances.read(
        connection, instance_days.Filter(**chosen), month, [], _NO_LIMIT
    )[0]


def _instance_samples(
    connection: sa.Connection, month: energies.Period
) -> collections.abc.Iterator[_Sample]:
    for each in _instances(connection, month):
        assert each.identity is not None, 'it is an instance'
        labels = {
            'instance_id': each.id,
            'name': each.identity.name,
            'project_id': each.identity.project,
        }
        yield labels, _kwh(each.total.part.millijoules)


def _kwh(millijoules: int) -> float:
    return millijoules / probes.MILLIJOULES_PER_KWH
