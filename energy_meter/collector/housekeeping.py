# SPDX-License-Identifier: Apache-2.0

"""Folding of old registers into their probes."""

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema

#: Interval between two runs.
INTERVAL_S = 3600
#: Time after which a failed run is retried.
RETRY_INTERVAL_S = 10

_DAY_S = 86_400


def fold(connection: sa.Connection, after_days: float) -> int:
    """Delete registers that have not been updated for a long time.

    Their energy remains in the total of their probe. A floor remains as well:
    measurements of the agent's incarnations up to it are rejected, so that a
    replayed message is not billed again.

    :param after_days: age in days of a register's last update.
    :returns: the number of folded registers.
    """
    table = schema.register
    old = table.c.last_seen_at < db_engine.clock() - after_days * _DAY_S
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
    """Reject measurements of a probe up to an agent's incarnation."""
    table = schema.floor
    this = sa.and_(table.c.probe == probe, table.c.agent == agent)
    previous = connection.scalar(
        sa.select(table.c.incarnation).where(this).with_for_update()
    )
    if previous is None:
        connection.execute(
            table.insert().values(
                probe=probe, agent=agent, incarnation=incarnation
            )
        )
    elif previous < incarnation:
        connection.execute(
            table.update().where(this).values(incarnation=incarnation)
        )
