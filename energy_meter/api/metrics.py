# SPDX-License-Identifier: Apache-2.0

"""What probes show, for Prometheus."""

import collections.abc
import itertools

import pecan
import webob

from energy_meter.api import database as api_database
from energy_meter.api import exposition
from energy_meter.api import totals
from energy_meter.db import probes
from energy_meter.db import sums
from energy_meter.policies import probes as policies
from energy_meter.web import access
from energy_meter.web import router


class Metrics:
    """Shows the probes that had news within the last ``ttl`` seconds.

    :param scopes: which of a host's probes make up the sum of all power, as
        :func:`energy_meter.api.totals.counted` takes them.
    """

    def __init__(
        self,
        database: api_database.Database,
        ttl: float,
        scopes: collections.abc.Sequence[str],
        authorize: access.Authorize,
    ) -> None:
        self._database = database
        self._ttl = ttl
        self._scopes = scopes
        self._authorize = authorize

    @pecan.expose()
    def show(self) -> webob.Response:
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
            totals.counted(states, self._scopes),
            environ[router.ACCEPT],
        )
        return webob.Response(
            body=body,
            headers={
                'Content-Type': content_type,
                'Cache-Control': 'no-store',
            },
        )
