# SPDX-License-Identifier: Apache-2.0

"""Frame of the benchmarks that compare energy_meter with other programs.

Each of them is a module with one question. :func:`main` prints its table and
its claims, and writes both as JSON for ``tools/run_benchmarks.sh``.
"""

import argparse
import collections.abc
import json
import os
import pathlib
import platform
import statistics
import typing

import prettytable

from energy_meter.tests.functional import simulation


class Figure(typing.NamedTuple):
    """Measured value of one program.

    :ivar program: its name and version.
    :ivar median: of all repetitions, in the unit of the comparison.
    :ivar low: the lowest one.
    :ivar high: the highest one.
    :ivar memory: resident memory in MiB; None if it was not measured.
    """

    program: str
    median: float
    low: float
    high: float
    memory: float | None = None


class Comparison(typing.NamedTuple):
    """Figures of energy_meter and of other programs for the same work.

    :ivar question: what was measured.
    :ivar unit: of all figures.
    :ivar ours: figure of energy_meter.
    :ivar peers: figures of the others, in the same run; may be empty.
    :ivar claims: what this shows, and whether it does.
    """

    question: str
    unit: str
    ours: Figure
    peers: tuple[Figure, ...]
    claims: tuple[simulation.Claim, ...]


Run = collections.abc.Callable[
    [argparse.Namespace], collections.abc.Iterable[Comparison]
]


def figure(
    program: str,
    values: collections.abc.Sequence[float],
    memory: float | None = None,
) -> Figure:
    """Return the figure of repeated measurements."""
    median = statistics.median(values)
    return Figure(program, median, min(values), max(values), memory)


def main(
    description: str | None,
    run: Run,
    add_options: collections.abc.Callable[
        [argparse.ArgumentParser], object
    ] = lambda parser: None,
) -> int:
    """Run a benchmark, print its table and claims, and write them.

    :param description: docstring of the benchmark.
    :param run: yields its comparisons.
    :param add_options: adds the options of this benchmark to the parser.
    :returns: the exit code: 1 if a claim fails.
    """
    parser = argparse.ArgumentParser(
        description=(description or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--rounds', type=int, default=5, help='repetitions of each measurement'
    )
    parser.add_argument(
        '--json', type=pathlib.Path, help='file to write the result to'
    )
    add_options(parser)
    arguments = parser.parse_args()
    comparisons = list(run(arguments))
    print(table(comparisons))
    if arguments.json is not None:
        arguments.json.write_text(
            json.dumps(document(description, comparisons), indent=1)
        )
    return simulation.judge(
        [claim for each in comparisons for claim in each.claims]
    )


def table(comparisons: collections.abc.Iterable[Comparison]) -> str:
    """Return comparisons as a table."""
    output = prettytable.PrettyTable(
        ['question', 'unit', 'program', 'median', 'from', 'to', 'ratio', 'MiB']
    )
    output.align = 'r'
    output.align['question'] = output.align['program'] = 'l'
    for each in comparisons:
        for found in (each.ours, *each.peers):
            output.add_row(
                [
                    each.question,
                    each.unit,
                    found.program,
                    f'{found.median:.4g}',
                    f'{found.low:.4g}',
                    f'{found.high:.4g}',
                    f'{_ratio(found.median, each.ours.median):.3g}',
                    '' if found.memory is None else f'{found.memory:.0f}',
                ]
            )
    return output.get_string()


def document(
    description: str | None,
    comparisons: collections.abc.Iterable[Comparison],
) -> dict[str, typing.Any]:
    """Return comparisons as JSON, with the machine they were made on."""
    return {
        'title': (description or '').partition('\n')[0],
        'machine': machine(),
        'comparisons': [
            {
                **each._asdict(),
                'ours': each.ours._asdict(),
                'peers': [peer._asdict() for peer in each.peers],
            }
            for each in comparisons
        ],
    }


def machine() -> dict[str, typing.Any]:
    """Return what identifies this machine, and its load of now."""
    return {
        'cores': os.cpu_count(),
        'processor': _processor(),
        # Linux-6.1.0-42-amd64-x86_64-with-glibc2.36 is Linux-6.1.0.
        'system': '-'.join(platform.platform().split('-')[:2]),
        'python': platform.python_version(),
        'load': os.getloadavg()[0],
    }


def _ratio(value: float, ours: float) -> float:
    return value / ours if ours else float('nan')


def _processor() -> str:
    for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.machine()
