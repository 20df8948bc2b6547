# SPDX-License-Identifier: Apache-2.0

"""Writes a fleet of which most days are closed, without its measurements."""

import logging
import random

import sqlalchemy as sa

from energy_meter.billing import profile
from energy_meter.db import closed_days
from energy_meter.db import day_packing
from energy_meter.db import documents
from energy_meter.db import engine as db_engine
from energy_meter.db import marks
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.tests import rows

LOG = logging.getLogger(__name__)

DAY_MS = closed_days.DAY_MS
PROJECT = 'project'
#: By default the last days are open, and have marks.
OPEN_DAYS = 2
#: Number of different days; all days of the fleet are among them.
_PATTERNS = 100
_CHUNK = 5000

_SLOT = {'slot': documents.INTEGER}


def load(
    engine: sa.Engine,
    count: int,
    length: int,
    billed: int,
    open_days: int = OPEN_DAYS,
) -> int:
    """Write a fleet, and return the number of its first day.

    :param count: number of probes.
    :param length: number of days until the last midnight.
    :param billed: number of probes that are billed to :data:`PROJECT`.
    :param open_days: number of the last days, which have marks.
    """
    with engine.connect() as connection:
        db_now = db_engine.now(connection)
    first = db_now // DAY_MS - length
    closed = length - open_days
    with engine.begin() as connection:
        LOG.info('Loading %d probes', count)
        _insert(connection, schema.register, registers(first, count, length))
        _insert(connection, schema.probe, probes(first + closed, count))
        _insert(connection, schema.membership, members(min(billed, count)))
        LOG.info('Loading marks of %d days', open_days)
        add_marks(connection, first + closed, first + length)
        patterns = make_patterns()
        for day in range(first, first + closed):
            LOG.info('Loading day %d of %d', day - first + 1, closed)
            _insert(
                connection,
                schema.closed_day,
                days(day, patterns, count),
            )
    return first


def _insert(
    connection: sa.Connection,
    destination: sa.Table,
    values: list[dict[str, object]],
) -> None:
    for start in range(0, len(values), _CHUNK):
        connection.execute(
            destination.insert(), values[start : start + _CHUNK]
        )


def registers(first: int, count: int, length: int) -> list[dict[str, object]]:
    """Return a register of each probe, opened at the first midnight."""
    opened, elapsed = first * DAY_MS, length * DAY_MS
    lags = dict.fromkeys((f'lag{each}' for each in range(5)), opened + 200)
    return [
        rows.REGISTER
        | lags
        | {
            'number': number,
            'probe': f'probe-{number:05}',
            'register': f'{number:016x}',
            'first_timestamp': opened,
            'elapsed': elapsed,
            'millijoules': elapsed * 100,
            'metered': elapsed,
            'live_elapsed': elapsed,
            'timestamp': opened + elapsed,
            'last_seen_at': opened + elapsed,
            'host': f'node-{number:05}',
            'opened': opened,
        }
        for number in range(count)
    ]


def probes(closed_until: int, count: int) -> list[dict[str, object]]:
    """Return the probes, closed until a day."""
    return [
        {
            **rows.PROBE,
            'id': f'probe-{number:05}',
            'tip': number,
            'closed_until': closed_until * DAY_MS,
        }
        for number in range(count)
    ]


def members(count: int) -> list[dict[str, object]]:
    """Return the spans of probes that are billed to a project."""
    return [
        {
            'member': f'probe-{number:05}',
            'kind': memberships.Kind.PROJECT,
            'whole': PROJECT,
            'since': 0,
            'joined_shown': 0,
        }
        for number in range(count)
    ]


def add_marks(connection: sa.Connection, first: int, until: int) -> None:
    """Write the marks of all registers on some days, at 100 W."""
    received = documents.table(connection, _SLOT)
    register = schema.register.c
    elapsed = received.c.slot * marks.SLOT_MS - register.opened
    query = sa.select(
        received.c.slot, register.number, elapsed, elapsed * 100, elapsed
    ).join_from(received, schema.register, sa.true())
    slots = range(
        first * DAY_MS // marks.SLOT_MS, until * DAY_MS // marks.SLOT_MS
    )
    connection.execute(
        schema.mark.insert().from_select(
            [column.name for column in schema.mark.columns], query
        ),
        documents.pack((slot,) for slot in slots),
    )


def make_patterns() -> list[dict[str, object]]:
    """Return the columns of days of servers of 200 to 400 W."""
    generator = random.Random(0)
    found: list[dict[str, object]] = []
    for _ in range(_PATTERNS):
        energy = 0
        edges = []
        for metered in range(0, DAY_MS + 1, closed_days.INTERVAL_MS):
            edges.append(profile.Edge(metered, energy, metered, 0))
            watts = generator.uniform(200, 400)
            energy += int(closed_days.INTERVAL_MS * watts)
        found.append(
            {
                'millijoules': edges[-1].millijoules,
                'packed': day_packing.pack(edges, [profile.Clock(0)] * 96),
            }
        )
    return found


def days(
    day: int, patterns: list[dict[str, object]], count: int
) -> list[dict[str, object]]:
    """Return the first versions of a day of all probes."""
    return [
        {
            'probe': f'probe-{number:05}',
            'day': day,
            'version': 1,
            'closed_at': (day + 1) * DAY_MS,
            'complete': True,
            'reason': 'closed',
            'username': '',
            'metered': DAY_MS,
            'uncertain_start': 0,
            'uncertain_end': 0,
            'clock': 0,
            **patterns[(day + number) % _PATTERNS],
        }
        for number in range(count)
    ]
