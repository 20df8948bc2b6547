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
import logging
import sys
import unittest

from benchmarks.traces import promql
from benchmarks.traces import systems
from benchmarks.traces import table
from energy_meter.tests.traces import catalog


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    # Steps of clocks are expected.
    logging.disable(logging.WARNING)
    traces = [catalog.TRACES[name] for name in arguments.traces]
    results: table.Results = {}
    for name in arguments.only:
        try:
            results[name] = systems.run(name, traces, arguments.query)
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
        choices=systems.SYSTEMS,
        default=list(systems.SYSTEMS),
        metavar='SYSTEM',
        help=f'systems to compare, of {", ".join(systems.SYSTEMS)}',
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


if __name__ == '__main__':
    sys.exit(main())
