# SPDX-License-Identifier: Apache-2.0

"""Rejection counts of all collectors, kept for energy-meter-status."""

import collections
import threading

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters

#: Interval between two updates of the database.
INTERVAL_S = 60

#: Maximum number of rows by agent, whose names may be invented. Rejections of
#: more agents are added up under :data:`OTHERS`.
_MAX_AGENTS = 1000
OTHERS = '(others)'

#: Counters whose events an operator must know about.
_COUNTERS = (
    'envelopes_rejected',
    'measurements_clamped',
    'measurements_quarantined',
)


class Rejections:
    """Adds the counts of one collector to those of all collectors.

    :param counts: counters of this collector.
    """

    def __init__(self, counts: counters.Counters) -> None:
        self._counters = counts
        self._saved: dict[str, float] = {}
        self._lock = threading.Lock()
        self._by_agent: collections.Counter[tuple[str, str]] = (
            collections.Counter()
        )

    def reject(self, reason: str, agent: str, count: int = 1) -> None:
        """Note that verified measurements of an agent were rejected.

        :param reason: an outcome such as ``void``, or ``out_of_range``.
        :param agent: name of the agent.
        """
        with self._lock:
            key = reason, agent
            if (
                key not in self._by_agent
                and len(self._by_agent) >= _MAX_AGENTS
            ):
                key = reason, OTHERS
            self._by_agent[key] += count

    def save(self, engine: sa.Engine) -> None:
        """Add what has been counted since the last call."""
        totals = {
            reason: total
            for reason, total in self._counters.totals().items()
            if reason.startswith(_COUNTERS)
        }
        increments = collections.Counter(
            {
                (reason, ''): int(total - self._saved.get(reason, 0))
                for reason, total in totals.items()
            }
        )
        with self._lock:
            by_agent = self._by_agent.copy()
        with engine.begin() as connection:
            for (reason, agent), count in sorted(
                (increments + by_agent).items()
            ):
                _add(connection, reason, agent, count)
        self._saved = totals
        with self._lock:
            self._by_agent -= by_agent


def _add(
    connection: sa.Connection, reason: str, agent: str, increment: int
) -> None:
    table = schema.rejection
    db_now = db_engine.now(connection)
    result = connection.execute(
        table.update()
        .where(table.c.reason == reason, table.c.agent == agent)
        .values(count=table.c.count + increment, last_seen_at=db_now)
    )
    if result.rowcount:
        return
    agents = sa.select(sa.func.count()).where(
        table.c.agent.not_in(('', OTHERS))
    )
    if agent not in ('', OTHERS) and (
        (connection.scalar(agents) or 0) >= _MAX_AGENTS
    ):
        _add(connection, reason, OTHERS, increment)
    else:
        connection.execute(
            table.insert().values(
                reason=reason,
                agent=agent,
                count=increment,
                last_seen_at=db_now,
            )
        )
