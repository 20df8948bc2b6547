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
from energy_meter.api import listing
from energy_meter.api import probe_documents
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
        self._listing = listing.Listing(ttl)
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
            state = self._listing.state(connection)
            return conditional.answer(
                state.fingerprint,
                'application/json',
                lambda: self._listing.document(connection, state),
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
        return probe_documents.fields(state)


_METERS = ('timestamp', 'kwh', 'w')


def _answer(
    fingerprint: object,
    document: collections.abc.Callable[[], object],
) -> webob.Response:
    return conditional.answer(
        fingerprint, 'application/json', lambda: orjson.dumps(document())
    )
