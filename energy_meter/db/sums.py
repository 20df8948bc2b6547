# SPDX-License-Identifier: Apache-2.0

"""Probes that are the sum of others, for example of the two PDUs of a host.

A sum is a query, not a register: it adds the energy that each part was billed
for since it joined. The energy of a part that leaves remains in the sum, so a
sum never decreases.
"""

import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import schema


class Sum(typing.NamedTuple):
    """Configured sum.

    :ivar parts: ids of the probes that are added.
    """

    id: str
    host: str
    parts: frozenset[str]


_PROBE, _SUM, _PART = schema.probe, schema.sum_probe, schema.sum_part
_PROJECT = schema.probe_project


def configure(
    connection: sa.Connection, configured: collections.abc.Iterable[Sum]
) -> None:
    """Replace all sums; parts join and leave at the present energy."""
    connection.execute(_SUM.delete())
    stored: dict[str, dict[str, bool]] = {}
    for name, part, active in connection.execute(
        sa.select(_PART.c.sum, _PART.c.part, _PART.c.active).with_for_update()
    ):
        stored.setdefault(name, {})[part] = active
    for total in configured:
        connection.execute(_SUM.insert().values(id=total.id, host=total.host))
        parts = stored.pop(total.id, {})
        for part in sorted(total.parts):
            if not parts.pop(part, False):
                _join(connection, total.id, part)
        _leave(connection, total.id, parts)
    for name, parts in stored.items():
        _leave(connection, name, parts)


def _join(connection: sa.Connection, total: str, part: str) -> None:
    values = {'active': True, 'joined_millijoules': _billed(connection, part)}
    result = connection.execute(
        _PART.update()
        .where(_PART.c.sum == total, _PART.c.part == part)
        .values(values)
    )
    if not result.rowcount:
        connection.execute(
            _PART.insert().values(sum=total, part=part, settled=0, **values)
        )


def _leave(
    connection: sa.Connection,
    total: str,
    parts: collections.abc.Mapping[str, bool],
) -> None:
    for part, active in parts.items():
        if active:
            connection.execute(
                _PART.update()
                .where(_PART.c.sum == total, _PART.c.part == part)
                .values(
                    active=False,
                    settled=(
                        _PART.c.settled
                        - _PART.c.joined_millijoules
                        + _billed(connection, part)
                    ),
                )
            )


def cap(connection: sa.Connection, part: str, millijoules: int) -> None:
    """Adjust all sums after the energy of a part was reduced.

    A part then adds no energy, rather than a negative amount.

    :param millijoules: the energy that the part is billed for now.
    """
    connection.execute(
        _PART.update()
        .where(
            _PART.c.part == part,
            _PART.c.active,
            _PART.c.joined_millijoules > millijoules,
        )
        .values(joined_millijoules=millijoules)
    )


def _billed(connection: sa.Connection, probe: str) -> int:
    return (
        connection.scalar(
            sa.select(_PROBE.c.millijoules).where(_PROBE.c.id == probe)
        )
        or 0
    )


def list_states(
    connection: sa.Connection,
    ttl: float,
) -> collections.abc.Iterator[probes.ProbeState]:
    """Return the sums with a part that was updated within ``ttl`` seconds."""
    return _states(connection.execute(_query(ttl)))


def get_state(
    connection: sa.Connection, total: str, ttl: float
) -> probes.ProbeState | None:
    """Return a sum; None if no part was updated within ``ttl`` seconds."""
    states = _states(connection.execute(_query(ttl).where(_SUM.c.id == total)))
    return next(states, None)


def fingerprint(connection: sa.Connection) -> tuple[object, ...]:
    """Return a value that changes whenever a sum is reconfigured."""
    return tuple(
        connection.execute(
            sa.select(
                sa.func.count(),
                sa.func.sum(_PART.c.joined_millijoules * 1.0),
                sa.func.sum(_PART.c.settled * 1.0),
                sa.func.sum(sa.case((_PART.c.active, 1), else_=0)),
            )
        ).one()
    )


def _query(ttl: float) -> sa.Select[typing.Any]:
    # One statement, so that the states of all parts are consistent.
    return (
        sa.select(
            _SUM.c.id,
            _SUM.c.host,
            _PART.c.active,
            _PART.c.joined_millijoules,
            _PART.c.settled,
            _PROBE.c.millijoules,
            _PROBE.c.timestamp,
            _PROBE.c.watts,
            _PROBE.c.wattmeter,
            _PROBE.c.driver,
            _PROBE.c.metered_seconds,
            _PROBE.c.elapsed,
            _PART.c.part,
            _PROJECT.c.project_id,
            (_PROBE.c.last_seen_at > db_engine.clock() - ttl).label('fresh'),
        )
        .join(_PART, _PART.c.sum == _SUM.c.id)
        .join(_PROBE, _PROBE.c.id == _PART.c.part, isouter=True)
        .join(_PROJECT, _PROJECT.c.probe == _SUM.c.id, isouter=True)
        .order_by(_SUM.c.id, _PART.c.part)
    )


def _states(
    rows: collections.abc.Iterable[typing.Any],
) -> collections.abc.Iterator[probes.ProbeState]:
    for (total, host, project), group in itertools.groupby(
        rows, key=lambda row: (row.id, row.host, row.project_id)
    ):
        parts = list(group)
        active = [row for row in parts if row.active]
        metered = [row for row in active if row.timestamp is not None]
        fresh = [row for row in metered if row.fresh]
        if fresh:
            yield probes.ProbeState(
                total,
                max(row.timestamp for row in fresh),
                _kwh(parts),
                _watts(active, fresh),
                'node',
                host,
                '+'.join(sorted({row.wattmeter for row in metered})),
                '+'.join(sorted({row.driver for row in metered})),
                min(map(_coverage, metered)),
                project,
                tuple(row.part for row in active),
            )


def _kwh(parts: collections.abc.Iterable[typing.Any]) -> float:
    millijoules: int = sum(
        row.settled
        + (
            (row.millijoules or 0) - row.joined_millijoules
            if row.active
            else 0
        )
        for row in parts
    )
    return millijoules / probes.MILLIJOULES_PER_KWH


def _watts(active: list[typing.Any], fresh: list[typing.Any]) -> float | None:
    """Return the total power; None unless the power of all parts is known."""
    if len(fresh) < len(active) or any(row.watts is None for row in fresh):
        return None
    return float(sum(row.watts for row in fresh))


def _coverage(row: typing.Any) -> float:
    if not row.elapsed:
        return 1.0
    coverage: float = row.metered_seconds / row.elapsed
    return min(1.0, coverage)
