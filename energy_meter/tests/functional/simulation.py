# SPDX-License-Identifier: Apache-2.0

"""Simulated registers, databases to write them to, and times."""

import argparse
import collections.abc
import contextlib
import statistics
import tempfile
import time
import uuid

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter.collector import store
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql

SERVERS = {
    'postgresql': postgresql.PostgreSQL,
    'mariadb': mariadb.MariaDB,
}
DATABASES = ('sqlite', *SERVERS)

Action = collections.abc.Callable[[], object]

_INTERVAL_MS = 1000
_WATTS = 100


def parse(description: str | None) -> argparse.Namespace:
    """Parse the command line.

    :param description: docstring of the benchmark.
    """
    parser = argparse.ArgumentParser(
        description=(description or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--rounds', type=int, default=5, help='repetitions of each measurement'
    )
    parser.add_argument(
        '--databases',
        nargs='+',
        choices=DATABASES,
        default=DATABASES,
    )
    return parser.parse_args()


@contextlib.contextmanager
def database(name: str) -> collections.abc.Iterator[sa.Engine]:
    """Return a context with an empty database.

    :param name: one of :data:`DATABASES`.
    """
    with contextlib.ExitStack() as stack:
        if name == 'sqlite':
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            url = f'sqlite:///{directory}/energy_meter.db'
        else:
            url = stack.enter_context(SERVERS[name]()).create_database()
        conf = cfg.ConfigOpts()
        energy_meter_conf.register_opts(conf)
        conf([], default_config_files=[])
        conf.set_override('connection', url, 'database')
        engine = db_engine.connect(conf)
        stack.callback(engine.dispose)
        migration.sync(engine)
        yield engine


class Agent:
    """Registers of one agent, each with a power of 100 W.

    :param name: name of the agent.
    :param probes: number of its probes.
    """

    def __init__(self, name: str, probes: int) -> None:
        self._uuid = str(uuid.uuid4())
        self._probes = [
            measurement.Probe(
                f'probe-{number:05}', 'outlet', 'host', 'pdu', 'dummy', name
            )
            for number in range(probes)
        ]
        self._after: list[measurement.Predecessor | None] = [None] * probes
        self._elapsed = 0
        self.restart()

    def restart(self) -> None:
        """End all registers, and open new ones that follow them."""
        if self._elapsed:
            self._after = [
                measurement.Predecessor(register.id, self._elapsed)
                for register in self._registers
            ]
        self._registers = [
            measurement.RegisterKey(self._uuid, uuid.uuid4().hex[:16])
            for _ in self._probes
        ]
        self._opened = round(time.time() * 1000)
        self._elapsed = 0

    def measure(self) -> list[measurement.Measurement]:
        """Return the measurements of all registers one second later."""
        self._elapsed += _INTERVAL_MS
        return [
            measurement.Measurement(
                probe,
                register,
                after,
                True,
                self._opened + self._elapsed,
                self._elapsed,
                self._elapsed * _WATTS,
                self._elapsed,
                float(_WATTS),
            )
            for probe, register, after in zip(
                self._probes, self._registers, self._after, strict=True
            )
        ]


def write(
    engine: sa.Engine, measurements: list[measurement.Measurement]
) -> None:
    """Write measurements in one transaction, as a collector does."""
    with db_engine.writing(engine) as connection:
        store.write(connection, measurements, db_engine.now(connection))


def compare(
    rounds: int, *cases: collections.abc.Callable[[], Action]
) -> list[float]:
    """Return the median duration of each case, in seconds.

    The cases take turns, so that other load on the machine affects all alike.

    :param cases: each prepares a repetition, and returns what is timed.
    """
    durations: list[list[float]] = [[] for _ in cases]
    for _ in range(rounds):
        for case, found in zip(cases, durations, strict=True):
            action = case()
            began = time.perf_counter()
            action()
            found.append(time.perf_counter() - began)
    return [statistics.median(found) for found in durations]
