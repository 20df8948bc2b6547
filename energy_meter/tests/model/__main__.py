# SPDX-License-Identifier: Apache-2.0

"""Bills many histories and prints how much is billed twice or lost."""

import argparse
import random
import typing

from energy_meter.billing import bill
from energy_meter.tests.model import bounds
from energy_meter.tests.model import histories


class Result(typing.NamedTuple):
    """Energies of one history in mJ."""

    due: int
    error: int
    bound: int


def run(family: str, seed: int, period: int | None) -> Result:
    """Bill the history of a seed."""
    history = histories.generate(family, random.Random(seed), period)
    billed = bill.bill(history.known)
    due = history.due(history.known)
    bound = bounds.total(history, history.known, billed)
    return Result(due, billed.total.millijoules - due, bound)


def _print(family: str, results: list[Result], first: int) -> None:
    due = sum(result.due for result in results)
    double = sum(max(result.error, 0) for result in results)
    lost = sum(max(-result.error, 0) for result in results)
    bound = sum(result.bound for result in results)
    shares = [f'{100 * part / due:9.4f}' for part in (double, lost, bound)]
    print(f'{family:12}', *shares)
    for seed, result in enumerate(results, first):
        if abs(result.error) > result.bound:
            print(f'  seed {seed}: {result}')


def main() -> None:
    parser = argparse.ArgumentParser(
        prog='python -m energy_meter.tests.model', description=__doc__
    )
    parser.add_argument(
        '--histories', type=int, default=100, help='Number for each family.'
    )
    parser.add_argument(
        '--family', choices=histories.FAMILIES, action='append'
    )
    parser.add_argument(
        '--period', type=int, help='Time between two readings in ms.'
    )
    parser.add_argument('--seed', type=int, default=0, help='First seed.')
    options = parser.parse_args()
    print('% of due        double      lost     bound')
    for family in options.family or histories.FAMILIES:
        seeds = range(options.seed, options.seed + options.histories)
        results = [run(family, seed, options.period) for seed in seeds]
        _print(family, results, options.seed)


if __name__ == '__main__':
    main()
