# SPDX-License-Identifier: Apache-2.0

"""Energy of instances by energy_meter and by the formulas of other systems.

A simulated day of a host, once with linear and once with concave power. What
each instance causes is known: of the power of each second, the idle part by
what is reserved, and the rest by CPU time. Prints how much each formula
attributes, the sum of all errors, and the claims; the exit code is 1 if a
claim fails.
"""

import collections.abc
import sys
import typing

import prettytable

from benchmarks.attribution import formulas
from benchmarks.attribution import host
from energy_meter.tests.functional import simulation

#: Maximum error in percent of the host's energy if its power is linear.
MAX_ERROR = 1.0
NAME = 'energy_meter'

_Part = collections.abc.Callable[[host.Energy], float]


class Score(typing.NamedTuple):
    """What a formula attributes, in percent of the energy of the host.

    :ivar attributed: to all instances.
    :ivar day: sum of the errors of all instances over the day.
    :ivar quarters: sum of their errors in each quarter-hour.
    :ivar computing: as ``quarters``, without idle energy.
    """

    attributed: float
    day: float
    quarters: float
    computing: float


def main() -> int:
    """Print the table of each power curve; return the exit code."""
    claims: list[simulation.Claim] = []
    for curve in (host.linear, host.concave):
        trace = host.Trace(curve)
        energy = trace.readings[-1].joules
        print(f'{curve.__name__} power, {energy / 3.6e6:.3f} kWh')
        scores, exact = evaluate(trace, energy)
        print(table(scores))
        claims.append(
            (f'{curve.__name__}: the sum of all parts is exact', exact)
        )
        if curve is host.linear:
            claims.append(
                (
                    f'linear: at most {MAX_ERROR:g} % is wrong in '
                    'quarter-hours',
                    scores[NAME].quarters <= MAX_ERROR,
                )
            )
    return simulation.judge(claims)


def evaluate(
    trace: host.Trace, energy: float
) -> tuple[dict[str, Score], bool]:
    """Return the score of each formula, and whether energy_meter is exact."""
    results = {
        name: formulas.apply(formula, trace.readings)
        for name, formula in formulas.FORMULAS.items()
    }
    exact = True
    for name, (watts, seconds) in {
        NAME: (host.IDLE_WATTS, 900),
        f'{NAME}, marks every minute': (host.IDLE_WATTS, 60),
        f'{NAME}, idle power fitted': (formulas.estimate(trace.readings), 900),
    }.items():
        found = formulas.energy_meter(trace.readings, watts, seconds)
        results[name] = [
            {
                uuid: host.Energy(part.idle / 1000, part.dynamic / 1000)
                for uuid, part in each.instances.items()
            }
            for each in found
        ]
        exact &= all(
            each.energy.millijoules
            == each.overhead
            + each.unallocated
            + each.unattributed
            + sum(part.millijoules for part in each.instances.values())
            for each in found
        )
    return {
        name: score(result, trace.truths, energy)
        for name, result in results.items()
    }, exact


def score(
    results: list[host.Truth], truths: list[host.Truth], energy: float
) -> Score:
    """Return how much is wrong."""
    percent = 100 / energy
    return Score(
        percent * sum(sum(map(sum, each.values())) for each in results),
        percent * errors([total(results)], [total(truths)], sum),
        percent * errors(results, truths, sum),
        percent * errors(results, truths, lambda each: each.dynamic),
    )


def errors(
    results: list[host.Truth], truths: list[host.Truth], part: _Part
) -> float:
    """Return the sum of the errors of all instances in J."""
    none = host.Energy(0.0, 0.0)
    return sum(
        abs(part(result.get(uuid, none)) - part(truth.get(uuid, none)))
        for result, truth in zip(results, truths, strict=True)
        for uuid in result.keys() | truth.keys()
    )


def total(some: list[host.Truth]) -> host.Truth:
    """Return the energies of all quarter-hours."""
    sums: host.Truth = {}
    for each in some:
        for uuid, part in each.items():
            known = sums.get(uuid, host.Energy(0.0, 0.0))
            sums[uuid] = host.Energy(
                known.idle + part.idle, known.dynamic + part.dynamic
            )
    return sums


def table(scores: dict[str, Score]) -> prettytable.PrettyTable:
    """Return the scores of all formulas as a table."""
    output = prettytable.PrettyTable(
        [
            'formula',
            'attributed %',
            'wrong by day %',
            'by quarter-hour %',
            'computing only %',
        ],
        align='r',
    )
    for name, values in scores.items():
        output.add_row([name, *(f'{value:.1f}' for value in values)])
    return output


if __name__ == '__main__':
    sys.exit(main())
