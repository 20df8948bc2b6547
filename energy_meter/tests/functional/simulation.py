# SPDX-License-Identifier: Apache-2.0

"""Frame of benchmarks: registers, databases to write them to, and times."""

import argparse
import collections.abc
import contextlib
import statistics
import sys
import tempfile
import time
import typing
import uuid

from oslo_config import cfg
import prettytable
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import garbage
from energy_meter import measurement
from energy_meter.collector import quotas
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
#: What a benchmark shows, and whether it does.
Claim = tuple[str, bool]

#: Shorter than a batch takes, so that no measurement is dated in the future.
_INTERVAL_MS = 100
_WATTS = 100


class Result(typing.NamedTuple):
    """Result of a benchmark on one database.

    :ivar cells: its row of the table, without the name of the database.
    """

    cells: list[str]
    claims: list[Claim]


def main(
    description: str | None,
    columns: collections.abc.Sequence[str],
    run: collections.abc.Callable[[str, argparse.Namespace], Result],
) -> int:
    """Run a benchmark on each database, and print its table and claims.

    :param description: docstring of the benchmark.
    :param columns: names of the columns, except for that of the database.
    :returns: the exit code.
    """
    arguments = _parse(description)
    garbage.tune()
    table = prettytable.PrettyTable(['database', *columns], align='r')
    claims: list[Claim] = []
    for name in arguments.databases:
        report(f'{name}: starting')
        result = run(name, arguments)
        table.add_row([name, *result.cells])
        claims += [(f'{name}: {text}', holds) for text, holds in result.claims]
    print(table)
    return judge(claims)


def judge(claims: collections.abc.Collection[Claim]) -> int:
    """Print claims, and return the exit code: 1 if one of them fails."""
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def report(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


def _parse(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(description or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument(
        '--rounds', type=int, default=9, help='repetitions of each measurement'
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
        engine = db_engine.connect(configure(url))
        stack.callback(engine.dispose)
        migration.sync(engine)
        yield engine


def configure(url: str) -> cfg.ConfigOpts:
    """Return the default configuration with a database."""
    conf = cfg.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    conf([], default_config_files=[])
    conf.set_override('connection', url, 'database')
    return conf


class Agent:
    """Registers of one agent, each with a power of 100 W.

    :param name: name of the agent.
    :param probes: number of its probes.
    :param prefix: of the IDs of its probes.
    """

    def __init__(self, name: str, probes: int, prefix: str = 'probe') -> None:
        self._uuid = str(uuid.uuid4())
        self._probes = [
            measurement.Probe(
                f'{prefix}-{number:05}', 'outlet', 'host', 'pdu', 'dummy', name
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
        """Return the next measurements of all registers."""
        self._elapsed += _INTERVAL_MS
        return [
            measurement.Measurement(
                measurement.Series(probe, register, after, True),
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
    engine: sa.Engine,
    measurements: list[measurement.Measurement],
    limits: quotas.Quotas | None = None,
) -> None:
    """Write measurements in one transaction, as a collector does."""
    with db_engine.writing(engine) as connection:
        store.write(
            connection, measurements, db_engine.now(connection), limits
        )


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
