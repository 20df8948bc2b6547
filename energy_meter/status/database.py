# SPDX-License-Identifier: Apache-2.0

"""Checks of the database and of its contents."""

import collections.abc
import contextlib
import functools
import time
import typing

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
import sqlalchemy as sa

from energy_meter import exception
from energy_meter.billing import alarms
from energy_meter.billing import dates
from energy_meter.db import displayed
from energy_meter.db import engine as db_engine
from energy_meter.db import migration
from energy_meter.db import probes
from energy_meter.db import schema

#: Permitted difference between clocks, in addition to the usual latency of
#: measurements.
_MAX_CLOCK_SKEW_MS = 5_000
#: Age up to which a rejection is reported.
_REPORT_WINDOW_MS = 86_400_000
#: Reason of measurements that are not rejected: collectors only set their
#: timestamp to the present.
_CLAMPED = 'measurements_clamped'
#: Maximum number of names in one message.
_MAX_NAMES = 5

_Check = collections.abc.Callable[[cfg.ConfigOpts], upgradecheck.Result]
_Query = collections.abc.Callable[
    [sa.Connection, cfg.ConfigOpts], upgradecheck.Result
]


def revision(conf: cfg.ConfigOpts) -> upgradecheck.Result:
    """Check that the schema is at the revision of this release."""
    if not conf.database.connection:
        return upgradecheck.Result(
            upgradecheck.Code.SUCCESS,
            'No database is configured here. Collectors and the API require '
            '[database] connection.',
        )
    try:
        with _connect(conf) as database:
            # Raises an error if the database is unavailable; check() does not.
            migration.version(database)
            migration.check(database)
    except exception.EnergyMeterError as error:
        return upgradecheck.Result(upgradecheck.Code.FAILURE, str(error))
    except db_engine.ERRORS as error:
        return upgradecheck.Result(
            upgradecheck.Code.FAILURE,
            f'Cannot use the database ({db_engine.explain(error)}). Check '
            '[database] connection and the database server.',
        )
    return upgradecheck.Result(upgradecheck.Code.SUCCESS)


@contextlib.contextmanager
def _connect(conf: cfg.ConfigOpts) -> collections.abc.Iterator[sa.Engine]:
    database = db_engine.connect(conf)
    try:
        yield database
    finally:
        database.dispose()


def check_contents(query: _Query) -> _Check:
    """Return a check of the database's contents.

    It succeeds if they cannot be read, which :func:`revision` reports.
    """

    @functools.wraps(query)
    def check(conf: cfg.ConfigOpts) -> upgradecheck.Result:
        if revision(conf).code or not conf.database.connection:
            return upgradecheck.Result(
                upgradecheck.Code.SUCCESS,
                'Skipped, see the database revision.',
            )
        with _connect(conf) as database, database.connect() as connection:
            return query(connection, conf)

    return check


@check_contents
def stale_probes(
    connection: sa.Connection, conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Check that every probe was updated recently."""
    known = connection.scalars(sa.select(schema.probe.c.id))
    fresh = probes.list_updated(connection, conf.api.probe_ttl)
    names = sorted(set(known).difference(fresh))
    if not names:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'No update for more than {conf.api.probe_ttl:g} s from '
        f'{enumerate_names(names)}. Check the agent and its log. To remove a '
        'probe that no longer exists, run: energy-meter-manage probe delete '
        'PROBE',
    )


@check_contents
def rejections(
    connection: sa.Connection, conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Check that collectors have not rejected any messages recently."""
    counts = [
        f'{reason} of agent {agent}: {count}'
        if agent
        else f'{reason}: {count}'
        for reason, agent, count in _recent_rejections(connection)
        if reason != _CLAMPED
    ]
    if not counts:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        'Collectors rejected messages or measurements in the last day. Totals '
        f'since the installation: {enumerate_names(counts)}. The logs of '
        'the collectors name the senders of envelopes; "Troubleshooting" in '
        'the documentation explains the reasons.',
    )


def _recent_rejections(
    connection: sa.Connection,
) -> collections.abc.Iterable[typing.Any]:
    """Return reason, agent and total count of those of the last day."""
    table = schema.rejection
    return connection.execute(
        sa.select(table.c.reason, table.c.agent, table.c.count)
        .where(table.c.last_seen_at > db_engine.clock() - _REPORT_WINDOW_MS)
        .order_by(table.c.reason, table.c.agent)
    ).all()


