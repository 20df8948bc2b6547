# SPDX-License-Identifier: Apache-2.0

"""Requests for all probes, by concurrent clients, compared with Flask."""

import collections.abc
import importlib.metadata
import time
import typing

import sqlalchemy as sa

from benchmarks import comparison
from benchmarks.api_requests import clients
from benchmarks.api_requests import site as api_site
from energy_meter.db import schema
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.api import browser
from energy_meter.tests.functional.services import base

OURS = 'energy_meter'
#: Duration of a case in each round.
_SECONDS = 2.0


class Case(typing.NamedTuple):
    """A request, and what it takes.

    :ivar servers: whose CPU time counts, by name.
    """

    program: str
    request: clients.Request
    servers: dict[str, base.Process]
    usages: list[clients.Usage]

    def cpu(self) -> comparison.Figure:
        """Return the CPU time of a request in ms, and the memory."""
        return comparison.figure(
            self.program,
            [sum(each.cpu.values()) for each in self.usages],
            sum(clients.memory(each.pid) for each in self.servers.values()),
        )

    def part(self, server: str) -> comparison.Figure:
        """Return the part of a server in the CPU time."""
        return comparison.figure(
            f'{self.program}, {server}',
            [each.cpu[server] for each in self.usages],
        )

    def rate(self) -> comparison.Figure:
        """Return the number of requests in a second."""
        return comparison.figure(
            self.program, [each.rate for each in self.usages]
        )


def measure(
    site: api_site.Site, number: int, rounds: int
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons.

    :param number: number of clients.
    """
    check(site)
    jsonify, conditional = _flask(site)
    ours = {
        'unchanged': (_case(site), [jsonify], 1),
        'with ETag': (
            _case(site, is_conditional=True),
            [jsonify, conditional],
            20,
        ),
        'changed each second': (
            _case(site, Changes(site.engine, 1)),
            [jsonify],
            1,
        ),
        # Nothing of it can be kept.
        'changed each time': (
            _case(site, Changes(site.engine, 0)),
            [jsonify],
            0,
        ),
    }
    cases = [*(case for case, _, _ in ours.values()), jsonify, conditional]
    for turn in range(rounds + 1):
        simulation.report(f'Round {turn} of {rounds}')
        for case in cases:
            usage = clients.run(case.request, number, _SECONDS, case.servers)
            # The first round warms up.
            if turn:
                case.usages.append(usage)
    for name, (case, peers, at_least) in ours.items():
        yield from _compare(f'all probes, {name}', case, peers, at_least)


def _compare(
    name: str, case: Case, peers: list[Case], at_least: int
) -> collections.abc.Iterator[comparison.Comparison]:
    """Yield the comparisons of a case with others.

    :param at_least: how many times as much the first one takes; 0 to show
        it only.
    """
    found, others = case.cpu(), tuple(each.cpu() for each in peers)
    claims = (
        (
            f'{name}: Flask takes at least {at_least} times as much CPU',
            others[0].median >= at_least * found.median,
        ),
    )
    yield comparison.Comparison(
        name, 'CPU ms', found, others, claims if at_least else ()
    )
    for server in case.servers:
        yield comparison.Comparison(name, 'CPU ms', case.part(server), (), ())
    yield comparison.Comparison(
        name,
        'requests/s',
        case.rate(),
        tuple(each.rate() for each in peers),
        (),
    )


def _case(
    site: api_site.Site,
    prepare: clients.Prepare = clients.nothing,
    is_conditional: bool = False,
) -> Case:
    return Case(
        OURS,
        clients.Request(
            site.api.port, api_site.PROBES, is_conditional, prepare
        ),
        {'API': site.api, 'PostgreSQL': site.database},
        [],
    )


def _flask(site: api_site.Site) -> list[Case]:
    """Return Flask without and with an ETag."""
    name = f'Flask {importlib.metadata.version("flask")}'
    port, servers = site.flask.port, {name: site.flask}
    return [
        Case(
            f'{name} jsonify',
            clients.Request(port, api_site.PROBES),
            servers,
            [],
        ),
        Case(
            f'{name} add_etag',
            clients.Request(port, '/conditional', is_conditional=True),
            servers,
            [],
        ),
    ]


class Changes:
    """Changes a probe before requests.

    :param interval: seconds between two changes.
    """

    def __init__(self, engine: sa.Engine, interval: float) -> None:
        self._engine = engine
        self._interval = interval
        self._next = 0.0

    def __call__(self, client: int) -> None:
        """Change a probe, another one for each client, if it is time to."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            _change(self._engine, client)


def _change(engine: sa.Engine, number: int) -> None:
    register = schema.register
    with engine.begin() as connection:
        connection.execute(
            register.update()
            .where(register.c.number == number)
            .values(millijoules=register.c.millijoules + 3_600_000)
        )


def check(site: api_site.Site) -> None:
    """Check that both sides return the same, and that no 304 is stale.

    :raises RuntimeError: if they don't.
    """
    port, path = site.api.port, api_site.PROBES
    headers = clients.Request(port, path, is_conditional=True).headers()
    before = browser.get(port, path).json
    if before != browser.get(site.flask.port, path).json:
        raise RuntimeError('Flask returns other values')
    if browser.get(port, path, **headers).status != 304:
        raise RuntimeError('unchanged data has another ETag')
    _change(site.engine, 0)
    after = browser.get(port, path, **headers).json
    increase = [
        state['kwh'] - before['probes'][name]['kwh']
        for name, state in after['probes'].items()
    ]
    if round(sum(increase), 6) != 0.001:
        raise RuntimeError(f'a change by 0.001 kWh is {sum(increase)}')
