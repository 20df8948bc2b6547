# SPDX-License-Identifier: Apache-2.0

"""Times of requests for the energy of a month or a day."""

import collections.abc
import statistics
import time
import typing
import urllib.parse

from benchmarks import comparison
from benchmarks.api_requests import clients
from benchmarks.api_requests import site as api_site
from energy_meter.tests.functional import month
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.api import browser

_DAY_S = month.DAY_MS // 1000


class Report(typing.NamedTuple):
    """A request.

    :ivar path: ``{}`` is replaced with the number of the repetition.
    :ivar rows: number of intervals, or probes, in all of its responses.
    :ivar limit: maximum time in ms, at the 99th percentile.
    :ivar weight: repetitions in each round.
    """

    title: str
    path: str
    parameters: dict[str, typing.Any]
    rows: int
    limit: float
    weight: int


def measure(
    site: api_site.Site, probes: int, rounds: int
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the times of each report.

    :param probes: number of probes.
    """
    servers = (site.api, site.database)
    for report in reports(site, probes):
        simulation.report(report.title)
        follow(site.api.port, report, 0)
        before = sum(clients.cpu_ms(each.pid) for each in servers)
        times = [
            follow(site.api.port, report, number)
            for number in range(1, rounds * report.weight + 1)
        ]
        cpu = sum(clients.cpu_ms(each.pid) for each in servers) - before
        slowest = statistics.quantiles(
            [*times, max(times)], n=100, method='inclusive'
        )[-1]
        yield comparison.Comparison(
            report.title,
            'ms',
            comparison.figure('energy_meter', times),
            (),
            (
                (
                    f'{report.title}: p99 {slowest:.1f} ms, at most '
                    f'{report.limit:g} ms',
                    slowest <= report.limit,
                ),
            ),
        )
        yield comparison.Comparison(
            report.title,
            'CPU ms',
            comparison.figure('energy_meter', [cpu / len(times)]),
            (),
            (),
        )


def reports(
    site: api_site.Site, probes: int
) -> collections.abc.Iterator[Report]:
    """Yield the requests."""
    start, end, instance = site.fleet
    days = (end - start) // _DAY_S
    quarters = days * 96
    period: dict[str, typing.Any] = {'start': start, 'end': end}
    day = {'start': start, 'end': start + _DAY_S}
    profile = '/v1/probes/probe-{:05}/energy'
    yield Report(
        "a month of a probe's profile",
        profile,
        period | {'step': 900},
        quarters,
        50,
        40,
    )
    yield Report(
        f'a day of {probes:,} probes', '/v1/energy', day, probes, 1000, 2
    )
    shown = f'/v1/instances/{instance}/energy'
    yield Report(
        "an instance's month in days",
        shown,
        period | {'step': 'day'},
        days,
        50,
        40,
    )
    yield Report(
        "an instance's month in quarter-hours",
        shown,
        period | {'step': 900},
        quarters,
        50,
        40,
    )


def follow(port: int, report: Report, number: int) -> float:
    """Request a report, and return the time of all responses in ms.

    :raises RuntimeError: if it has another number of rows.
    """
    query = urllib.parse.urlencode(report.parameters)
    url = f'{report.path.format(number)}?{query}'
    took, count = 0.0, 0
    while url:
        began = time.perf_counter()
        response = browser.get(port, url)
        took += time.perf_counter() - began
        if response.status != 200:
            raise RuntimeError(f'{url}: {response.json}')
        document = response.json
        count += len(document.get('probes') or document['intervals'])
        url = (document['next'] or '').partition(f':{port}')[2]
    if count != report.rows:
        raise RuntimeError(f'{report.title}: {count} rows')
    return took * 1000
