# SPDX-License-Identifier: Apache-2.0

"""Queries of probes of energy.

Those of CPU time are left out, except in :func:`list_updated`.

The state of a probe is read from its row and from that of its tip. If several
registers meter a probe, it has no tip; if it is contested, its tip may have
ended. The energy is what was settled then, and the power that of one of its
registers.
"""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.db import displayed
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.db import tips

MILLIJOULES_PER_KWH = 3.6e9


class ProbeState(typing.NamedTuple):
    """State of one probe.

    :ivar timestamp: time of the measurement, in seconds since the epoch.
    :ivar millijoules: energy billed since its first measurement. It never
        decreases, unless a register is voided.
    :ivar watts: power at ``timestamp``; None if it is unknown.
    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar project_id: the project that is billed for it, if there is one.
    :ivar parts: ids of the probes of a sum; empty for other probes.
    :ivar ahead: the part of ``millijoules`` that was shown before data that
        arrived late reduced the energy; it does not rise until the energy
        has caught up.
    :ivar alarms: what an operator must look into, for example
        ``clock_behind``.
    """

    id: str
    timestamp: float
    millijoules: int
    watts: float | None
    scope: str
    host: str
    wattmeter: str
    driver: str
    coverage: float
    project_id: str | None
    parts: tuple[str, ...] = ()
    ahead: int = 0
    alarms: tuple[str, ...] = ()

    @property
    def kwh(self) -> float:
        """The energy in kWh."""
        return self.millijoules / MILLIJOULES_PER_KWH


_PROBE, _REGISTER = schema.probe, schema.register

_HAS_CURRENT_TIP = sa.and_(_PROBE.c.tip.is_not(None), ~_PROBE.c.contested)
# As a join, SQLite would read all registers that ever were.
_PROBE_COLUMNS = (
    _PROBE.c.id,
    _HAS_CURRENT_TIP,
    sa.func.coalesce(_PROBE.c.tip, _PROBE.c.displayed),
    tips.MILLIJOULES,
    tips.METERED,
    tips.ELAPSED,
    _PROBE.c.shown,
    _PROBE.c.alarms,
    memberships.PROJECT.c.whole,
)
_WIDTH = len(_PROBE_COLUMNS)
_Row = collections.abc.Sequence[typing.Any]


def list_ids(connection: sa.Connection, ttl: float) -> list[str]:
    """Return the ids of probes updated within ``ttl`` seconds, sorted."""
    return _updated(connection, ttl, tips.HAS_ENERGY)


def list_updated(connection: sa.Connection, ttl: float) -> list[str]:
    """Return the same, with the probes of CPU time."""
    return _updated(connection, ttl, sa.true())


def _updated(
    connection: sa.Connection, ttl: float, condition: sa.ColumnElement[bool]
) -> list[str]:
    fresh = sa.select(_REGISTER.c.probe).where(displayed.is_fresh(ttl))
    return sorted(
        connection.scalars(
            sa.union(
                fresh.join(_PROBE, tips.IS_TIP).where(condition),
                fresh.where(_is_of_others(condition)),
            )
        )
    )


def _is_of_others(
    condition: sa.ColumnElement[bool],
) -> sa.ColumnElement[bool]:
    """Return the condition that a register's probe has no current tip.

    :param condition: on the columns of the probe.
    """
    # As a join, SQLite would read all registers that ever were.
    return _REGISTER.c.probe.in_(
        sa.select(_PROBE.c.id).where(~_HAS_CURRENT_TIP, condition)
    )


def list_states(
    connection: sa.Connection, ttl: float
) -> collections.abc.Iterator[ProbeState]:
    """Return the probes updated within ``ttl`` seconds, sorted by id."""
    for state, fresh in load(
        connection, ttl, sa.or_(~_HAS_CURRENT_TIP, displayed.is_fresh(ttl))
    ):
        if fresh:
            yield state


def get_state(
    connection: sa.Connection, probe: str, ttl: float
) -> ProbeState | None:
    """Return a probe; None if it is not updated within ``ttl`` seconds."""
    for state, fresh in load(connection, ttl, _PROBE.c.id == probe):
        if fresh:
            return state
    return None


