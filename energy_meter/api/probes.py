# SPDX-License-Identifier: Apache-2.0

"""Controllers of probes, with the JSON documents of the Kwapi API."""

import collections.abc
import typing

import orjson
import pecan
import webob
from wsme import exc as wsme_exc

from energy_meter.api import arguments
from energy_meter.api import database as api_database
from energy_meter.db import memberships
from energy_meter.db import probes
from energy_meter.db import states
from energy_meter.policies import probes as policies
from energy_meter.web import access
from energy_meter.web import conditional


class Probes:
    """Controllers of the probes updated within the last ``ttl`` seconds."""

    def __init__(
        self,
        database: api_database.Database,
        ttl: float,
        authorize: access.Authorize,
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._authorize = authorize

    @arguments.expose()
    def list_ids(self) -> webob.Response:
        """Return the ids of all probes."""
        self._authorize(pecan.request.environ, policies.LIST)
        with self._database.connect() as connection:
            ids = states.list_ids(connection, self._ttl)
        return _answer(ids, lambda: {'probe_ids': ids})

    @arguments.expose()
    def list(self) -> webob.Response:
        """Return all probes."""
        self._authorize(pecan.request.environ, policies.LIST)
        with self._database.connect() as connection:
            # Read before the probes: a change in between then invalidates
            # the client's copy at the next request.
            fingerprint = probes.fingerprint(
                connection, self._ttl
            ) + memberships.fingerprint(connection)
            return _answer(
                fingerprint,
                lambda: {
                    'probes': {
                        state.id: _fields(state)
                        for state in states.list_states(connection, self._ttl)
                    }
                },
            )

    @arguments.expose(arguments.ProbeId())
    def show(self, probe: str) -> webob.Response:
        """Return one probe."""
        fields = self._get(probe)
        return _answer(fields, lambda: {probe: fields})

    @arguments.expose(arguments.ProbeId(), str)
    def show_meter(self, probe: str, meter: str) -> webob.Response:
        """Return one meter of a probe."""
        fields = self._get(probe)
        if meter not in _METERS:
            raise wsme_exc.ClientSideError(
                f'Meter {meter} not found: expected one of '
                f'{", ".join(_METERS)}.',
                404,
            )
        return _answer(fields[meter], lambda: {probe: {meter: fields[meter]}})

    def _get(self, probe: str) -> dict[str, typing.Any]:
        self._authorize(pecan.request.environ, policies.SHOW)
        with self._database.connect() as connection:
            state = states.get_state(connection, probe, self._ttl)
        if state is None:
            raise wsme_exc.ClientSideError(
                f'Probe {probe} not found: no update within the last '
                f'{self._ttl:g} seconds.',
                404,
            )
        return _fields(state)


_METERS = ('timestamp', 'kwh', 'w')


def _fields(state: probes.ProbeState) -> dict[str, typing.Any]:
    fields: dict[str, typing.Any] = {
        'timestamp': state.timestamp,
        'kwh': state.kwh,
        'w': state.watts,
        'scope': state.scope,
        'host': state.host,
        'wattmeter': state.wattmeter,
        'coverage': state.coverage,
        'project_id': state.project_id,
        'alarms': state.alarms,
    }
    if state.parts:
        fields['parts'] = state.parts
    if state.ahead:
        fields['kwh_ahead'] = state.ahead / probes.MILLIJOULES_PER_KWH
    return fields


def _answer(
    fingerprint: object,
    document: collections.abc.Callable[[], object],
) -> webob.Response:
    return conditional.answer(
        fingerprint, 'application/json', lambda: orjson.dumps(document())
    )
