# SPDX-License-Identifier: Apache-2.0

"""Growth of the costs with the number of probes.

For each number of probes, real processes with default options show:

* What a measurement costs, from dummy wattmeters of 48 outlets each through
  RabbitMQ and the collector into PostgreSQL. Up to 10,000 probes are read once
  a second, more of them every ten seconds, by one agent for each 10,000. In
  the first window nothing else runs. In the second the API is asked for some
  probes, which shows how old values are. At the end all energy must be in the
  database, unless the machine is full.
* What requests for all probes cost in uWSGI and PostgreSQL: the list,
  unchanged, with ETag, and with a change before each request, by four clients
  at a time; and a closed day.
* How many points reach RRD files, five seconds at a time.
* How long a collector needs to close a day, up to 1,000 probes.

Then the number of probes at 1 Hz grows by a quarter at a time, until something
waits: a process takes all of its core, values are late in the API or in the
database, or an agent drops some for newer ones. This machine is full there.
"""

import argparse
import collections.abc
import pathlib
import sys
import time
import typing

from benchmarks import comparison
from benchmarks.growth import figures
from benchmarks.growth import load
from benchmarks.growth import points
from benchmarks.growth import report
from benchmarks.growth import requests
from benchmarks.growth import storage
from energy_meter import no_eventlet  # noqa: F401
from energy_meter.tests.functional import simulation

#: Parts that can be left out.
_PARTS = ('full', 'requests', 'points', 'storage')
#: Maximum number of probes that are read once a second at first.
_MAX_AT_1_HZ = 10_000
#: Maximum number of probes of which a day is closed, as that takes long.
_MAX_CLOSED = 1000


def main() -> int:
    """Run the benchmark, print its tables, and return the exit code."""
    arguments = _parse()
    began = time.monotonic()
    loads = _loads(arguments)
    parts: dict[str, collections.abc.Callable[[], list[typing.Any]]] = {
        'full': lambda: load.fill(loads, arguments.seconds),
        'requests': lambda: [
            requests.measure(size, arguments.seconds / 5)
            for size in arguments.probes
        ],
        'points': lambda: [
            points.measure(size, arguments.directory)
            for size in arguments.probes
        ],
        'storage': lambda: [
            storage.measure(size)
            for size in arguments.probes
            if size <= _MAX_CLOSED
        ],
    }
    measured = [
        measure() if name in arguments.parts else []
        for name, measure in parts.items()
    ]
    found = figures.Figures(comparison.machine(), loads, *measured)
    if arguments.json is not None:
        figures.write(arguments.json, found)
    print(report.text(found))
    simulation.report(f'{time.monotonic() - began:.0f} s')
    return 0


def _loads(arguments: argparse.Namespace) -> list[figures.Load]:
    settings = dict(each.split('=', 1) for each in arguments.postgresql)
    return [
        load.measure(
            size,
            1.0 if size <= _MAX_AT_1_HZ else 10.0,
            arguments.seconds,
            settings,
        )
        for size in arguments.probes
    ]


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.growth',
        description=(__doc__ or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--probes',
        type=int,
        nargs='+',
        default=[100, 1000, 10_000, 100_000],
        help='in ascending order, the first at most 10,000',
    )
    parser.add_argument(
        '--seconds', type=float, default=10.0, help='duration of a window'
    )
    parser.add_argument(
        '--parts',
        nargs='*',
        choices=_PARTS,
        default=_PARTS,
        help='what is measured in addition to the cost of a measurement',
    )
    parser.add_argument(
        '--postgresql',
        nargs='*',
        default=(),
        metavar='NAME=VALUE',
        help='settings of PostgreSQL for the cost of a measurement',
    )
    parser.add_argument(
        '--directory',
        default='/var/tmp',  # noqa: S108
        help='parent of the RRD files, 207 kB for each probe',
    )
    parser.add_argument(
        '--json', type=pathlib.Path, help='file to write the figures to'
    )
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
