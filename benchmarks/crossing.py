# SPDX-License-Identifier: Apache-2.0

"""Loss of collectors that are killed while all probes cross midnight.

Every tenth probe has two agents, and three tenths lack a mark that arrives
late. Two collectors work at the same time and are killed in each round, at
random statements. Prints a table and the claims; the exit code is 1 if a claim
fails.
"""

import argparse
import random
import sys
import time

from energy_meter.tests.functional import crossings
from energy_meter.tests.functional import simulation

COLUMNS = [
    'killed',
    'seconds',
    'metered J',
    'wrong J',
    'days compared',
]

#: A collector is killed after fewer statements and commits for each probe.
_MAX_POINTS = 0.25


def run(name: str, arguments: argparse.Namespace) -> simulation.Result:
    """Run the benchmark on one database."""
    with simulation.database(name) as engine:
        url = engine.url.render_as_string(hide_password=False)
        crossing = crossings.Crossing(url, arguments.probes)
        simulation.report(f'{name}: closing the first day')
        crossing.prepare()
        began = time.perf_counter()
        killed = kill(crossing, arguments)
        crossing.finish()
        seconds = time.perf_counter() - began
        simulation.report(f'{name}: comparing closed days with the curves')
        energies = crossing.energies().values()
        wrong = sum(abs(each - crossings.ENERGY) for each in energies)
        compared = crossing.assert_agree()
        crossing.engine.dispose()
    metered = arguments.probes * crossings.ENERGY
    return simulation.Result(
        [
            str(killed),
            f'{seconds:.0f}',
            f'{metered / 1000:.3f}',
            f'{wrong / 1000:.3f}',
            str(compared),
        ],
        [
            (
                f'the days of {arguments.probes} probes are what curves give',
                compared == 2 * arguments.probes,
            ),
            ('0 mJ are lost or billed twice', wrong == 0),
            ('collectors were killed', killed > 0),
        ],
    )


def kill(crossing: crossings.Crossing, arguments: argparse.Namespace) -> int:
    """Start and kill collectors; return how many were killed."""
    generator = random.Random(1)  # noqa: S311
    limit = int(arguments.probes * _MAX_POINTS)
    killed = 0
    for number in range(arguments.rounds):
        points = [generator.randrange(limit) for _ in range(2)]
        done = crossing.kill(*points)
        killed += done.count(False)
        simulation.report(f'round {number + 1}: killed after {points}')
    return killed


if __name__ == '__main__':
    sys.exit(simulation.main(__doc__, COLUMNS, run))
