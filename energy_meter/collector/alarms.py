# SPDX-License-Identifier: Apache-2.0

"""Alarms of probes: those of clocks, and reports to Prometheus and the log.

A settling finds the alarms of the probes that it settles. A probe whose
registers form one line is not settled, as no date changes its energy, but the
dates of its energy are wrong if the agent's clock is.
"""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import log_throttle
from energy_meter.billing import alarms
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import lines
from energy_meter.db import engine as db_engine
from energy_meter.db import histories
from energy_meter.db import schema
from energy_meter.db import tips
from energy_meter.telemetry import counters

#: Seconds between two reports. To read the registers of 10,000 probes whose
#: agent has no synchronized clock takes 0.2 s, and clocks change slowly.
INTERVAL_S = 60.0

#: Number of registers in memory.
_CHUNK = 1000

_CLOCKS = (dates.CLOCK_AHEAD, dates.CLOCK_BEHIND, dates.CLOCK_UNSET)
#: Names of all alarms.
NAMES = (*_CLOCKS, alarms.CONCURRENT_AGENTS, alarms.COPIED_STATE)

_PROBE, _REGISTER = schema.probe, schema.register


class Alarms:
    """Counts and logs each alarm of a probe when it is raised.

    Each collector reports those of all probes.
    """

    def __init__(
        self,
        counts: counters.Counters,
        throttled_log: log_throttle.ThrottledLogger,
    ) -> None:
        self._counters = counts
        self._throttled_log = throttled_log
        self._known: set[tuple[str, str, str]] = set()

    def report(self, engine: sa.Engine) -> None:
        """Report alarms that were raised since the last call."""
        with engine.connect() as connection:
            changes = _clock_changes(connection)
        if changes:
            with db_engine.writing(engine) as connection:
                _write(connection, changes)
        with engine.connect() as connection:
            current = _current(connection)
        raised = collections.defaultdict(list)
        for alarm, agent, probe in sorted(current - self._known):
            raised[alarm, agent].append(probe)
        for (alarm, agent), probes in raised.items():
            self._counters.count('alarms_raised', len(probes), alarm=alarm)
            self._throttled_log.warning(
                alarm,
                'Alarm %s: agent %s, %d probes, among them %s; run '
                'energy-meter-status upgrade check',
                alarm,
                agent,
                len(probes),
                probes[0],
                subject=agent,
            )
        self._known = current


def _clock_changes(connection: sa.Connection) -> list[dict[str, object]]:
    """Return alarms to set, of probes whose registers form one line."""
    changes: list[dict[str, object]] = []
    for row in _candidates(connection):
        known = histories.to_history(row)
        opening = dates.openings([known], lines.Lines([known]))[known.key]
        names = set(row.alarms.split()).difference(_CLOCKS)
        if opening.correction is not None:
            names.add(opening.correction)
        found = ' '.join(sorted(names))
        if found != row.alarms:
            changes.append(
                {'probe': row.probe, 'number': row.number, 'found': found}
            )
    return changes


def _candidates(
    connection: sa.Connection,
) -> collections.abc.Iterator[typing.Any]:
    """Yield the rows of registers that have an alarm, or may get one.

    They are read in parts: all of an agent whose clock is not synchronized
    took 15 MiB. A cursor would keep the database from reusing the space of
    rows that are updated meanwhile.
    """
    query = (
        sa.select(_REGISTER, _PROBE.c.alarms)
        .select_from(tips.PROBES)
        .where(
            _REGISTER.c.role == schema.Role.SOLE,
            ~_PROBE.c.contested,
            _may_change(),
        )
        .order_by(_REGISTER.c.number)
        .limit(_CHUNK)
    )
    part = connection.execute(query).all()
    while part:
        yield from part
        following = _REGISTER.c.number > part[-1].number
        part = connection.execute(query.where(following)).all()


def _may_change() -> sa.ColumnElement[bool]:
    """Return the condition that a register has an alarm, or may get one.

    It leaves out nearly all rows: to look at 10,000 takes 0.3 s otherwise.
    """
    own = _REGISTER.c.first_timestamp - _REGISTER.c.first_elapsed
    lags = [_REGISTER.c[f'lag{n}'] for n in range(history.LAG_CLASSES)]
    return sa.or_(
        _PROBE.c.alarms != '',
        ~_REGISTER.c.synced,
        *(own > lag + dates.MAX_AHEAD_MS for lag in lags),
        sa.and_(*(own < lag - dates.MAX_BEHIND_MS for lag in lags)),
    )


def _write(
    connection: sa.Connection, changes: list[dict[str, object]]
) -> None:
    # Unless another register became the tip meanwhile.
    connection.execute(
        _PROBE.update()
        .where(
            _PROBE.c.id == sa.bindparam('probe'),
            _PROBE.c.tip == sa.bindparam('number'),
            ~_PROBE.c.contested,
        )
        .values(alarms=sa.bindparam('found'), settled_at=db_engine.clock()),
        changes,
    )


def _current(connection: sa.Connection) -> set[tuple[str, str, str]]:
    """Return alarm, name of the agent, and probe, of all alarms."""
    is_shown = _REGISTER.c.number == sa.func.coalesce(
        _PROBE.c.tip, _PROBE.c.displayed
    )
    query = (
        sa.select(_PROBE.c.id, _PROBE.c.alarms, _REGISTER.c.agent_name)
        .join(_REGISTER, is_shown)
        .where(_PROBE.c.alarms != '')
    )
    return {
        (alarm, agent, probe)
        for probe, text, agent in connection.execute(query)
        for alarm in text.split()
    }
