# SPDX-License-Identifier: Apache-2.0

"""States of all probes and sums, by name.

A sum that is configured hides a probe of its name, even if no part of the sum
was updated: clients would otherwise take the energy of one probe for that of
the sum.
"""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.db import sums

_SUMS = sa.select(schema.sum_probe.c.id)


def list_ids(connection: sa.Connection, ttl: float) -> list[str]:
    """Return the ids of all updated within ``ttl`` seconds, sorted."""
    metered = set(probes.list_ids(connection, ttl))
    metered.difference_update(connection.scalars(_SUMS))
    return sorted(
        metered.union(state.id for state in sums.list_states(connection, ttl))
    )


def list_states(
    connection: sa.Connection, ttl: float
) -> collections.abc.Iterator[probes.ProbeState]:
    """Return all updated within ``ttl`` seconds, sums first, sorted by id."""
    yield from sums.list_states(connection, ttl)
    hidden = set(connection.scalars(_SUMS))
    for state in probes.list_states(connection, ttl):
        if state.id not in hidden:
            yield state


def get_state(
    connection: sa.Connection, name: str, ttl: float
) -> probes.ProbeState | None:
    """Return a sum or a probe; None if not updated within ``ttl`` seconds."""
    if connection.scalar(_SUMS.where(schema.sum_probe.c.id == name)):
        return sums.get_state(connection, name, ttl)
    return probes.get_state(connection, name, ttl)
