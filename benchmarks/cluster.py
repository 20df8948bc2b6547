# SPDX-License-Identifier: Apache-2.0

"""Kill the nodes of a RabbitMQ cluster one after another during metering.

Starts a cluster of three nodes, PostgreSQL, an agent and two collectors. Every
twenty seconds the next node is killed with SIGKILL and restarted half of that
time later. Prints the longest time without an update of the database after
each kill, and the billed energy. The exit code is 1 if billed and metered
energy differ. energy_meter/tests/functional/bus/test_cluster.py is the short
form.
"""

import argparse
import contextlib
import sys
import tempfile
import threading
import time

import prettytable
import sqlalchemy as sa

from energy_meter.db import tips
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

#: Maximum seconds until all energy is billed, once all nodes are back.
BILLING_TIMEOUT_S = 60.0


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(rabbitmq.Cluster())
        url = stack.enter_context(postgresql.PostgreSQL()).create_database()
        configuration = commands.Configuration(
            stack.enter_context(tempfile.TemporaryDirectory()),
            DEFAULT={'transport_url': cluster.url},
            database={'connection': url},
        )
        configuration.add_dummy(
            'desk', *(f'desk-{number}' for number in range(arguments.probes))
        )
        configuration.run('energy-meter-manage', 'db', 'sync')
        for _ in range(2):
            stack.enter_context(commands.collector(configuration))
        agent = stack.enter_context(commands.agent(configuration))
        base.wait_for(
            lambda: commands.energy(url),
            BILLING_TIMEOUT_S,
            'energy to be billed',
        )
        watch = stack.enter_context(Watch(url))
        table = prettytable.PrettyTable(['killed', 'longest pause (s)'])
        for number in range(round(arguments.seconds / arguments.every)):
            until = time.monotonic() + arguments.every
            node = cluster.nodes[number % len(cluster.nodes)]
            node.kill()
            time.sleep(arguments.every / 2)
            node.start()
            time.sleep(max(0.0, until - time.monotonic()))
            table.add_row([node.node, f'{watch.longest():.1f}'])
        print(table)
        return judge(configuration, agent, url)


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=100)
    parser.add_argument('--seconds', type=float, default=180.0)
    parser.add_argument(
        '--every', type=float, default=20.0, help='seconds between two kills'
    )
    return parser.parse_args()


class Watch(threading.Thread):
    """Measures the longest time without an update of the database."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self._engine = sa.create_engine(url)
        self._longest = 0.0
        self._ended = threading.Event()

    def __enter__(self) -> 'Watch':
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self.join()
        self._engine.dispose()

    def run(self) -> None:
        total, changed = self._read(), time.monotonic()
        while not self._ended.wait(0.05):
            newest, now = self._read(), time.monotonic()
            self._longest = max(self._longest, now - changed)
            if newest != total:
                total, changed = newest, now

    def longest(self) -> float:
        """Return the longest pause since the last call, in seconds."""
        longest, self._longest = self._longest, 0.0
        return longest

    def _read(self) -> int:
        with self._engine.connect() as connection:
            query = sa.select(sa.func.sum(tips.MILLIJOULES))
            return connection.scalar(query.select_from(tips.PROBES))


def judge(
    configuration: commands.Configuration, agent: commands.Command, url: str
) -> int:
    """Compare billed and metered energy, and return the exit code."""
    time.sleep(BILLING_TIMEOUT_S / 10)
    agent.stop()
    metered = sum(configuration.registers().values())
    with contextlib.suppress(AssertionError):
        base.wait_for(
            lambda: billed(url) >= metered, BILLING_TIMEOUT_S, 'all energy'
        )
    print(
        f'metered {metered} mJ, billed {billed(url)} mJ: '
        f'difference {billed(url) - metered} mJ'
    )
    return 0 if billed(url) == metered else 1


def billed(url: str) -> int:
    """Return the billed energy of all probes, in millijoules."""
    return sum(commands.energy(url).values())


if __name__ == '__main__':
    sys.exit(main())
