# SPDX-License-Identifier: Apache-2.0

"""Cost of requests for all probes."""

import collections.abc
import contextlib

from benchmarks.api_requests import clients
from benchmarks.api_requests import comparisons
from benchmarks.api_requests import fleet
from benchmarks.api_requests import reports
from benchmarks.api_requests import site
from benchmarks.growth import figures
from energy_meter.tests.functional import month
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base

_CLIENTS = 4
#: Seconds of each case before it is measured.
_WARM_UP_S = 1.0
#: Repetitions of the report after the first one.
_REPORTS = 2

_Servers = collections.abc.Mapping[str, base.Process]


def measure(probes: int, seconds: float) -> figures.Requests:
    """Return the cost of requests for a number of probes.

    :param seconds: duration of each case.
    """
    with contextlib.ExitStack() as stack:
        database, engine = site.start_database(stack)
        simulation.report(f'Requests for {probes} probes')
        day = month.load(engine, probes, length=1, billed=0, open_days=0)
        fleet.refresh(engine)
        api = site.start_api(stack, engine)
        servers = {'API': api, 'PostgreSQL': database}
        cases = (
            clients.Request(api.port, site.PROBES),
            clients.Request(api.port, site.PROBES, is_conditional=True),
            clients.Request(
                api.port,
                site.PROBES,
                prepare=comparisons.Changes(engine, interval=0),
            ),
        )
        unchanged, etag, changed = (
            _list(request, seconds, servers) for request in cases
        )
        return figures.Requests(
            probes,
            unchanged,
            etag,
            changed,
            _report(api.port, probes, day, servers),
            clients.memory(api.pid),
        )


def _list(
    request: clients.Request, seconds: float, servers: _Servers
) -> float:
    """Return the CPU time of a request in ms."""
    clients.run(request, _CLIENTS, _WARM_UP_S, servers)
    usage = clients.run(request, _CLIENTS, seconds, servers)
    return sum(usage.cpu.values())


def _report(port: int, probes: int, day: int, servers: _Servers) -> float:
    """Return the CPU time in ms of the energy of all probes on a day."""
    start = day * month.DAY_MS // 1000
    period = {'start': start, 'end': start + month.DAY_MS // 1000}
    report = reports.Report(
        'a day of all probes', '/v1/energy', period, probes, 0, 0
    )
    reports.follow(port, report, 0)
    before = _cpu_ms(servers)
    for number in range(_REPORTS):
        reports.follow(port, report, number)
    return (_cpu_ms(servers) - before) / _REPORTS


def _cpu_ms(servers: _Servers) -> float:
    return sum(clients.cpu_ms(each.pid) for each in servers.values())
