# SPDX-License-Identifier: Apache-2.0

"""Checks of the database and of what stands in it."""

import collections.abc
import contextlib
import functools
import time
import typing

from oslo_config import cfg
from oslo_db import exception as db_exception
from oslo_upgradecheck import upgradecheck
import sqlalchemy as sa

from energy_meter import exception
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.db import schema

#: Seconds by which clocks may differ, beyond what measurements take on
#: their way.
_SKEW = 5.0
#: Seconds for which a refusal matters.
_DAY = 86_400
#: What collectors do not refuse, but set back to now.
_FUTURE = 'future'
#: Names that one line shows.
_NAMES = 5

_Check = collections.abc.Callable[[cfg.ConfigOpts], upgradecheck.Result]
_Query = collections.abc.Callable[
    [sa.Connection, cfg.ConfigOpts], upgradecheck.Result
]


def revision(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Is the schema that of this release?"""
    if not conf.database.connection:
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS,
            'None is configured here; collectors and the API need [database] '
            'connection.',
        )
    try:
        with _connect(conf) as database:
            # The check lets a database pass that is away.
            migration.version(database)
            migration.check(database)
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(upgradecheck.Code.FAILURE, str(error))
    except (db_exception.DBError, sa.exc.SQLAlchemyError) as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'The database can not be used ({db_engine.explain(error)}): see '
            '[database] connection, and whether the server runs.',
        )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


@contextlib.contextmanager
def _connect(conf: cfg.ConfigOpts) -> collections.abc.Iterator[sa.Engine]:
    database = db_engine.connect(conf)
    try:
        yield database
    finally:
        database.dispose()


def _reading(query: _Query) -> _Check:
    """Make a check of what stands in the database.

    Where it can't be read, :func:`revision` has said why.
    """

    @functools.wraps(query)
    def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
        if revision(conf).code or not conf.database.connection:
            return upgradecheck.Result(
                upgradecheck.Code.SUCCESS,
                'Not checked: see the revision of the database.',
            )
        with _connect(conf) as database, database.connect() as connection:
            return query(connection, conf)

    return check


@_reading
def silent_probes(
    connection: sa.Connection, conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Is there news of every probe?"""
    table = schema.probe
    silent = table.c.heard_at < db_engine.clock() - conf.api.probe_ttl
    names = list(
        connection.scalars(
            sa.select(table.c.id).where(silent).order_by(table.c.id)
        )
    )
    if not names:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'No news for more than {conf.api.probe_ttl:g} s of {_some(names)}. '
        'Does their agent run, and what does its log say of their wattmeter? '
        'A probe that is gone for good goes with: energy-meter-manage probe '
        'forget PROBE',
    )


@_reading
def refusals(
    connection: sa.Connection, conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Did collectors believe all that they read?"""
    found = [
        (what, number)
        for what, number in _refused(connection)
        if what != _FUTURE
    ]
    if not found:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    shown = _some([f'{what}: {number}' for what, number in found])
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        'Collectors refused messages or measurements in the last day; since '
        f'the beginning: {shown}. Their logs say whose, and the documentation,'
        ' in "Troubleshooting", what each means.',
    )


def _refused(
    connection: sa.Connection,
) -> collections.abc.Iterable[typing.Any]:
    """Give what happened in the last day, and how often ever."""
    table = schema.refusal
    return connection.execute(
        sa.select(table.c.what, table.c.number)
        .where(table.c.at > db_engine.clock() - _DAY)
        .order_by(table.c.what)
    ).all()


@_reading
def clocks(
    connection: sa.Connection, conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Do the clocks of agents, of the database and of this machine agree?"""
    before, theirs, after = time.time(), db_engine.now(connection), time.time()
    if not before - _SKEW <= theirs <= after + _SKEW:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f"The database's clock is {abs(theirs - after):.0f} s "
            f'{"ahead of" if theirs > after else "behind"} that of this '
            'machine: synchronise both, with chrony for instance.',
        )
    if _FUTURE in dict(_refused(connection)):
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            "An agent's clock was ahead of the database's in the last day: "
            'the logs of the collectors name it. Synchronise both.',
        )
    late = [
        f'{name} ({behind:.0f} s)'
        for name, behind in _late_agents(connection, conf)
    ]
    if not late:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'Measurements of these agents seem old when they come: {_some(late)}.'
        ' Either their clocks are behind, or they catch up on an outage: '
        'check again in some minutes, then synchronise the clocks.',
    )


def _late_agents(
    connection: sa.Connection,
    conf: cfg.ConfigOpts,
) -> collections.abc.Iterable[typing.Any]:
    """Give agents of which even the freshest measurement came late."""
    table = schema.probe
    behind = sa.func.min(table.c.heard_at - table.c.time)
    # What is published and written at these intervals is so old at least.
    usual = conf.agent.publish_interval + conf.collector.flush_interval
    return connection.execute(
        sa.select(table.c.agent_name, behind)
        .where(table.c.heard_at > db_engine.clock() - conf.api.probe_ttl)
        .group_by(table.c.agent_name)
        .having(behind > usual + _SKEW)
        .order_by(table.c.agent_name)
    ).all()


def _some(names: collections.abc.Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ', '.join(names[:_NAMES]) + (
        f' and {more} more' if more > 0 else ''
    )
