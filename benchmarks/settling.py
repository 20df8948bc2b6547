# SPDX-License-Identifier: Apache-2.0

"""Time of a settling of ten thousand contested probes.

Two agents meter the same probes, so a collector settles all of them in each
of its passes. A pass is compared with the batches of both agents. Prints a
table and the claims; the exit code is 1 if a claim fails.
"""

import argparse
import logging
import sys

import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.collector import metrics
from energy_meter.collector import outage
from energy_meter.collector import settler
from energy_meter.telemetry import counters
from energy_meter.tests.functional import simulation

LOG = logging.getLogger(__name__)

#: Maximum seconds between two passes of a collector.
INTERVAL_S = 15.0

COLUMNS = ('batches ms', 'settling ms', 'ratio')


def run(name: str, arguments: argparse.Namespace) -> simulation.Result:
    """Run the benchmark on one database."""
    agents = [
        simulation.Agent(agent, arguments.probes)
        for agent in ('agent-1', 'agent-2')
    ]
    with simulation.database(name) as engine:

        def batches() -> simulation.Action:
            measured = [agent.measure() for agent in agents]

            def write() -> None:
                for batch in measured:
                    simulation.write(engine, batch)

            return write

        settle = make_settler(engine).settle
        batches()()
        settle()
        simulation.report(f'{name}: batches and settlings')
        written, settled = simulation.compare(
            arguments.rounds, batches, lambda: settle
        )
    return simulation.Result(
        [
            f'{written * 1000:.0f}',
            f'{settled * 1000:.0f}',
            f'{settled / written:.2f}',
        ],
        [
            (
                f'a pass ends before the next one, within {INTERVAL_S:g} s',
                settled <= INTERVAL_S,
            )
        ],
    )


def make_settler(engine: sa.Engine) -> settler.Settler:
    """Return the settler of a collector."""
    counts = counters.Counters(metrics.COUNTERS)
    return settler.Settler(
        engine,
        INTERVAL_S,
        counts,
        log_throttle.ThrottledLogger(LOG),
        outage.DatabaseOutage(counts),
    )


if __name__ == '__main__':
    sys.exit(simulation.main(__doc__, COLUMNS, run))
