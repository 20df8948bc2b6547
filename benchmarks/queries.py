# SPDX-License-Identifier: Apache-2.0

"""Time of requests for the energy of a fleet in a period.

Loads a fleet whose days are closed, except the last two, and measures requests
to the API, from the request to the last byte. Prints a table and the claims;
the exit code is 1 if a claim fails.
"""

import argparse
import collections.abc
import logging
import random
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
from energy_meter.billing import profile
from energy_meter.db import closed_days
from energy_meter.db import day_packing
from energy_meter.db import documents
from energy_meter.db import engine as db_engine
from energy_meter.db import marks
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.tests import rows
from energy_meter.tests.functional import simulation

LOG = logging.getLogger(__name__)

DAY_MS = closed_days.DAY_MS
PROJECT = 'project'
#: The last days are open, and have marks.
OPEN_DAYS = 2
#: Number of different days; all days of the fleet are among them.
_PATTERNS = 100
_CHUNK = 5000

_SLOT = {'slot': documents.INTEGER}


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
    LOG.setLevel(logging.INFO)
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
        first = load(engine, name, arguments)
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
    month = {'start': start // 1000, 'end': end // 1000}
    day = month | {'end': (start + DAY_MS) // 1000}
    today = {'start': (end - DAY_MS) // 1000, 'end': end // 1000}
    members = month | {'project': PROJECT}
    probe = '/v1/probes/probe-00000/energy'
    yield Case('month of a probe, 15 min', probe, month | {'step': 900}, 1)
    yield Case('month of a probe, days', probe, month | {'step': 'day'}, 0.5)
    yield Case('closed day of all probes', '/v1/energy', day, 5)
    yield Case('open day of all probes', '/v1/energy', today, 15)
    yield Case('month of a project', '/v1/energy', members, 5)
    yield Case(
        'month of a project, days',
        '/v1/energy',
        members | {'step': 'day'},
        5,
    )
    yield Case('month of all probes', '/v1/energy', month, 60)


def load(engine: sa.Engine, name: str, arguments: argparse.Namespace) -> int:
    """Write the fleet, and return the number of its first day."""
    with engine.connect() as connection:
        db_now = db_engine.now(connection)
    first = db_now // DAY_MS - arguments.days
    closed = arguments.days - OPEN_DAYS
    with engine.begin() as connection:
        LOG.info('%s: loading %d probes', name, arguments.probes)
        _insert(connection, schema.register, registers(first, arguments))
        _insert(connection, schema.probe, probes(first + closed, arguments))
        _insert(connection, schema.membership, members(arguments))
        LOG.info('%s: loading marks of %d days', name, OPEN_DAYS)
        add_marks(connection, first + closed, first + arguments.days)
        patterns = make_patterns()
        for day in range(first, first + closed):
            LOG.info('%s: loading day %d of %d', name, day - first + 1, closed)
            _insert(
                connection,
                schema.closed_day,
                days(day, patterns, arguments.probes),
            )
    return first


def _insert(
    connection: sa.Connection,
    destination: sa.Table,
    values: list[dict[str, object]],
) -> None:
    for start in range(0, len(values), _CHUNK):
        connection.execute(
            destination.insert(), values[start : start + _CHUNK]
        )


def registers(
    first: int, arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """Return a register of each probe, opened at the first midnight."""
    opened, elapsed = first * DAY_MS, arguments.days * DAY_MS
    lags = dict.fromkeys((f'lag{each}' for each in range(5)), opened + 200)
    return [
        rows.REGISTER
        | lags
        | {
            'number': number,
            'probe': f'probe-{number:05}',
            'register': f'{number:016x}',
            'first_timestamp': opened,
            'elapsed': elapsed,
            'millijoules': elapsed * 100,
            'metered': elapsed,
            'live_elapsed': elapsed,
            'timestamp': opened + elapsed,
            'last_seen_at': opened + elapsed,
            'host': f'node-{number:05}',
            'opened': opened,
        }
        for number in range(arguments.probes)
    ]


def probes(
    closed_until: int, arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """Return the probes, closed until a day."""
    return [
        rows.PROBE
        | {
            'id': f'probe-{number:05}',
            'tip': number,
            'closed_until': closed_until * DAY_MS,
        }
        for number in range(arguments.probes)
    ]


def members(arguments: argparse.Namespace) -> list[dict[str, object]]:
    """Return the spans of probes that are billed to a project."""
    return [
        {
            'member': f'probe-{number:05}',
            'kind': memberships.Kind.PROJECT,
            'whole': PROJECT,
            'since': 0,
            'joined_shown': 0,
        }
        for number in range(min(arguments.members, arguments.probes))
    ]


def add_marks(connection: sa.Connection, first: int, until: int) -> None:
    """Write the marks of all registers on some days, at 100 W."""
    received = documents.table(connection, _SLOT)
    register = schema.register.c
    elapsed = received.c.slot * marks.SLOT_MS - register.opened
    query = sa.select(
        received.c.slot, register.number, elapsed, elapsed * 100, elapsed
    ).join_from(received, schema.register, sa.true())
    slots = range(
        first * DAY_MS // marks.SLOT_MS, until * DAY_MS // marks.SLOT_MS
    )
    connection.execute(
        schema.mark.insert().from_select(
            [column.name for column in schema.mark.columns], query
        ),
        documents.pack((slot,) for slot in slots),
    )


def make_patterns() -> list[dict[str, object]]:
    """Return the columns of days of servers of 200 to 400 W."""
    generator = random.Random(0)  # noqa: S311
    found: list[dict[str, object]] = []
    for _ in range(_PATTERNS):
        energy = 0
        edges = []
        for metered in range(0, DAY_MS + 1, closed_days.INTERVAL_MS):
            edges.append(profile.Edge(metered, energy, metered, 0))
            watts = generator.uniform(200, 400)
            energy += int(closed_days.INTERVAL_MS * watts)
        found.append(
            {
                'millijoules': edges[-1].millijoules,
                'packed': day_packing.pack(edges, [profile.Clock(0)] * 96),
            }
        )
    return found


def days(
    day: int, patterns: list[dict[str, object]], count: int
) -> list[dict[str, object]]:
    """Return the first versions of a day of all probes."""
    return [
        {
            'probe': f'probe-{number:05}',
            'day': day,
            'version': 1,
            'closed_at': (day + 1) * DAY_MS,
            'complete': True,
            'reason': 'closed',
            'username': '',
            'metered': DAY_MS,
            'uncertain_start': 0,
            'uncertain_end': 0,
            'clock': 0,
            **patterns[(day + number) % _PATTERNS],
        }
        for number in range(count)
    ]


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
