# SPDX-License-Identifier: Apache-2.0

"""Probes with energy in the database of the API."""

import random

import sqlalchemy as sa

from energy_meter.billing import profile
from energy_meter.db import closed_days
from energy_meter.db import schema
from energy_meter.tests.unit.collector import agents
from energy_meter.tests.unit.collector import databases

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
#: 2023-11-15T00:00:00Z
MIDNIGHT = 1_700_006_400_000


def meter(
    engine: sa.Engine,
    probe: str,
    watts: int = 1000,
    since: int = MIDNIGHT,
    hours: int = 48,
) -> None:
    """Meter a probe with a constant power, and settle it."""
    agent = agents.Agent(probe, f'agent-{probe}', 1000 * watts)
    agent.start(random.Random(probe), since)
    end = since + hours * HOUR_MS
    databases.deliver(engine, agent.measure(end), end)
    databases.settle(engine, end)


def close(
    engine: sa.Engine,
    probe: str,
    days: int = 2,
    watts: int = 1000,
    version: int = 1,
    closed_at: int = 0,
) -> None:
    """Close the first days of a probe with a constant power.

    :param closed_at: in ms; 0 for 26 h after the beginning of each day.
    """
    first = MIDNIGHT // DAY_MS
    with engine.begin() as connection:
        for day in range(first, first + days):
            edges = tuple(
                profile.Edge(day * DAY_MS + time, time * watts, time, 0)
                for time in range(0, DAY_MS + 1, closed_days.INTERVAL_MS)
            )
            closed_days.insert(
                connection,
                [
                    closed_days.ClosedDay(
                        probe,
                        day,
                        version,
                        closed_at or day * DAY_MS + 26 * HOUR_MS,
                        True,
                        'closed',
                        '',
                        edges,
                        (profile.Clock(0),) * 96,
                    )
                ],
            )
        connection.execute(
            schema.probe.update()
            .where(schema.probe.c.id == probe)
            .values(closed_until=(first + days) * DAY_MS)
        )
