# SPDX-License-Identifier: Apache-2.0

"""Time to write batches of ten thousand measurements, and to settle probes.

Runs on SQLite, PostgreSQL and MariaDB. An ordinary batch is compared with the
plain upsert of one row per probe, which bills nothing twice only if each probe
has one agent. Prints a table and the claims; the exit code is 1 if a claim
fails. Other load on the machine slows both, but not always equally.
"""

import argparse
import collections.abc
import contextlib
import functools
import statistics
import sys
import tempfile
import time

from energy_meter import no_eventlet  # noqa: F401

# isort: split
from oslo_config import cfg
import prettytable
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter.collector import settling
from energy_meter.collector import store
from energy_meter.db import documents
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql

#: Maximum ratio of an ordinary batch to the plain upsert.
MAX_RATIO = 1.2
#: Maximum seconds of a batch with a new register of each probe.
MAX_RESTART_S = 1.0
#: Maximum seconds of a settling of all probes, which is due every 10 s.
MAX_SETTLING_S = 10.0

#: Number of rows in one statement, and of probes in one settling.
CHUNK, SETTLED = 5000, 100
SECOND_MS, SLOT_MS, HOUR_MS = 1000, 900_000, 3_600_000

_TEXTS = 'id', 'wattmeter', 'driver', 'scope', 'host', 'agent_name'
_NUMBERS = 'timestamp', 'watts', 'volts', 'amperes', 'last_seen_at'
_OWNER = 'agent', 'register'
_TOTALS = 'millijoules', 'metered', 'elapsed'
#: Fields of a row of the plain upsert.
FIELDS = {
    **dict.fromkeys(_TEXTS, documents.TEXT),
    **dict.fromkeys(_NUMBERS, documents.REAL),
    **dict.fromkeys(_OWNER, documents.TEXT),
    **dict.fromkeys(_TOTALS, documents.INTEGER),
}


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    table = prettytable.PrettyTable(
        ['database', 'plain', 'ordinary', 'ratio', 'restart', 'settling'],
        align='r',
        float_format='.2',
    )
    claims: list[tuple[str, bool]] = []
    with contextlib.ExitStack() as stack:
        for name, url in databases(stack):
            plain, ordinary, restart, settled = measure(url, arguments)
            ratio = ordinary / plain
            table.add_row([name, plain, ordinary, ratio, restart, settled])
            claims += [
                (f'{name}: ratio {ratio:.2f}', ratio <= MAX_RATIO),
                (f'{name}: restart {restart:.2f} s', restart <= MAX_RESTART_S),
                (
                    f'{name}: settling {settled:.2f} s',
                    settled <= MAX_SETTLING_S,
                ),
            ]
    print(table)
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument('--rounds', type=int, default=15)
    return parser.parse_args()


def databases(
    stack: contextlib.ExitStack,
) -> collections.abc.Iterator[tuple[str, str]]:
    """Start each database, and yield its name and URL."""
    directory = stack.enter_context(tempfile.TemporaryDirectory())
    yield 'SQLite', f'sqlite:///{directory}/energy_meter.sqlite'
    for server in (postgresql.PostgreSQL, mariadb.MariaDB):
        url = stack.enter_context(server()).create_database()
        yield server.__name__, url


def connect(url: str) -> sa.Engine:
    """Return an engine of the collector, with its tables."""
    conf = cfg.ConfigOpts()
    energy_meter_conf.register_opts(conf)
    conf([], default_config_files=[])
    conf.set_override('connection', url, 'database')
    engine = db_engine.connect(conf)
    migration.sync(engine)
    return engine


def measure(
    url: str, arguments: argparse.Namespace
) -> tuple[float, float, float, float]:
    """Return the seconds that each of four writes takes.

    :returns: those of the plain upsert, an ordinary batch, a batch of agents
        that restarted, and a settling.
    """
    engine = connect(url)
    create_peer(engine)
    fleet = Fleet(engine, arguments.probes)
    plain, ordinary = [], []
    for _ in range(arguments.rounds):
        fleet.date += SECOND_MS
        received = fleet.registers('a', 0)
        plain.append(timed(functools.partial(write_peer, engine, received)))
        ordinary.append(fleet.write(received))
    fleet.date += SECOND_MS
    restart = fleet.write(fleet.registers('a', 1, fleet.date - SECOND_MS))
    settled = fleet.run_pair()
    engine.dispose()
    # The first rounds insert rows.
    return (
        statistics.median(plain[2:]),
        statistics.median(ordinary[2:]),
        restart,
        settled,
    )