@check_contents
def clocks(
    connection: sa.Connection, conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Check the clocks of agents, of the database and of this machine."""
    before = int(time.time() * 1000)
    db_now = db_engine.now(connection)
    after = int(time.time() * 1000)
    if not before - _MAX_CLOCK_SKEW_MS <= db_now <= after + _MAX_CLOCK_SKEW_MS:
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            f'Clock of the database is {abs(db_now - after) / 1000:.0f} s '
            f'{"ahead of" if db_now > after else "behind"} this machine. '
            'Synchronize both with NTP.',
        )
    if any(row.reason == _CLAMPED for row in _recent_rejections(connection)):
        return upgradecheck.Result(
            upgradecheck.Code.WARNING,
            'Clock of an agent was ahead of the database in the last day. The '
            'logs of the collectors name the agent. Synchronize both with '
            'NTP.',
        )
    late = [
        f'{name} ({delay / 1000:.0f} s)'
        for name, delay in _late_agents(connection, conf)
    ]
    if not late:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        'Measurements of these agents arrive late: '
        f'{enumerate_names(late)}. The agents are recovering from an outage, '
        'or their clocks are behind. Check again in a few minutes, then '
        'synchronize the clocks with NTP.',
    )


def _late_agents(
    connection: sa.Connection,
    conf: cfg.ConfigOpts,
) -> collections.abc.Iterable[typing.Any]:
    """Return the agents whose measurements all arrived late."""
    table, probe = schema.register, schema.probe
    delay = sa.func.min(table.c.last_seen_at - table.c.timestamp)
    usual_delay = conf.agent.publish_interval + conf.collector.flush_interval
    return connection.execute(
        sa.select(table.c.agent_name, delay)
        .join(
            probe,
            table.c.number == sa.func.coalesce(probe.c.tip, probe.c.displayed),
        )
        .where(displayed.is_fresh(conf.api.probe_ttl))
        .group_by(table.c.agent_name)
        .having(delay > int(usual_delay * 1000) + _MAX_CLOCK_SKEW_MS)
        .order_by(table.c.agent_name)
    ).all()


#: Meaning of each alarm, and what to do.
_ALARMS = {
    dates.CLOCK_AHEAD: (
        'The clock of the agent is ahead. Synchronize it with NTP, then '
        'restart the agent.'
    ),
    dates.CLOCK_BEHIND: (
        'The clock of the agent is behind. Synchronize it with NTP, then '
        'restart the agent.'
    ),
    dates.CLOCK_UNSET: (
        'The kernel of the agent does not consider its clock synchronized. '
        'Start an NTP client there, or set [agent] clock if the clock is '
        'synchronized by other means.'
    ),
    alarms.COPIED_STATE: (
        'The state directory of the agent was copied or restored while it '
        'was running. If two agents use copies of it, stop one, and give it '
        'an empty state_path.'
    ),
    alarms.CONCURRENT_AGENTS: (
        'Two agents meter the probe; each instant is billed once. Remove the '
        'probe from one of them, unless they are a standby pair.'
    ),
}


@check_contents
def probe_alarms(
    connection: sa.Connection, _conf: cfg.ConfigOpts
) -> upgradecheck.Result:
    """Check that no probe has an alarm."""
    table = schema.probe
    names: dict[str, list[str]] = {}
    for probe, text in connection.execute(
        sa.select(table.c.id, table.c.alarms)
        .where(table.c.alarms != '')
        .order_by(table.c.id)
    ):
        for alarm in text.split():
            names.setdefault(alarm, []).append(probe)
    if not names:
        return upgradecheck.Result(upgradecheck.Code.SUCCESS)
    reports = (
        f'{alarm} of {enumerate_names(names[alarm])}: {_ALARMS[alarm]}'
        for alarm in sorted(names)
    )
    return upgradecheck.Result(
        upgradecheck.Code.WARNING,
        f'{" ".join(reports)} Details: energy-meter-manage register show '
        'PROBE',
    )


def enumerate_names(names: collections.abc.Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    hidden = len(names) - _MAX_NAMES
    return ', '.join(names[:_MAX_NAMES]) + (
        f' and {hidden} more' if hidden > 0 else ''
    )
