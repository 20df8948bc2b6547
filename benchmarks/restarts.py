# SPDX-License-Identifier: Apache-2.0

"""Cost for the database of an agent that restarts.

Each restart opens a register for each probe. The benchmark writes batches of
an agent that goes on and of one that restarted. It then lists the probes, and
those of a second database that has seen a year of daily restarts. Prints a
table and the claims; the exit code is 1 if a claim fails.
"""

import argparse
import collections.abc
import functools
import sys
import typing

import prettytable
import sqlalchemy as sa

from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.tests.functional import simulation

#: Number of restarts after which the probes are listed again.
YEAR = 365
DAY_MS = 86_400_000
#: Seconds after which a probe is no longer listed.
TTL_S = 3600.0

#: Maximum ratio of the batch after a restart and any other.
MAX_RESTART_RATIO = 4.0
#: Maximum ratio of the listings after and before the year.
MAX_LISTING_RATIO = 1.5


class Result(typing.NamedTuple):
    """Median durations in seconds.

    :ivar batch: of a batch of all probes.
    :ivar restart: of the first batch after a restart.
    :ivar listing: of a list of all probes.
    :ivar old_listing: of the list after a year of restarts.
    """

    database: str
    batch: float
    restart: float
    listing: float
    old_listing: float


def main() -> int:
    """Run the benchmark and return the exit code."""
    arguments = simulation.parse(__doc__)
    results = [run(name, arguments) for name in arguments.databases]
    print(table(results))
    claims = [claim for result in results for claim in judge(result)]
    for text, holds in claims:
        print('holds ' if holds else 'FAILS ', text)
    return 0 if all(holds for _, holds in claims) else 1


def run(name: str, arguments: argparse.Namespace) -> Result:
    """Run the benchmark on one database."""
    agent = simulation.Agent('agent', arguments.probes)
    with (
        simulation.database(name) as engine,
        simulation.database(name) as old_engine,
    ):

        def next_batch() -> simulation.Action:
            return functools.partial(simulation.write, engine, agent.measure())

        def first_batch() -> simulation.Action:
            agent.restart()
            return next_batch()

        simulation.write(engine, agent.measure())
        batch, restart = simulation.compare(
            arguments.rounds, next_batch, first_batch
        )
        simulation.write(old_engine, agent.measure())
        report(f'{name}: adding the registers of a year')
        add_restarts(old_engine)
        listing, old_listing = simulation.compare(
            arguments.rounds,
            lambda: functools.partial(list_probes, engine),
            lambda: functools.partial(list_probes, old_engine),
        )
    return Result(name, batch, restart, listing, old_listing)


def add_restarts(engine: sa.Engine) -> None:
    """Add the ended registers of a year of daily restarts."""
    register = schema.register
    days = sa.bindparam('days', type_=sa.BigInteger)
    changed = {
        'number': register.c.number + days,
        'role': sa.literal(schema.Role.SETTLED.value),
        'last_seen_at': register.c.last_seen_at - days * DAY_MS,
    }
    statement = register.insert().from_select(
        [column.name for column in register.columns],
        sa.select(
            *(changed.get(each.name, each) for each in register.columns)
        ).where(register.c.role == schema.Role.SOLE.value),
    )
    for number in range(1, YEAR):
        with engine.begin() as connection:
            connection.execute(statement, {'days': number})


def list_probes(engine: sa.Engine) -> None:
    """List all probes."""
    with engine.connect() as connection:
        list(probes.list_states(connection, TTL_S))


def table(results: collections.abc.Iterable[Result]) -> str:
    """Return the results as a table, in milliseconds."""
    output = prettytable.PrettyTable(
        [
            'database',
            'batch ms',
            'after a restart ms',
            'ratio',
            'listing ms',
            'after a year ms',
            'listing ratio',
        ],
        align='r',
    )
    for each in results:
        output.add_row(
            [
                each.database,
                f'{each.batch * 1000:.0f}',
                f'{each.restart * 1000:.0f}',
                f'{each.restart / each.batch:.2f}',
                f'{each.listing * 1000:.0f}',
                f'{each.old_listing * 1000:.0f}',
                f'{each.old_listing / each.listing:.2f}',
            ]
        )
    return output.get_string()


def judge(
    result: Result,
) -> collections.abc.Iterator[tuple[str, bool]]:
    """Yield each claim and whether it holds."""
    yield (
        f'{result.database}: the batch after a restart takes at most '
        f'{MAX_RESTART_RATIO:g} times as long as any other',
        result.restart <= MAX_RESTART_RATIO * result.batch,
    )
    yield (
        f'{result.database}: after a year of daily restarts, a listing takes '
        f'at most {MAX_LISTING_RATIO:g} times as long',
        result.old_listing <= MAX_LISTING_RATIO * result.listing,
    )


def report(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == '__main__':
    sys.exit(main())
