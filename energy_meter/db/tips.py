# SPDX-License-Identifier: Apache-2.0

"""Probes joined with their tips, and their energy."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import schema

_PROBE, _REGISTER = schema.probe, schema.register

IS_TIP = _REGISTER.c.number == _PROBE.c.tip
#: Condition that a probe has energy, not CPU time.
HAS_ENERGY = _PROBE.c.quantity == schema.Quantity.ENERGY

#: The probes, each with its tip if it has one.
PROBES = _PROBE.outerjoin(_REGISTER, IS_TIP)


def _sum(
    base: sa.ColumnElement[int], tip: sa.ColumnElement[int]
) -> sa.ColumnElement[int]:
    return base + sa.func.coalesce(tip, 0)


#: Energy in mJ that a probe of :data:`PROBES` is billed for, and its metered
#: and elapsed time in ms.
MILLIJOULES = _sum(_PROBE.c.base_millijoules, _REGISTER.c.millijoules)
METERED = _sum(_PROBE.c.base_metered, _REGISTER.c.metered)
ELAPSED = _sum(_PROBE.c.base_elapsed, _REGISTER.c.elapsed)
#: Energy in mJ that it shows.
SHOWN = sa.case(
    (_PROBE.c.shown < MILLIJOULES, MILLIJOULES), else_=_PROBE.c.shown
)

#: Number of probes in one statement.
_CHUNK = 1000


def shown(
    connection: sa.Connection, probes: collections.abc.Iterable[str]
) -> dict[str, int]:
    """Return the energy in mJ that probes show; unknown ones are missing."""
    names = sorted(probes)
    energies: dict[str, int] = {}
    for start in range(0, len(names), _CHUNK):
        query = (
            sa.select(_PROBE.c.id, SHOWN)
            .select_from(PROBES)
            .where(_PROBE.c.id.in_(names[start : start + _CHUNK]))
        )
        energies.update(row.tuple() for row in connection.execute(query))
    return energies


def of_cpu_time(connection: sa.Connection) -> set[str]:
    """Return the IDs of the probes that measure CPU time."""
    return {*connection.scalars(sa.select(_PROBE.c.id).where(~HAS_ENERGY))}
