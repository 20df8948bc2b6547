# SPDX-License-Identifier: Apache-2.0

"""Cost for the database of probes that two agents meter.

Two agents meter the same probes, so a collector settles all of them in each
of its passes. The benchmark compares a pass with the batches of both agents.
Prints a table and the claims; the exit code is 1 if a claim fails.
"""

import argparse
import collections.abc
import logging
import sys
import typing

import prettytable
import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.collector import metrics
from energy_meter.collector import settler
from energy_meter.telemetry import counters
from energy_meter.tests.functional import simulation

LOG = logging.getLogger(__name__)

#: Maximum seconds between two passes of a collector.
INTERVAL_S = 15.0


class Result(typing.NamedTuple):
    """Median durations in seconds.

    :ivar batches: of a batch of each agent, with all probes.
    :ivar settling: of a pass that settles all probes.
    """

    database: str
    batches: float
    settling: float


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = simulation.parse(__doc__)
    results = [run(name, arguments) for name in arguments.databases]
    print(table(results))
    claims = [claim for result in results for claim in judge(result)]
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def run(name: str, arguments: argparse.Namespace) -> Result:
    """Run the benchmark on one database."""
    agents = [
        simulation.Agent(agent, arguments.probes)
        for agent in ('agent-1', 'agent-2')
    ]
    with simulation.database(name) as engine:

        def batches() -> simulation.Action:
            measured = [agent.measure() for agent in agents]
            return lambda: [
                simulation.write(engine, batch) for batch in measured
            ]

        settle = make_settler(engine).settle
        batches()()
        settle()
        return Result(
            name,
            *simulation.compare(arguments.rounds, batches, lambda: settle),
        )


def make_settler(engine: sa.Engine) -> settler.Settler:
    """Return the settler of a collector."""
    return settler.Settler(
        engine,
        INTERVAL_S,
        counters.Counters(metrics.COUNTERS),
        log_throttle.ThrottledLogger(LOG),
    )


def table(results: collections.abc.Iterable[Result]) -> str:
    """Return the results as a table, in milliseconds."""
    output = prettytable.PrettyTable(
        ['database', 'batches ms', 'settling ms', 'ratio'], align='r'
    )
    for each in results:
        output.add_row(
            [
                each.database,
                f'{each.batches * 1000:.0f}',
                f'{each.settling * 1000:.0f}',
                f'{each.settling / each.batches:.2f}',
            ]
        )
    return output.get_string()


def judge(
    result: Result,
) -> collections.abc.Iterator[tuple[str, bool]]:
    """Yield each claim and whether it holds."""
    yield (
        f'{result.database}: a pass ends before the next one, within '
        f'{INTERVAL_S:g} s',
        result.settling <= INTERVAL_S,
    )


if __name__ == '__main__':
    sys.exit(main())
