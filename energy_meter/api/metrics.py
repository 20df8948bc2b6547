# SPDX-License-Identifier: Apache-2.0

"""Controller of ``/metrics``: probes for Prometheus."""

import collections.abc
import itertools

import pecan
import webob

from energy_meter import totals
from energy_meter.api import database as api_database
from energy_meter.api import exposition
from energy_meter.db import probes
from energy_meter.db import sums
from energy_meter.policies import probes as policies
from energy_meter.web import access
from energy_meter.web import router


class Metrics:
    """Metrics of the probes updated within the last ``ttl`` seconds.

    :param scope_precedence: see :func:`energy_meter.totals.select`.
    """

    def __init__(
        self,
        database: api_database.Database,
        ttl: float,
        scope_precedence: collections.abc.Sequence[str],
        authorize: access.Authorize,
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._scope_precedence = scope_precedence
        self._authorize = authorize

    @pecan.expose()
    def show(self) -> webob.Response:
        """Return the metrics of all probes."""
        environ = pecan.request.environ
        self._authorize(environ, policies.LIST)
        with self._database.connect() as connection:
            states = {
                state.id: state
                for state in itertools.chain(
                    sums.list_states(connection, self._ttl),
                    probes.list_states(connection, self._ttl),
                )
            }.values()
        body, content_type = exposition.render(
            states,
            totals.select(
                [
                    totals.Candidate(
                        state.id, state.host, state.scope, state.parts
                    )
                    for state in states
                ],
                self._scope_precedence,
            ),
            environ[router.ACCEPT],
        )
        return webob.Response(
            body=body,
            headers={
                'Content-Type': content_type,
                'Cache-Control': 'no-store',
            },
        )
