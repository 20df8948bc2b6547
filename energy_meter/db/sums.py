# SPDX-License-Identifier: Apache-2.0

"""Probes that are the sum of others, for example of the two PDUs of a host.

A sum is a query, not a register: it adds the energy that each part has shown
since it joined. The energy of a part that leaves remains in the sum, so a sum
never decreases.
"""

import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter.db import memberships
from energy_meter.db import probes
from energy_meter.db import schema


class Sum(typing.NamedTuple):
    """Configured sum.

    :ivar parts: ids of the probes that are added.
    """

    id: str
    host: str
    parts: frozenset[str]


_SUM, _MEMBER = schema.sum_probe, schema.membership
_IS_PART = sa.and_(
    _MEMBER.c.whole == _SUM.c.id, _MEMBER.c.kind == memberships.Kind.SUM
)

#: Parts that were updated recently, and all that have a measurement, by id.
_States = dict[str, tuple[probes.ProbeState, bool]]


def configure(
    connection: sa.Connection, configured: collections.abc.Iterable[Sum]
) -> None:
    """Replace all sums; parts join and leave at the present energy."""
    totals = list(configured)
    connection.execute(_SUM.delete())
    if totals:
        connection.execute(
            _SUM.insert(),
            [{'id': total.id, 'host': total.host} for total in totals],
        )
    memberships.configure(
        connection,
        memberships.Kind.SUM,
        {(total.id, part) for total in totals for part in total.parts},
    )


def list_states(
    connection: sa.Connection,
    ttl: float,
) -> collections.abc.Iterator[probes.ProbeState]:
    """Return the sums with a part that was updated within ``ttl`` seconds."""
    return _list(connection, ttl, sa.true())


def get_state(
    connection: sa.Connection, total: str, ttl: float
) -> probes.ProbeState | None:
    """Return a sum; None if no part was updated within ``ttl`` seconds."""
    return next(_list(connection, ttl, _SUM.c.id == total), None)


def _list(
    connection: sa.Connection, ttl: float, condition: sa.ColumnElement[bool]
) -> collections.abc.Iterator[probes.ProbeState]:
    rows = connection.execute(
        sa.select(
            _SUM.c.id,
            _SUM.c.host,
            memberships.PROJECT.c.whole.label('project'),
            _MEMBER.c.member,
            _MEMBER.c.joined_shown,
            _MEMBER.c.left_shown,
        )
        .join(_MEMBER, _IS_PART)
        .join(
            memberships.PROJECT,
            memberships.is_billed_for(_SUM.c.id),
            isouter=True,
        )
        .where(condition)
        .order_by(_SUM.c.id, _MEMBER.c.member)
    ).all()
    if not rows:
        return
    members = sa.select(_MEMBER.c.member).join(_SUM, _IS_PART)
    states = {
        state.id: (state, fresh)
        for state, fresh in probes.load(
            connection,
            ttl,
            schema.probe.c.id.in_(
                members.where(condition, _MEMBER.c.until.is_(None))
            ),
        )
    }
    for (total, host, project), group in itertools.groupby(
        rows, key=lambda row: (row.id, row.host, row.project)
    ):
        state = _state(total, host, project, list(group), states)
        if state is not None:
            yield state


def _state(
    total: str,
    host: str,
    project: str | None,
    spans: list[typing.Any],
    states: _States,
) -> probes.ProbeState | None:
    parts = [row.member for row in spans if row.left_shown is None]
    metered = [states[part][0] for part in parts if part in states]
    fresh = [states[state.id][0] for state in metered if states[state.id][1]]
    if not fresh:
        return None
    return probes.ProbeState(
        total,
        max(state.timestamp for state in fresh),
        sum(_millijoules(row, states) for row in spans),
        _watts(parts, fresh),
        'node',
        host,
        '+'.join(sorted({state.wattmeter for state in metered})),
        '+'.join(sorted({state.driver for state in metered})),
        min(state.coverage for state in metered),
        project,
        tuple(parts),
        sum(state.ahead for state in metered),
        tuple(sorted({alarm for state in metered for alarm in state.alarms})),
    )


def _millijoules(row: typing.Any, states: _States) -> int:
    left: int | None = row.left_shown
    if left is None:
        left = states[row.member][0].millijoules if row.member in states else 0
    return left - int(row.joined_shown)


def _watts(parts: list[str], fresh: list[probes.ProbeState]) -> float | None:
    """Return the total power; None unless the power of all parts is known."""
    watts = [state.watts for state in fresh if state.watts is not None]
    return sum(watts) if len(watts) == len(parts) else None
