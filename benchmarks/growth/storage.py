# SPDX-License-Identifier: Apache-2.0

"""Time to close a day in PostgreSQL, and what the database keeps of it."""

import time

import sqlalchemy as sa

from benchmarks import closing
from benchmarks.growth import figures
from energy_meter.collector import days
from energy_meter.db import closed_days
from energy_meter.tests.functional import simulation

_MARKS = sa.text(
    "SELECT pg_total_relation_size('mark')::float / count(*) FROM mark"
)


def measure(probes: int) -> figures.Storage:
    """Return what a day of a number of probes costs."""
    simulation.report(f'A day of {probes} probes')
    with simulation.database('postgresql') as engine:
        today = int(time.time() * 1000 - days.MIN_AGE_MS) // closed_days.DAY_MS
        closing.meter(engine, probes, (today - 1) * closed_days.DAY_MS)
        with engine.connect() as connection:
            mark_bytes = connection.scalar(_MARKS)
        before = closing.size(engine)
        took = closing.measure(closing.make_closer(engine).run)
        day_bytes = (closing.size(engine) - before) / probes
    return figures.Storage(probes, took, day_bytes, mark_bytes)