def timed(work: collections.abc.Callable[[], None]) -> float:
    """Return the seconds that a function takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Fleet:
    """Probes of 1 W each, metered by agents.

    :ivar date: the time of all clocks, in ms.
    """

    def __init__(self, engine: sa.Engine, probes: int) -> None:
        self._engine = engine
        self._probes = probes
        self.date = round(time.time() * 1000) // SLOT_MS * SLOT_MS
        self._began = self.date

    def registers(
        self,
        agent: str,
        number: int,
        opened: int | None = None,
        is_mark: bool = False,
    ) -> list[measurement.Measurement]:
        """Return measurements of the registers that an agent has opened.

        :param number: how often the agent was restarted.
        """
        after_elapsed = (opened or 0) - self._began
        elapsed = self.date - (self._began if opened is None else opened)
        power = (None,) * 3 if is_mark else (1.0, 230.0, 0.0043)
        return [
            measurement.Measurement(
                measurement.Probe(
                    f'probe-{probe:05}',
                    'node',
                    f'host-{probe:05}',
                    'wattmeter',
                    'ipmi',
                    agent,
                ),
                measurement.RegisterKey(agent * 36, f'{number}{probe:015x}'),
                measurement.Predecessor(f'0{probe:015x}', after_elapsed)
                if number
                else None,
                True,
                self.date,
                elapsed,
                elapsed,
                elapsed,
                *power,
                is_mark,
            )
            for probe in range(self._probes)
        ]

    def write(self, received: list[measurement.Measurement]) -> float:
        """Write a batch, and return the seconds that it takes."""

        def write() -> None:
            with db_engine.writing(self._engine) as connection:
                store.write(connection, received, self.date)

        return timed(write)

    def run_pair(self) -> float:
        """Meter all probes for an hour by two agents that are not related.

        :returns: the seconds of the last settling.
        """
        restarted = self.date - SECOND_MS
        self.date = -(-self.date // SLOT_MS) * SLOT_MS
        began = self.date
        settled = 0.0
        while self.date < began + HOUR_MS:
            self.date += SLOT_MS
            for is_mark in (True, False):
                self.write(self.registers('a', 1, restarted, is_mark))
                self.write(self.registers('b', 0, began, is_mark))
            settled = timed(self._settle)
        return settled

    def _settle(self) -> None:
        with self._engine.connect() as connection:
            names = settling.contested(connection)
        for start in range(0, len(names), SETTLED):
            with db_engine.writing(self._engine) as connection:
                settling.settle(
                    connection, names[start : start + SETTLED], self.date
                )


def create_peer(engine: sa.Engine) -> None:
    """Create the table of the plain upsert."""
    types = {
        documents.TEXT: 'VARCHAR(190) NOT NULL',
        documents.REAL: 'DOUBLE PRECISION NOT NULL',
        documents.INTEGER: 'BIGINT NOT NULL',
    }
    columns = ', '.join(
        f'{name} {types[kind]}' for name, kind in FIELDS.items()
    )
    with engine.begin() as connection:
        connection.execute(
            sa.text(f'CREATE TABLE peer ({columns}, PRIMARY KEY (id))')
        )


def write_peer(
    engine: sa.Engine, received: list[measurement.Measurement]
) -> None:
    """Write a batch with the plain upsert."""
    rows = [peer_row(each) for each in received]
    with db_engine.writing(engine) as connection:
        statement = peer_statement(documents.family(connection))
        for start in range(0, len(rows), CHUNK):
            chunk = documents.pack(rows[start : start + CHUNK])
            connection.execute(statement, chunk).all()


def peer_row(received: measurement.Measurement) -> tuple[object, ...]:
    """Return the fields of the plain upsert."""
    probe = received.probe
    return (
        probe.id,
        probe.wattmeter,
        probe.driver,
        probe.scope,
        probe.host,
        probe.agent,
        received.timestamp / 1000,
        received.watts,
        received.volts,
        received.amperes,
        received.timestamp / 1000,
        *received.register,
        received.millijoules,
        received.metered,
        received.elapsed,
    )


def peer_statement(family: str) -> sa.TextClause:
    """Return the plain upsert, which keeps newer measurements."""
    names = [*_TEXTS[1:], *_NUMBERS, *_TOTALS]
    newer = (
        'peer.agent = {new}agent AND peer.register = {new}register '
        'AND {new}elapsed > peer.elapsed'
    )
    assignments = ', '.join(
        f'{name} = CASE WHEN {newer} THEN {{new}}{name} ELSE peer.{name} END'
        for name in names
    )
    # Only names from this module are inserted into the text.
    return sa.text(
        f'INSERT INTO peer ({", ".join(FIELDS)}) '  # noqa: S608
        f'SELECT * FROM ({documents.select(family, FIELDS)}) AS received '
        'WHERE true ORDER BY id '
        + documents.on_conflict(family, ('id',), assignments)
        + ' RETURNING id, agent, register'
    )


if __name__ == '__main__':
    sys.exit(main())
