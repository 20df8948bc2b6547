# SPDX-License-Identifier: Apache-2.0

"""Time of requests for the energy of a fleet in a period.

Loads a fleet whose days are closed, except the last two, and measures requests
to the API, from the request to the last byte. Prints a table and the claims;
the exit code is 1 if a claim fails.
"""

import argparse
import collections.abc
import logging
import statistics
import sys
import time
import typing
import urllib.parse

import prettytable
import sqlalchemy as sa
import webob

from energy_meter import no_eventlet  # noqa: F401
from energy_meter.api import app
from energy_meter.tests.functional import month
from energy_meter.tests.functional import simulation

LOG = logging.getLogger(__name__)

DAY_MS = month.DAY_MS


class Case(typing.NamedTuple):
    """Request of the API.

    :ivar limit: maximum seconds.
    """

    title: str
    path: str
    parameters: dict[str, object]
    limit: float


class Result(typing.NamedTuple):
    """Median times of all responses, and what they contain.

    :ivar duration: in seconds.
    :ivar cpu: processor time of the API in seconds, with that of SQLite.
    """

    database: str
    case: Case
    duration: float
    cpu: float
    responses: int
    rows: int
    megabytes: float


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = parse()
    logging.basicConfig(level=logging.WARNING)
    for log in (LOG, month.LOG):
        log.setLevel(logging.INFO)
    results = [
        result
        for name in arguments.databases
        for result in run(name, arguments)
    ]
    print(table(results))
    claims = [judge(result) for result in results]
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def parse() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or '').partition('\n')[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--probes', type=int, default=10_000)
    parser.add_argument('--days', type=int, default=31)
    parser.add_argument(
        '--members', type=int, default=500, help='probes of a project'
    )
    parser.add_argument(
        '--rounds', type=int, default=5, help='repetitions of each request'
    )
    parser.add_argument(
        '--databases',
        nargs='+',
        choices=simulation.DATABASES,
        default=('sqlite', 'postgresql'),
    )
    return parser.parse_args()


def run(
    name: str, arguments: argparse.Namespace
) -> collections.abc.Iterator[Result]:
    """Run the benchmark on one database."""
    with simulation.database(name) as engine:
        first = month.load(
            engine, arguments.probes, arguments.days, arguments.members
        )
        application = make(engine)
        for case in cases(first * DAY_MS, arguments):
            LOG.info('%s: %s', name, case.title)
            yield measure(name, application, case, arguments.rounds)


def cases(
    start: int, arguments: argparse.Namespace
) -> collections.abc.Iterator[Case]:
    """Yield the requests.

    :param start: date of the first day, in ms.
    """
    end = start + arguments.days * DAY_MS
    period = {'start': start // 1000, 'end': end // 1000}
    day = period | {'end': (start + DAY_MS) // 1000}
    today = {'start': (end - DAY_MS) // 1000, 'end': end // 1000}
    members = period | {'project': month.PROJECT}
    probe = '/v1/probes/probe-00000/energy'
    yield Case('month of a probe, 15 min', probe, period | {'step': 900}, 1)
    yield Case('month of a probe, days', probe, period | {'step': 'day'}, 0.5)
    yield Case('closed day of all probes', '/v1/energy', day, 5)
    yield Case('open day of all probes', '/v1/energy', today, 15)
    yield Case('month of a project', '/v1/energy', members, 5)
    yield Case(
        'month of a project, days',
        '/v1/energy',
        members | {'step': 'day'},
        5,
    )
    yield Case('month of all probes', '/v1/energy', period, 60)


def make(engine: sa.Engine) -> typing.Any:
    """Return the API, without authentication."""
    url = engine.url.render_as_string(hide_password=False)
    conf = simulation.configure(url)
    conf.set_override('auth_strategy', 'noauth', 'api')
    return app.make(conf)


def measure(
    name: str, application: typing.Any, case: Case, rounds: int
) -> Result:
    """Return the median duration of a request."""
    durations, processor = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        began_cpu = time.process_time()
        bodies = list(follow(application, case))
        durations.append(time.perf_counter() - began)
        processor.append(time.process_time() - began_cpu)
    return Result(
        name,
        case,
        statistics.median(durations),
        statistics.median(processor),
        len(bodies),
        sum(body.count(b'"start"') for body in bodies),
        sum(map(len, bodies)) / 1e6,
    )


def follow(
    application: typing.Any, case: Case
) -> collections.abc.Iterator[bytes]:
    """Yield all responses of a request."""
    url = f'{case.path}?{urllib.parse.urlencode(case.parameters)}'
    while url:
        response = webob.Request.blank(url).get_response(application)
        if response.status_code != 200:
            raise RuntimeError(f'{url}: {response.status} {response.text}')
        yield response.body
        url = response.json['next']


def table(results: collections.abc.Iterable[Result]) -> str:
    """Return the results as a table."""
    output = prettytable.PrettyTable(
        ['database', 'request', 'ms', 'CPU ms', 'responses', 'rows', 'MB'],
        align='r',
    )
    for each in results:
        output.add_row(
            [
                each.database,
                each.case.title,
                f'{each.duration * 1000:.0f}',
                f'{each.cpu * 1000:.0f}',
                each.responses,
                each.rows,
                f'{each.megabytes:.1f}',
            ]
        )
    return output.get_string()


def judge(result: Result) -> tuple[str, bool]:
    """Return a claim and whether it holds."""
    return (
        f'{result.database}: {result.case.title} within '
        f'{result.case.limit:g} s',
        result.duration <= result.case.limit,
    )


if __name__ == '__main__':
    sys.exit(main())
