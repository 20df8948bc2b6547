# SPDX-License-Identifier: Apache-2.0

"""Folding of old registers into their probes."""

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: Seconds between two foldings.
INTERVAL = 3600
#: Seconds until it is tried again after a failure.
RETRY = 10

_DAY = 86_400


def fold(connection: sa.Connection, after_days: float) -> int:
    """Forget registers that ended long ago.

    Their energy stays: it is in the probe's total. A floor stays too, below
    which words of an agent are refused, so that no replay counts again.

    :returns: how many were folded.
    """
    table = schema.register
    old = table.c.heard_at < db_engine.clock() - after_days * _DAY
    rows = connection.execute(
        sa.select(
            table.c.probe, table.c.agent, sa.func.max(table.c.incarnation)
        )
        .where(old)
        .group_by(table.c.probe, table.c.agent)
        .order_by(table.c.probe, table.c.agent)
    ).all()
    folded = 0
    for probe, agent, incarnation in rows:
        raise_floor(connection, probe, agent, incarnation)
        result = connection.execute(
            table.delete().where(
                table.c.probe == probe,
                table.c.agent == agent,
                table.c.incarnation <= incarnation,
                old,
            )
        )
        folded += result.rowcount
    return folded


def raise_floor(
    connection: sa.Connection, probe: str, agent: str, incarnation: int
) -> None:
    """Refuse an agent's words of a probe up to an incarnation."""
    table = schema.floor
    this = sa.and_(table.c.probe == probe, table.c.agent == agent)
    known = connection.scalar(
        sa.select(table.c.incarnation).where(this).with_for_update()
    )
    if known is None:
        connection.execute(
            table.insert().values(
                probe=probe, agent=agent, incarnation=incarnation
            )
        )
    elif known < incarnation:
        connection.execute(
            table.update().where(this).values(incarnation=incarnation)
        )
