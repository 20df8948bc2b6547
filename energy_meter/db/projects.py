# SPDX-License-Identifier: Apache-2.0

"""Which project pays for which probe."""

import collections.abc

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

_TABLE = schema.probe_project


def configure(
    connection: sa.Connection, wanted: collections.abc.Mapping[str, str]
) -> None:
    """Have exactly these projects.

    :param wanted: ids of projects by probe.
    """
    known: dict[str, str] = {
        probe: project
        for probe, project in connection.execute(
            sa.select(_TABLE.c.probe, _TABLE.c.project_id).with_for_update()
        )
    }
    changed = dict(wanted.items() - known.items())
    gone = known.keys() - wanted.keys() | known.keys() & changed.keys()
    for probe in sorted(gone):
        connection.execute(_TABLE.delete().where(_TABLE.c.probe == probe))
    now = db_engine.now(connection)
    for probe, project in sorted(changed.items()):
        connection.execute(
            _TABLE.insert().values(probe=probe, project_id=project, since=now)
        )


def fingerprint(connection: sa.Connection) -> tuple[object, ...]:
    """Give a value that differs whenever a probe has another project."""
    return tuple(
        connection.execute(
            sa.select(
                sa.func.count(), sa.func.sum(_TABLE.c.since)
            ).select_from(_TABLE)
        ).one()
    )
