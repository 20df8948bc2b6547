# SPDX-License-Identifier: Apache-2.0

"""Bills many histories and prints how much is billed twice or lost.

Of the intervals between some dates it prints how many have a bound, and the
largest share of it that the error of an uncertain one reaches.
"""

import argparse
import random
import typing

from energy_meter.billing import bill
from energy_meter.tests.model import bounds
from energy_meter.tests.model import histories
from energy_meter.tests.model import profiles


class Result(typing.NamedTuple):
    """Energies of one history in mJ, and its intervals.

    :ivar adds_up: whether all intervals have the energy that is billed.
    """

    due: int
    error: int
    bound: int
    adds_up: bool
    intervals: list[profiles.Checked]

    @property
    def is_right(self) -> bool:
        return (
            abs(self.error) <= self.bound
            and self.adds_up
            and all(abs(each.error) <= each.bound for each in self.intervals)
        )

    @property
    def tightest(self) -> profiles.Checked | None:
        """The uncertain interval whose error is most of its bound."""
        uncertain = (
            each for each in self.intervals if each.interval.uncertain
        )
        return max(uncertain, key=_share, default=None)


def run(family: str, seed: int, period: int | None) -> Result:
    """Bill the history of a seed."""
    history = histories.generate(family, random.Random(seed), period)
    billed = bill.bill(history.known)
    due = history.due(history.known)
    profile = profiles.Profile(history, billed, random.Random(seed))
    return Result(
        due,
        billed.total.millijoules - due,
        bounds.total(history, history.known, billed),
        profile.adds_up(),
        profile.checked(),
    )


def _share(of: profiles.Checked) -> float:
    return abs(of.error) / max(of.bound, 1)


def _print(family: str, results: list[Result], first: int) -> None:
    due = sum(result.due for result in results)
    double = sum(max(result.error, 0) for result in results)
    lost = sum(max(-result.error, 0) for result in results)
    bound = sum(result.bound for result in results)
    shares = [f'{100 * part / due:9.4f}' for part in (double, lost, bound)]
    tightest = [result.tightest for result in results if result.tightest]
    share = max(map(_share, tightest), default=0.0)
    intervals = sum(len(result.intervals) for result in results)
    print(f'{family:12}', *shares, f'{intervals:9} {100 * share:9.4f}')
    for seed, result in enumerate(results, first):
        if not result.is_right:
            print(
                f'  seed {seed}: error {result.error} of {result.bound} mJ, '
                f'adds up: {result.adds_up}, {result.tightest}'
            )


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
    print('% of due        double      lost     bound intervals  % of bound')
    for family in options.family or histories.FAMILIES:
        seeds = range(options.seed, options.seed + options.histories)
        results = [run(family, seed, options.period) for seed in seeds]
        _print(family, results, options.seed)


if __name__ == '__main__':
    main()
