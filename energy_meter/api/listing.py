# SPDX-License-Identifier: Apache-2.0

"""The document of all probes, kept as long as nothing changes.

Between two batches of the collectors, a request costs one query.
"""

import typing

import orjson
import sqlalchemy as sa

from energy_meter.api import probe_documents
from energy_meter.db import data_version
from energy_meter.db import memberships
from energy_meter.db import probes
from energy_meter.db import states


class State(typing.NamedTuple):
    """State of all probes.

    :ivar version: of the data, read before the rest.
    :ivar body: the document, as JSON; None if it is not kept.
    """

    version: data_version.DataVersion
    probes: probes.Fingerprint
    members: tuple[object, ...]
    body: bytes | None = None

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Return a value that changes whenever the document does."""
        return *self.probes.values, *self.members

    def holds(self, version: data_version.DataVersion) -> bool:
        """Return whether nothing has changed, and no probe has expired."""
        expires_at = self.probes.expires_at
        return (
            version.name is not None
            and version.name == self.version.name
            and self.version.db_now <= version.db_now
            and (expires_at is None or version.db_now < expires_at)
        )


class Listing:
    """The probes updated within the last ``ttl`` seconds."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._kept: State | None = None

    def state(self, connection: sa.Connection) -> State:
        """Return the state of all probes."""
        version = data_version.read(connection)
        kept = self._kept
        if kept is None or not kept.holds(version):
            # Read before the probes: a change in between then invalidates
            # the client's copy at the next request.
            kept = self._kept = State(
                version,
                probes.fingerprint(connection, self._ttl),
                memberships.fingerprint(connection),
            )
        return kept

    def document(self, connection: sa.Connection, state: State) -> bytes:
        """Return the document as JSON.

        :param state: that of now.
        """
        if state.body is not None:
            return state.body
        body = orjson.dumps(
            {
                'probes': {
                    each.id: probe_documents.fields(each)
                    for each in states.list_states(connection, self._ttl)
                }
            }
        )
        self._kept = state._replace(body=body)
        return body