def load(
    connection: sa.Connection, ttl: float, condition: sa.ColumnElement[bool]
) -> collections.abc.Iterator[tuple[ProbeState, bool]]:
    """Return the probes that fulfill a condition, sorted by id.

    :param condition: of the columns of :data:`tips.PROBES`.
    :returns: each probe, and whether it was updated within ``ttl`` seconds.
    """
    query = (
        sa.select(*_PROBE_COLUMNS, displayed.is_fresh(ttl), *displayed.COLUMNS)
        .select_from(
            tips.PROBES.outerjoin(
                memberships.PROJECT, memberships.is_billed_for(_PROBE.c.id)
            )
        )
        .where(condition, tips.HAS_ENERGY)
        .order_by(_PROBE.c.id)
    )
    # All rows at once, which is much faster than row by row.
    rows = connection.execute(query).all()
    # Even if they are settled between the two queries.
    others = displayed.find(
        connection, ttl, {row[0]: row[2] for row in rows if not row[1]}
    )
    for row in rows:
        probe, has_current_tip = row[:2]
        if has_current_tip:
            yield _state(row, row[_WIDTH + 1 :]), row[_WIDTH]
        elif probe in others:
            fresh, *latest = others[probe]
            yield _state(row, latest), fresh


def _state(row: _Row, latest: _Row) -> ProbeState:
    (
        name,
        _has_current_tip,
        _shown_register,
        millijoules,
        metered,
        elapsed,
        shown,
        alarms,
        project,
    ) = row[:_WIDTH]
    timestamp, watts, scope, host, wattmeter, driver = latest
    # By position and without calls: there can be 100,000 of them.
    is_ahead = shown > millijoules
    return ProbeState(
        name,
        timestamp / 1000,
        shown if is_ahead else millijoules,
        watts,
        scope,
        host,
        wattmeter,
        driver,
        metered / elapsed if elapsed > metered else 1.0,
        project,
        (),
        shown - millijoules if is_ahead else 0,
        tuple(alarms.split()) if alarms else (),
    )


class Fingerprint(typing.NamedTuple):
    """What changes whenever the list of probes changes.

    :ivar expires_at: when the next probe expires unless it is updated, on the
        database's clock in ms; None if there is none.
    """

    values: tuple[object, ...]
    expires_at: int | None


def fingerprint(connection: sa.Connection, ttl: float) -> Fingerprint:
    """Return the fingerprint of the probes updated within ``ttl`` seconds.

    It is much cheaper than the list: every update advances a register, a probe
    that is added or expires changes the count, and whatever else changes a
    probe settles it.
    """
    total = sa.func.sum
    # As floats, because the sums would overflow SQLite's integers.
    settled = (
        sa.func.count(),
        total(_PROBE.c.base_millijoules * 1.0),
        total(_PROBE.c.shown * 1.0),
        total(_PROBE.c.settled_at),
        total(sa.case((_HAS_CURRENT_TIP, 0), else_=1)),
    )
    metered = (
        sa.func.count(_REGISTER.c.number),
        total(_REGISTER.c.millijoules * 1.0),
        total(_REGISTER.c.elapsed),
        total(_REGISTER.c.timestamp),
        sa.func.max(_REGISTER.c.last_seen_at),
        sa.func.min(_REGISTER.c.last_seen_at),
    )
    fresh = displayed.is_fresh(ttl)
    probes = (
        sa.select(*settled, *metered)
        .select_from(_PROBE.outerjoin(_REGISTER, tips.IS_TIP & fresh))
        .where(tips.HAS_ENERGY)
    )
    rows = [connection.execute(probes).one()]
    if rows[0][len(settled) - 1]:
        others = sa.select(*metered).where(
            fresh, _is_of_others(tips.HAS_ENERGY)
        )
        rows.append(connection.execute(others).one())
    oldest = min((row[-1] for row in rows if row[-1]), default=None)
    return Fingerprint(
        tuple(value for row in rows for value in row),
        None if oldest is None else oldest + int(ttl * 1000),
    )
