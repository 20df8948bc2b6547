# SPDX-License-Identifier: Apache-2.0

"""Rejection counts of all collectors, kept for energy-meter-status."""

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters

#: Interval between two updates of the database.
INTERVAL_S = 60

#: Counters whose events an operator must know about.
_COUNTERS = (
    'envelopes_rejected',
    'measurements_clamped',
    'measurements_quarantined',
    'measurements_rejected',
)


class Rejections:
    """Adds the counts of one collector to those of all collectors.

    :param counts: counters of this collector.
    """

    def __init__(self, counts: counters.Counters) -> None:
        self._counters = counts
        self._saved: dict[str, float] = {}

    def save(self, engine: sa.Engine) -> None:
        """Add what has been counted since the last call."""
        totals = {
            reason: total
            for reason, total in self._counters.totals().items()
            if reason.startswith(_COUNTERS)
        }
        with engine.begin() as connection:
            for reason, total in sorted(totals.items()):
                increment = int(total - self._saved.get(reason, 0))
                if increment:
                    _add(connection, reason, increment)
        self._saved = totals


def _add(connection: sa.Connection, reason: str, increment: int) -> None:
    table = schema.rejection
    db_now = db_engine.now(connection)
    result = connection.execute(
        table.update()
        .where(table.c.reason == reason)
        .values(count=table.c.count + increment, last_seen_at=db_now)
    )
    if not result.rowcount:
        connection.execute(
            table.insert().values(
                reason=reason, count=increment, last_seen_at=db_now
            )
        )
