# SPDX-License-Identifier: Apache-2.0

"""What requests to the API cost, compared with Flask's jsonify.

uWSGI with two processes serves the API, from PostgreSQL, and a Flask
application that returns the same dictionary from its memory. Concurrent
clients request all probes, each as soon as it has its last response: of
unchanged data, with the ETag of unchanged data, of data that changes each
second, as by a collector, and before each request. Flask has no ETag by
default; its response with one is shown, too. What counts is the CPU time of a
request in all processes of uWSGI and PostgreSQL, that of the changes included;
the clients, which share the machine, are left out. All cases take turns of two
seconds. The first round warms up.

Then one client requests a month of a probe's profile in quarter-hours, another
probe each time, of which the last two days are open, a closed day of all
probes, and a month of closed days of an instance, of 5,000, in days and in
quarter-hours. What counts is the time from the request to the last byte, on a
machine without other load; the CPU time is shown, too. The first request warms
up.
"""

import argparse
import collections.abc
import contextlib
import sys

from benchmarks import comparison
from benchmarks.api_requests import comparisons
from benchmarks.api_requests import reports
from benchmarks.api_requests import site as api_site
from energy_meter import no_eventlet  # noqa: F401


def run(
    arguments: argparse.Namespace,
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons with Flask, and the times of reports."""
    with contextlib.ExitStack() as stack:
        site = api_site.start(stack, arguments.probes)
        yield from comparisons.measure(
            site, arguments.clients, arguments.rounds
        )
        yield from reports.measure(site, arguments.probes, arguments.rounds)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument('--clients', type=int, default=16)


if __name__ == '__main__':
    sys.exit(comparison.main(__doc__, run, add_options))
