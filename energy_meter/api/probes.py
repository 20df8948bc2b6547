# SPDX-License-Identifier: Apache-2.0

"""Probes, in the shapes that Kwapi gave them."""

import collections.abc
import functools
import itertools
import typing

import orjson
import pecan
import webob
import wsme
from wsme import exc as wsme_exc
from wsme import types
from wsme.rest import args as wsme_args

from energy_meter.api import database as api_database
from energy_meter.db import probes
from energy_meter.db import projects
from energy_meter.db import sums
from energy_meter.policies import probes as policies
from energy_meter.web import access
from energy_meter.web import conditional

_LONGEST_ID = 190


class ProbeId(types.UserType):
    """The id of a probe, as the collector lets them in."""

    basetype = str
    name = 'probe id'

    @staticmethod
    def validate(value: str) -> str:
        if len(value) > _LONGEST_ID or not value.isprintable():
            raise ValueError(
                f'expected 1 to {_LONGEST_ID} printable characters'
            )
        return value

    frombasetype = validate


def _expose(
    *argument_types: types.UserType,
) -> collections.abc.Callable[[typing.Any], typing.Any]:
    """Let Pecan call a method, and WSME check its arguments.

    The method gives the response itself: WSME takes too long for large
    documents.
    """

    def decorate(method: typing.Any) -> typing.Any:
        wsme.signature(None, *argument_types)(method)
        definition = wsme.api.FunctionDefinition.get(method)

        @functools.wraps(method)
        def check(self: object, *given: str) -> webob.Response:
            checked, _ = wsme_args.args_from_args(definition, given, {})
            return method(self, *checked)

        return pecan.expose(content_type='application/json')(check)

    return decorate


class Probes:
    """Reads the probes that had news within the last ``ttl`` seconds."""

    def __init__(
        self,
        database: api_database.Database,
        ttl: float,
        authorize: access.Authorize,
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._authorize = authorize

    @_expose()
    def list_ids(self) -> webob.Response:
        self._authorize(pecan.request.environ, policies.LIST)
        with self._database.connect() as connection:
            found = sorted(
                {
                    *probes.list_ids(connection, self._ttl),
                    *(
                        state.id
                        for state in sums.list_states(connection, self._ttl)
                    ),
                }
            )
        return _answer(found, lambda: {'probe_ids': found})

    @_expose()
    def list(self) -> webob.Response:
        self._authorize(pecan.request.environ, policies.LIST)
        with self._database.connect() as connection:
            # Before the probes: changes in between then show next time.
            fingerprint = (
                probes.fingerprint(connection, self._ttl)
                + sums.fingerprint(connection)
                + projects.fingerprint(connection)
            )
            return _answer(
                fingerprint,
                lambda: {
                    'probes': {
                        state.id: _fields(state)
                        for state in itertools.chain(
                            sums.list_states(connection, self._ttl),
                            probes.list_states(connection, self._ttl),
                        )
                    }
                },
            )

    @_expose(ProbeId())
    def show(self, probe: str) -> webob.Response:
        fields = self._get(probe)
        return _answer(fields, lambda: {probe: fields})

    @_expose(ProbeId(), str)
    def show_meter(self, probe: str, meter: str) -> webob.Response:
        fields = self._get(probe)
        if meter not in _METERS:
            raise wsme_exc.ClientSideError(
                f'A probe has no meter {meter}, only {", ".join(_METERS)}.',
                404,
            )
        return _answer(fields[meter], lambda: {probe: {meter: fields[meter]}})

    def _get(self, probe: str) -> dict[str, typing.Any]:
        self._authorize(pecan.request.environ, policies.SHOW)
        with self._database.connect() as connection:
            state = probes.get_state(
                connection, probe, self._ttl
            ) or sums.get_state(connection, probe, self._ttl)
        if state is None:
            raise wsme_exc.ClientSideError(
                f'There is no probe {probe} that had news within the last '
                f'{self._ttl:g} seconds.',
                404,
            )
        return _fields(state)


_METERS = ('timestamp', 'kwh', 'w')


def _fields(state: probes.ProbeState) -> dict[str, typing.Any]:
    fields = {
        'timestamp': state.timestamp,
        'kwh': state.kwh,
        'w': state.watts,
        'scope': state.scope,
        'host': state.host,
        'wattmeter': state.wattmeter,
        'coverage': state.coverage,
        'project_id': state.project_id,
    }
    return fields | {'parts': state.parts} if state.parts else fields


def _answer(
    shown: object,
    document: collections.abc.Callable[[], object],
) -> webob.Response:
    return conditional.answer(
        shown, 'application/json', lambda: orjson.dumps(document())
    )
