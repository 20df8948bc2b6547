# SPDX-License-Identifier: Apache-2.0

"""Error of the energy against the analytic integral of the power.

Question: how much of the energy that is shown for an interval was not used in
it? Two kinds of meters are read.

* A meter that shows power only, read at 1 Hz and at 10 Hz with jitter, and at
  1 Hz with gaps: 45 seconds twice an hour, and once ten minutes. Its load is
  that of the driver ``dummy``, whose integral is known. The peer sums up
  end-of-interval rectangles. Each round has another load. What is compared is
  the energy of each quarter-hour.
* A meter with a counter, for a day: traces of :mod:`benchmarks.traces`, once
  in each system. What is compared is the false energy in hours that look
  right, that is, that have a value and no sign that it is an estimate or
  incomplete.

No warm-up is needed, as no time is measured. Systems that are missing are an
error. Run it from the root of the source tree::

  python -m benchmarks.accuracy
"""

import argparse
import collections.abc
import logging
import sys
import typing

from benchmarks import comparison
from benchmarks.accuracy import power
from benchmarks.accuracy import versions
from benchmarks.traces import promql
from benchmarks.traces import systems
from energy_meter.tests.functional import simulation
from energy_meter.tests.traces import catalog
from energy_meter.tests.traces import errors

#: Maximum error, in percent of the energy.
MAX_ERROR = 0.05
#: With gaps, the rectangle shows at least so many times as much false energy.
MIN_RATIO = 10

_MINUTE, _HOUR = 60, 3600
_LONG_GAP = power.Span(_HOUR + 8 * _MINUTE, _HOUR + 18 * _MINUTE)
TRACES = (
    'no fault',
    'zero glitch',
    'counter wrap',
    'two-hour gap',
    'agent restart',
    'two agents',
)


class Errors(typing.NamedTuple):
    """Errors of what a system shows, in percent of the true energy.

    :ivar total: of the energy of all quarter-hours.
    :ivar worst: of the worst quarter-hour that looks right.
    :ivar silent: sum over all quarter-hours that look right.
    :ivar missing: energy not shown in the quarter-hours that say so.
    """

    total: float
    worst: float
    silent: float
    missing: float


def main() -> int:
    """Run the benchmark and return the exit code."""
    # Steps of clocks are expected.
    logging.disable(logging.WARNING)
    return comparison.main(__doc__, run, add_options)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        '--hours', type=int, default=3, help='hours of the load, at least 2'
    )


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of both kinds of meters."""
    for case in cases(arguments.hours):
        simulation.report(f'power, {case.name}')
        yield from compare_power(case, arguments.hours, arguments.rounds)
    yield from compare_counters()


def cases(hours: int) -> tuple[power.Case, ...]:
    """Return how the meter with power is read."""
    short = (
        power.Span(start, start + 45)
        for start in range(600, hours * _HOUR, _HOUR // 2)
    )
    return (
        power.Case('1 Hz', 1.0),
        power.Case('10 Hz', 0.1),
        power.Case('1 Hz with gaps', 1.0, (*short, _LONG_GAP)),
    )


def compare_power(
    case: power.Case, hours: int, rounds: int
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of one case of the meter with power."""
    ours, rectangle = [], []
    for seed in range(rounds):
        load = power.Load(seed)
        true, readings = load.joules(hours), list(load.readings(case, hours))
        with simulation.database('sqlite') as engine:
            shown = power.ours(readings, hours, engine)
        ours.append(judge(shown, true))
        rectangle.append(judge(power.rectangle(readings, hours), true))
    for field, question in (
        ('missing', 'not billed in quarter-hours that say so')
        if case.gaps
        else ('total', f'energy of {hours} hours'),
        ('worst', 'worst quarter-hour that looks right'),
        ('silent', 'false energy in all quarter-hours that look right'),
    ):
        our = _figure('energy_meter', ours, field)
        peer = _figure('rectangle', rectangle, field)
        yield comparison.Comparison(
            f'{case.name}: {question}',
            '%',
            our,
            (peer,),
            tuple(_claims(case, field, our, peer)),
        )


def judge(
    shown: collections.abc.Sequence[errors.Shown],
    true: collections.abc.Sequence[float],
) -> Errors:
    """Return the errors of what a system shows of each quarter-hour."""
    found = [
        (each.joules - joules, joules, each.is_marked)
        for each, joules in zip(shown, true, strict=True)
        if each.joules is not None
    ]
    percent = 100 / sum(true)
    silent = [
        (abs(error), used) for error, used, marked in found if not marked
    ]
    return Errors(
        abs(sum(error for error, _, _ in found)) * percent,
        max(error / used for error, used in silent) * 100,
        sum(error for error, _ in silent) * percent,
        -sum(error for error, _, marked in found if marked) * percent,
    )


def _figure(
    program: str, found: collections.abc.Iterable[Errors], field: str
) -> comparison.Figure:
    return comparison.figure(program, [getattr(each, field) for each in found])


def _claims(
    case: power.Case,
    field: str,
    our: comparison.Figure,
    peer: comparison.Figure,
) -> collections.abc.Iterator[simulation.Claim]:
    if case.gaps:
        if field == 'silent':
            yield (
                f'{case.name}: the rectangle shows at least {MIN_RATIO} times '
                'as much false energy that looks right',
                peer.median >= MIN_RATIO * our.median,
            )
    elif field in ('total', 'worst'):
        noun = 'all hours' if field == 'total' else 'each quarter-hour'
        yield (
            f'{case.name}: the error of {noun} is at most {MAX_ERROR} %',
            our.high <= MAX_ERROR,
        )


def compare_counters() -> collections.abc.Iterator[comparison.Comparison]:
    """Yield a comparison for each trace of a counter."""
    traces = [catalog.TRACES[name] for name in TRACES]
    results = {
        name: systems.run(name, traces, promql.QUERY)
        for name in systems.SYSTEMS
    }
    programs = {'energy_meter': 'energy_meter'} | {
        name: f'{name} {version}'
        for name, version in versions.of_peers().items()
    }
    for trace in TRACES:
        our, *peers = (
            comparison.figure(
                programs[name], [_kilojoules(found[trace].silent)]
            )
            for name, found in results.items()
        )
        yield comparison.Comparison(
            f'counter, {trace}: false energy in hours that look right',
            'kJ',
            our,
            tuple(peers),
            (
                (
                    f'{trace}: no false energy looks right here, and some '
                    'does in each other system',
                    our.high == 0 < min(peer.low for peer in peers),
                ),
            ),
        )


def _kilojoules(joules: float) -> float:
    """Return an energy in kJ, to the joule."""
    return round(joules / 1000, 3)


if __name__ == '__main__':
    sys.exit(main())
