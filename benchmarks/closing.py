# SPDX-License-Identifier: Apache-2.0

"""Cost for the database of closing a day, and of writing it again.

Each probe has 96 marks of the day before, and is closed by one collector. Then
an agent is disabled, which changes the day of a tenth of the probes. Prints a
table and the claims; the exit code is 1 if a claim fails.
"""

import argparse
import logging
import random
import sys
import threading
import time

import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.collector import agents
from energy_meter.collector import closer
from energy_meter.collector import days
from energy_meter.collector import metrics
from energy_meter.collector import store
from energy_meter.db import closed_days
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.telemetry import counters
from energy_meter.tests.functional import simulation

LOG = logging.getLogger(__name__)

#: Maximum time in seconds to close a day of 10,000 probes. A collector looks
#: every minute, and only once a day are there so many.
MAX_CLOSING_S = 300.0
#: Maximum number of bytes of a probe and day.
MAX_BYTES = 1000
_MARKS = 105
_STEP_MS = closed_days.INTERVAL_MS


COLUMNS = (
    'close a day s',
    'nothing due s',
    'disable an agent s',
    'restate s',
    'packed bytes',
    'stored bytes',
)


def run(name: str, arguments: argparse.Namespace) -> simulation.Result:
    """Measure closing a day, and writing new versions, on one database."""
    with simulation.database(name) as engine:
        now = time.time() * 1000
        today = int(now - days.MIN_AGE_MS) // closed_days.DAY_MS
        meter(engine, arguments.probes, (today - 1) * closed_days.DAY_MS)
        run_closer = make_closer(engine).run
        before = size(engine)
        closing = measure(run_closer)
        stored = (size(engine) - before) / arguments.probes
        looking = measure(run_closer)
        disabling = measure(
            lambda: agents.disable(engine, 'agent-0', 'benchmark')
        )
        restating = measure(run_closer)
        table = schema.closed_day.c
        with engine.connect() as connection:
            packed = connection.scalar(
                sa.select(sa.func.avg(sa.func.length(table.packed))).where(
                    table.version == 1
                )
            )
        times = closing, looking, disabling, restating
        return simulation.Result(
            [
                *(f'{each:.2f}' for each in times),
                f'{packed or 0:.0f}',
                f'{stored:.0f}',
            ],
            [
                (
                    'a day of all probes is closed within '
                    f'{MAX_CLOSING_S:g} s',
                    closing <= MAX_CLOSING_S,
                ),
                (
                    f'a closed day takes at most {MAX_BYTES} bytes',
                    stored <= MAX_BYTES,
                ),
            ],
        )


def meter(engine: sa.Engine, probes: int, start: int) -> None:
    """Write the marks of probes from a midnight on, and two hours more.

    Power changes from quarter-hour to quarter-hour by some percent.
    """
    noise = random.Random(1)  # noqa: S311
    energies = [0] * probes
    for step in range(_MARKS):
        for number in range(probes if step else 0):
            energies[number] += int(noise.uniform(285, 315) * _STEP_MS)
        date = start + step * _STEP_MS
        measured = [
            _mark(number, date, step, energy)
            for number, energy in enumerate(energies)
        ]
        with db_engine.writing(engine) as connection:
            store.write(connection, measured, date)


def _mark(
    number: int, date: int, step: int, energy: int
) -> measurement.Measurement:
    agent = f'agent-{number % 10}'
    return measurement.Measurement(
        measurement.Series(
            measurement.Probe(
                f'probe-{number:05}', 'outlet', 'host', 'pdu', 'dummy', agent
            ),
            measurement.RegisterKey(agent, f'{number:016x}'),
            None,
            True,
        ),
        date,
        step * _STEP_MS,
        energy,
        step * _STEP_MS,
        300.0,
        is_mark=step not in (0, _MARKS - 1),
    )


def make_closer(engine: sa.Engine) -> closer.Closer:
    """Return what closes days in a collector."""
    return closer.Closer(
        engine,
        threading.Event(),
        counters.Counters(metrics.COUNTERS),
        log_throttle.ThrottledLogger(LOG),
    )


def measure(action: simulation.Action) -> float:
    """Return the duration of an action in seconds."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def size(engine: sa.Engine) -> int:
    """Return the size of all closed days in bytes, with their index.

    That of the database in SQLite, which has no size of a table.
    """
    queries = {
        'sqlite': 'SELECT (page_count - freelist_count) * page_size FROM '
        'pragma_page_count(), pragma_freelist_count(), pragma_page_size()',
        'postgresql': "SELECT pg_total_relation_size('closed_day')",
    }
    query = queries.get(
        engine.dialect.name,
        'SELECT data_length + index_length FROM information_schema.tables '
        "WHERE table_name = 'closed_day' AND table_schema = DATABASE()",
    )
    with engine.connect() as connection:
        if engine.dialect.name not in queries:
            connection.execute(sa.text('ANALYZE TABLE closed_day')).all()
        return int(connection.scalar(sa.text(query)) or 0)


if __name__ == '__main__':
    sys.exit(simulation.main(__doc__, COLUMNS, run))
