# SPDX-License-Identifier: Apache-2.0

"""Controller of ``/metrics``: probes for Prometheus."""

import collections.abc

import pecan
import webob

from energy_meter import totals
from energy_meter.api import database as api_database
from energy_meter.api import exposition
from energy_meter.db import states
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
            metered = list(states.list_states(connection, self._ttl))
        body, content_type = exposition.render(
            metered,
            totals.select(
                [
                    totals.Candidate(
                        state.id, state.host, state.scope, state.parts
                    )
                    for state in metered
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
