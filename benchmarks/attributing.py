# SPDX-License-Identifier: Apache-2.0

"""Cost for collectors and database of attributing a day to instances.

Each host has a power meter, 50 instances, and 96 marks of the day before; one
in twenty instances is started or stopped on that day. Then that day of one
host is read, and that of one project. Prints a table and the claims; the exit
code is 1 if a claim fails. ``--probes`` is the number of hosts.
"""

import argparse
import logging
import random
import sys
import threading
import time

import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.billing import attribution_methods
from energy_meter.collector import attributing
from energy_meter.collector import closer
from energy_meter.collector import days
from energy_meter.collector import metrics
from energy_meter.collector import store
from energy_meter.db import attributing as db_attributing
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.db import engine as db_engine
from energy_meter.db import instance_days
from energy_meter.db import instances
from energy_meter.telemetry import counters
from energy_meter.tests.functional import simulation

LOG = logging.getLogger(__name__)

#: Maximum CPU time in seconds to attribute a day of 1,000 hosts.
MAX_SECONDS = 60.0
#: Maximum number of bytes of an instance and day.
MAX_BYTES = 1000
INSTANCES = 50
_MARKS = 105
_STEP_MS = closed_days.INTERVAL_MS

COLUMNS = (
    'attribute a day s',
    'CPU s',
    'CPU ms a host',
    'read a project s',
    'bytes an instance',
)


class Host:
    """A host whose instances are busy now and then."""

    def __init__(self, number: int, noise: random.Random) -> None:
        self.name = f'host-{number:04}'
        self._noise = noise
        self._number = number
        self._energy = self._busy = 0
        self._cpu = [0] * INSTANCES
        # One in twenty is not there all day.
        self._since = [
            noise.randrange(96) if noise.random() < 0.05 else 0
            for _ in range(INSTANCES)
        ]

    def measure(self, step: int, date: int) -> list[measurement.Measurement]:
        """Return the marks of both probes after a quarter-hour."""
        if step:
            used = [
                int(self._noise.uniform(0, 2) * _STEP_MS) * (since < step)
                for since in self._since
            ]
            for number, each in enumerate(used):
                self._cpu[number] += each
            self._busy += sum(used) + _STEP_MS
            self._energy += 200 * _STEP_MS + 4 * sum(used)
        return [
            self._mark('power', step, date, self._energy, None),
            self._mark('cpu', step, date, self._busy, self._usage(step)),
        ]

    def _usage(self, step: int) -> cpu_usage.Usage:
        present = [
            number
            for number, since in enumerate(self._since)
            if since < max(step, 1)
        ]
        return cpu_usage.Usage(
            cpu_usage.Layout(
                128, 1_048_576, None, tuple(map(self._instance, present))
            ),
            tuple(self._cpu[number] for number in present),
        )

    def _instance(self, number: int) -> cpu_usage.Instance:
        uuid = f'{self._number:08}-0000-4000-8000-{number:012}'
        project = f'project-{(self._number + number) % 100}'
        return cpu_usage.Instance(
            uuid, f'vm-{number}', project, '', 'user', 2, 8192, True
        )

    def _mark(
        self,
        kind: str,
        step: int,
        date: int,
        value: int,
        usage: cpu_usage.Usage | None,
    ) -> measurement.Measurement:
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    f'{self.name}-{kind}',
                    'node',
                    self.name,
                    'w',
                    'dummy',
                    'agent',
                ),
                measurement.RegisterKey('agent', '0123456789abcdef'),
                None,
                True,
            ),
            date,
            step * _STEP_MS,
            value,
            step * _STEP_MS,
            None,
            is_mark=step not in (0, _MARKS - 1),
            usage=usage,
        )


def run(name: str, arguments: argparse.Namespace) -> simulation.Result:
    """Measure attributing a day, and reading it, on one database."""
    with simulation.database(name) as engine:
        today = int(time.time() * 1000 - days.MIN_AGE_MS) // closed_days.DAY_MS
        start = (today - 1) * closed_days.DAY_MS
        meter(engine, arguments.probes, start)
        counts = counters.Counters(metrics.COUNTERS)
        log = log_throttle.ThrottledLogger(LOG)
        stopping = threading.Event()
        closer.Closer(engine, stopping, counts, log).run()
        attributor = attributing.Attributor(
            engine,
            stopping,
            db_attributing.Rules(attribution_methods.ReservedAndCPU, ['node']),
            counts,
            log,
        )
        before = size(engine)
        began, cpu = time.perf_counter(), time.process_time()
        attributor.run()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        began = time.perf_counter()
        read(engine, start)
        reading = time.perf_counter() - began
        stored = (size(engine) - before) / (arguments.probes * INSTANCES)
        needed = cpu / arguments.probes * 1000
        return simulation.Result(
            [
                f'{took:.2f}',
                f'{cpu:.2f}',
                f'{needed:.1f}',
                f'{reading:.3f}',
                f'{stored:.0f}',
            ],
            [
                (
                    f'1,000 hosts take at most {MAX_SECONDS:g} s of CPU time',
                    needed <= MAX_SECONDS,
                ),
                (
                    f'an instance takes at most {MAX_BYTES} bytes a day',
                    stored <= MAX_BYTES,
                ),
            ],
        )


def meter(engine: sa.Engine, hosts: int, start: int) -> None:
    """Write the marks of hosts from a midnight on, and two hours more."""
    noise = random.Random(1)  # noqa: S311
    known = [Host(number, noise) for number in range(hosts)]
    for step in range(_MARKS):
        date = start + step * _STEP_MS
        batch = [each for host in known for each in host.measure(step, date)]
        with db_engine.writing(engine) as connection:
            store.write(connection, batch, date)


def read(engine: sa.Engine, start: int) -> None:
    """Read the energy of a project on the day."""
    end = start + closed_days.DAY_MS
    with db_engine.snapshot(engine) as connection:
        instances.read(
            connection,
            instance_days.Filter(project='project-1', is_by_project=True),
            energies.Period(start, end, (start, end)),
            (),
            1,
        )


def size(engine: sa.Engine) -> int:
    """Return the size of all attributed days in bytes, with their indexes.

    That of the database in SQLite, which has no size of a table.
    """
    queries = {
        'sqlite': 'SELECT (page_count - freelist_count) * page_size FROM '
        'pragma_page_count(), pragma_freelist_count(), pragma_page_size()',
        'postgresql': "SELECT pg_total_relation_size('instance_day')",
    }
    query = queries.get(
        engine.dialect.name,
        'SELECT data_length + index_length FROM information_schema.tables '
        "WHERE table_name = 'instance_day' AND table_schema = DATABASE()",
    )
    with engine.connect() as connection:
        if engine.dialect.name not in queries:
            connection.execute(sa.text('ANALYZE TABLE instance_day')).all()
        return int(connection.scalar(sa.text(query)) or 0)


if __name__ == '__main__':
    sys.exit(simulation.main(__doc__, COLUMNS, run))
