# SPDX-License-Identifier: Apache-2.0

"""Time of a list of all probes after a year of daily restarts.

Each restart opens a register for each probe. Lists the probes of a new
database, and those of one that has seen the restarts. Prints a table and the
claims; the exit code is 1 if a claim fails.
"""

import argparse
import functools
import sys

import sqlalchemy as sa

from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.tests.functional import simulation

#: Number of restarts after which the probes are listed again.
YEAR = 365
DAY_MS = 86_400_000
#: Seconds after which a probe is no longer listed.
TTL_S = 3600.0

#: Maximum ratio of the listings after and before the year.
MAX_RATIO = 1.5

COLUMNS = ('listing ms', 'after a year ms', 'ratio')


def run(name: str, arguments: argparse.Namespace) -> simulation.Result:
    """Run the benchmark on one database."""
    agent = simulation.Agent('agent', arguments.probes)
    with (
        simulation.database(name) as engine,
        simulation.database(name) as old_engine,
    ):
        for each in (engine, old_engine):
            simulation.write(each, agent.measure())
        simulation.report(f'{name}: adding the registers of a year')
        add_restarts(old_engine)
        simulation.report(f'{name}: lists')
        listing, old_listing = simulation.compare(
            arguments.rounds,
            lambda: functools.partial(list_probes, engine),
            lambda: functools.partial(list_probes, old_engine),
        )
    return simulation.Result(
        [
            f'{listing * 1000:.0f}',
            f'{old_listing * 1000:.0f}',
            f'{old_listing / listing:.2f}',
        ],
        [
            (
                'after a year of daily restarts, a list takes at most '
                f'{MAX_RATIO:g} times as long',
                old_listing <= MAX_RATIO * listing,
            )
        ],
    )


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


if __name__ == '__main__':
    sys.exit(simulation.main(__doc__, COLUMNS, run))
