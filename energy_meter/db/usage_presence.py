# SPDX-License-Identifier: Apache-2.0

"""Finds the hosts on which an instance, or a project, was in some time.

Only layouts are read, of which a host has few, so that a project's request
does not attribute the energy of all hosts.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import closed_days
from energy_meter.db import documents
from energy_meter.db import schema
from energy_meter.db import usage_marks

_REGISTER = schema.register
_PROBE = {'probe': documents.TEXT}
#: How far the clock of an agent may be wrong. Whom an agent meters whose
#: clock is worse is known once its days are closed.
_MARGIN_MS = closed_days.DAY_MS


def probes(
    connection: sa.Connection,
    names: collections.abc.Iterable[str],
    start: int,
    until: int,
    instance: str | None,
    project: str | None,
) -> set[str]:
    """Return the probes of usage that had an instance between two dates.

    :param names: IDs of probes to search.
    :param start: date in ms.
    :param instance: UUID of the instance; None for any.
    :param project: ID of its project; None for any.
    """
    layouts: dict[int, set[str]] = {}
    window = start - _MARGIN_MS, until + _MARGIN_MS
    for parameters in documents.parameters((name,) for name in names):
        for table in schema.usage_mark, schema.usage_latest:
            query = _layouts(connection, table, *window)
            for probe, layout in connection.execute(query, parameters):
                layouts.setdefault(layout, set()).add(probe)
    found: set[str] = set()
    for number, layout in usage_marks.load_layouts(
        connection, layouts.keys()
    ).items():
        if any(
            instance in (None, each.uuid) and project in (None, each.project)
            for each in layout.instances
        ):
            found |= layouts[number]
    return found


def _layouts(
    connection: sa.Connection, table: sa.Table, start: int, until: int
) -> sa.Select[typing.Any]:
    """Return the query for the layouts of probes between two dates."""
    received = documents.table(connection, _PROBE)
    opened = sa.func.coalesce(
        _REGISTER.c.pinned_opened,
        _REGISTER.c.first_timestamp - _REGISTER.c.first_elapsed,
    )
    return (
        sa.select(_REGISTER.c.probe, table.c.layout)
        .distinct()
        .select_from(received)
        .join(_REGISTER, _REGISTER.c.probe == received.c.probe)
        .join(
            table,
            sa.and_(
                table.c.register == _REGISTER.c.number,
                table.c.elapsed >= start - opened,
                table.c.elapsed <= until - opened,
            ),
        )
    )
