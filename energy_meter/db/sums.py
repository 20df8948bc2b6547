# SPDX-License-Identifier: Apache-2.0

"""Probes that are the sum of others: a host on two PDUs, say.

A sum is a query, never a register: what its parts were credited since each
joined. A part that leaves keeps what it had added, so a sum never falls.
"""

import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import schema


class Sum(typing.NamedTuple):
    """A sum as it is configured.

    :ivar parts: ids of the probes that it consists of.
    """

    id: str
    host: str
    parts: frozenset[str]


_PROBE, _SUM, _PART = schema.probe, schema.sum_probe, schema.sum_part
_PROJECT = schema.probe_project


def configure(
    connection: sa.Connection, wanted: collections.abc.Iterable[Sum]
) -> None:
    """Have exactly these sums; parts join and leave at this moment."""
    connection.execute(_SUM.delete())
    known: dict[str, dict[str, bool]] = {}
    for total, part, active in connection.execute(
        sa.select(_PART.c.sum, _PART.c.part, _PART.c.active).with_for_update()
    ):
        known.setdefault(total, {})[part] = active
    for item in wanted:
        connection.execute(_SUM.insert().values(id=item.id, host=item.host))
        parts = known.pop(item.id, {})
        for part in sorted(item.parts):
            if not parts.pop(part, False):
                _join(connection, item.id, part)
        _leave(connection, item.id, parts)
    for total, parts in known.items():
        _leave(connection, total, parts)


def _join(connection: sa.Connection, total: str, part: str) -> None:
    this = sa.and_(_PART.c.sum == total, _PART.c.part == part)
    values = {'active': True, 'joined_at': _credited(connection, part)}
    if not connection.execute(
        _PART.update().where(this).values(values)
    ).rowcount:
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
                        - _PART.c.joined_at
                        + _credited(connection, part)
                    ),
                )
            )


def cap(connection: sa.Connection, part: str, millijoules: int) -> None:
    """Let no sum count less than nothing of a part that fell.

    :param millijoules: what the part is credited now.
    """
    connection.execute(
        _PART.update()
        .where(
            _PART.c.part == part,
            _PART.c.active,
            _PART.c.joined_at > millijoules,
        )
        .values(joined_at=millijoules)
    )


def _credited(connection: sa.Connection, probe: str) -> int:
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
    """Give the sums of which a part had news within ``ttl`` seconds."""
    return _states(connection.execute(_query(ttl)))


def get_state(
    connection: sa.Connection, total: str, ttl: float
) -> probes.ProbeState | None:
    """Give one sum; None if it is unknown or had no news for ``ttl``."""
    found = _states(connection.execute(_query(ttl).where(_SUM.c.id == total)))
    return next(found, None)


def fingerprint(connection: sa.Connection) -> tuple[object, ...]:
    """Give a value that differs whenever a sum is configured otherwise."""
    return tuple(
        connection.execute(
            sa.select(
                sa.func.count(),
                sa.func.sum(_PART.c.joined_at * 1.0),
                sa.func.sum(_PART.c.settled * 1.0),
                sa.func.sum(sa.case((_PART.c.active, 1), else_=0)),
            )
        ).one()
    )


def _query(ttl: float) -> sa.Select[typing.Any]:
    # One statement, so that all parts are seen at the same moment.
    return (
        sa.select(
            _SUM.c.id,
            _SUM.c.host,
            _PART.c.active,
            _PART.c.joined_at,
            _PART.c.settled,
            _PROBE.c.millijoules,
            _PROBE.c.time,
            _PROBE.c.watts,
            _PROBE.c.wattmeter,
            _PROBE.c.driver,
            _PROBE.c.metered,
            _PROBE.c.elapsed,
            _PART.c.part,
            _PROJECT.c.project_id,
            (_PROBE.c.heard_at > db_engine.clock() - ttl).label('fresh'),
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
        known = [row for row in active if row.time is not None]
        fresh = [row for row in known if row.fresh]
        if fresh:
            yield probes.ProbeState(
                total,
                max(row.time for row in fresh),
                _kwh(parts),
                _watts(active, fresh),
                'node',
                host,
                '+'.join(sorted({row.wattmeter for row in known})),
                '+'.join(sorted({row.driver for row in known})),
                min(map(_coverage, known)),
                project,
                tuple(row.part for row in active),
            )


def _kwh(parts: collections.abc.Iterable[typing.Any]) -> float:
    millijoules = sum(
        row.settled
        + ((row.millijoules or 0) - row.joined_at if row.active else 0)
        for row in parts
    )
    return millijoules / probes.MILLIJOULES_PER_KWH


def _watts(active: list[typing.Any], fresh: list[typing.Any]) -> float | None:
    """Give the power, which is known only while it is of all parts."""
    if len(fresh) < len(active) or any(row.watts is None for row in fresh):
        return None
    return float(sum(row.watts for row in fresh))


def _coverage(row: typing.Any) -> float:
    return min(1.0, row.metered / row.elapsed) if row.elapsed else 1.0
