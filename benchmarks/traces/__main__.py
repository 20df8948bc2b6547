# SPDX-License-Identifier: Apache-2.0

"""Bill recorded traces with energy_meter and with other systems.

A trace is a day of a load of which the true energy is known, with one fault.
Each system gets what its own collector would have seen. Prints the false
energy as tables in reStructuredText, and the progress to standard error.
Nothing is installed; systems that are missing are named and left out, and the
exit code is 1. Run it from the root of the source tree::

  python -m benchmarks.traces
"""

import argparse
import collections.abc
import logging
import sys
import unittest

from benchmarks.traces import gnocchi
from benchmarks.traces import prometheus
from benchmarks.traces import promql
from benchmarks.traces import system
from benchmarks.traces import table
from benchmarks.traces import victoria_metrics
from energy_meter.tests.functional import simulation
from energy_meter.tests.traces import catalog
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import ours


def _show_ours(
    traces: system.Traces, report: system.Report, query: str
) -> collections.abc.Iterator[errors.Day]:
    """Yield what energy_meter shows of each trace."""
    for traced in traces:
        report(traced.name)
        with simulation.database('sqlite') as engine:
            yield ours.show(traced, engine)


SYSTEMS: dict[str, system.System] = {
    'energy_meter': _show_ours,
    'Prometheus': prometheus.show,
    'VictoriaMetrics': victoria_metrics.show,
    'Gnocchi': gnocchi.show,
}


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    # Steps of clocks are expected.
    logging.disable(logging.WARNING)
    traces = [catalog.TRACES[name] for name in arguments.traces]
    results: table.Results = {}
    for name in arguments.only:
        try:
            results[name] = run(name, traces, arguments.query)
        except unittest.SkipTest as reason:
            print(f'{name} is left out: {reason}', file=sys.stderr)
    if results:
        print(table.render(results, arguments.traces))
    return 0 if len(results) == len(arguments.only) else 1


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.traces',
        description=(__doc__ or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--only',
        nargs='+',
        choices=SYSTEMS,
        default=list(SYSTEMS),
        metavar='SYSTEM',
        help=f'systems to compare, of {", ".join(SYSTEMS)}',
    )
    parser.add_argument(
        '--traces',
        nargs='+',
        choices=catalog.TRACES,
        default=list(catalog.TRACES),
        metavar='TRACE',
        help='traces to bill',
    )
    parser.add_argument(
        '--query',
        default=promql.QUERY,
        help='query for the energy of an interval in Prometheus and '
        'VictoriaMetrics',
    )
    return parser.parse_args()


def run(
    name: str, traces: system.Traces, query: str
) -> dict[str, errors.Errors]:
    """Return the errors of a system, by trace.

    :raises unittest.SkipTest: if a program of it is not installed.
    """

    def report(step: str) -> None:
        print(f'{name}: {step}', file=sys.stderr)

    shown = SYSTEMS[name](traces, report, query)
    return {
        traced.name: errors.compare(traced, day)
        for traced, day in zip(traces, shown, strict=True)
    }


if __name__ == '__main__':
    sys.exit(main())
