# SPDX-License-Identifier: Apache-2.0

"""Time in which a collector writes a batch of ten thousand probes.

An ordinary batch is compared with the collector before curves: the two take
turns. Then the agent restarts before each batch, so that each probe has a new
register. Prints a table and the claims; the exit code is 1 if a claim fails.
"""

import argparse
import functools
import sys

from benchmarks import before_curves
from energy_meter.collector import quotas
from energy_meter.tests.functional import simulation

#: Maximum ratio of an ordinary batch to the collector before curves.
MAX_RATIO = 1.2
#: Maximum seconds of a batch with a new register of each probe.
MAX_RESTART_S = 1.0

COLUMNS = ('before curves ms', 'batch ms', 'ratio', 'after a restart ms')


def run(name: str, arguments: argparse.Namespace) -> simulation.Result:
    """Run the benchmark on one database."""
    agent = simulation.Agent('agent', arguments.probes)
    with simulation.database(name) as engine:
        before_curves.create(engine)
        limits = quotas.Quotas(simulation.configure('sqlite://').collector)
        write = functools.partial(simulation.write, engine, limits=limits)
        write_before = functools.partial(before_curves.write, engine)

        def first_batch() -> simulation.Action:
            agent.restart()
            return functools.partial(write, agent.measure())

        # The first batches insert rows.
        for case in (write_before, write):
            case(agent.measure())
        simulation.report(f'{name}: batches')
        before, batch = simulation.compare(
            arguments.rounds,
            lambda: functools.partial(write_before, agent.measure()),
            lambda: functools.partial(write, agent.measure()),
        )
        simulation.report(f'{name}: batches after restarts')
        (restart,) = simulation.compare(arguments.rounds, first_batch)
    return simulation.Result(
        [
            f'{before * 1000:.0f}',
            f'{batch * 1000:.0f}',
            f'{batch / before:.2f}',
            f'{restart * 1000:.0f}',
        ],
        [
            (
                f'a batch takes at most {MAX_RATIO:g} times as long as '
                'before curves',
                batch <= MAX_RATIO * before,
            ),
            (
                f'a batch after a restart takes at most {MAX_RESTART_S:g} s',
                restart <= MAX_RESTART_S,
            ),
        ],
    )


if __name__ == '__main__':
    sys.exit(simulation.main(__doc__, COLUMNS, run))
