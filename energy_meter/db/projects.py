# SPDX-License-Identifier: Apache-2.0

"""Projects that are billed for probes."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

_TABLE = schema.probe_project


def configure(
    connection: sa.Connection, configured: collections.abc.Mapping[str, str]
) -> None:
    """Replace the projects of all probes.

    A project that stays the same keeps its ``since``.

    :param configured: ids of projects, by probe.
    """
    stored: dict[str, str] = {
        probe: project
        for probe, project in connection.execute(
            sa.select(_TABLE.c.probe, _TABLE.c.project_id).with_for_update()
        )
    }
    changed = dict(configured.items() - stored.items())
    removed = stored.keys() - configured.keys()
    for probe in sorted(removed | stored.keys() & changed.keys()):
        connection.execute(_TABLE.delete().where(_TABLE.c.probe == probe))
    db_now = db_engine.now(connection)
    for probe, project in sorted(changed.items()):
        connection.execute(
            _TABLE.insert().values(
                probe=probe, project_id=project, since=db_now
            )
        )


def fingerprint(connection: sa.Connection) -> tuple[object, ...]:
    """Return a value that changes whenever a probe's project changes."""
    return tuple(
        connection.execute(
            sa.select(
                sa.func.count(), sa.func.sum(_TABLE.c.since)
            ).select_from(_TABLE)
        ).one()
    )
