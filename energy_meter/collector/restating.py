# SPDX-License-Identifier: Apache-2.0

"""Writes new versions of closed days that changed."""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter.collector import closing
from energy_meter.collector import days
from energy_meter.collector import timelines
from energy_meter.db import schema

_CHANGED = schema.changed_day

#: Time in which changes of a day are collected into one new version. Those
#: that an operator caused do not wait.
MIN_CHANGED_MS = 900_000
#: Maximum number of days that get a new version in one transaction.
_MAX_DAYS = 200


def changed(connection: sa.Connection, db_now: int) -> list[str]:
    """Return the IDs of probes with days to be written again, sorted."""
    query = sa.select(_CHANGED.c.probe).distinct().where(_is_ripe(db_now))
    return list(connection.scalars(query.order_by(_CHANGED.c.probe)))


def count(connection: sa.Connection) -> int:
    """Return the number of days that changed."""
    query = sa.select(sa.func.count()).select_from(_CHANGED)
    return connection.scalar(query) or 0


def restate(
    connection: sa.Connection,
    names: collections.abc.Collection[str],
    db_now: int,
    date: int,
) -> tuple[int, int]:
    """Write new versions of some days of probes that changed.

    Repeat it until there are no more.

    :param connection: in a transaction that writes.
    :returns: the number of days that were marked as changed, and that of
        those which differ.
    """
    _, registers = closing.lock(connection, names, db_now)
    rows = connection.execute(
        sa.select(_CHANGED)
        .where(_CHANGED.c.probe.in_(registers), _is_ripe(db_now))
        .order_by(_CHANGED.c.probe, _CHANGED.c.day)
        .limit(_MAX_DAYS)
    ).all()
    # The first day of each probe is its last one here.
    since = {row.probe: row.day * days.DAY_MS for row in reversed(rows)}
    known = {name: registers[name] for name in since}
    lines = timelines.load(connection, known, since)
    computed = []
    for row in rows:
        end = (row.day + 1) * days.DAY_MS
        complete = days.waits_for(known[row.probe], end, date) is None
        computed.append(
            days.compute(lines[row.probe], row.probe, row.day)._replace(
                complete=complete, reason=row.reason, username=row.username
            )
        )
    written = closing.write(connection, computed, db_now)
    for name, members in _by_probe(rows).items():
        connection.execute(
            _CHANGED.delete().where(
                _CHANGED.c.probe == name, _CHANGED.c.day.in_(members)
            )
        )
    return len(rows), written


def _by_probe(
    rows: collections.abc.Iterable[sa.Row[typing.Any]],
) -> dict[str, list[int]]:
    found = collections.defaultdict(list)
    for row in rows:
        found[row.probe].append(row.day)
    return found


def _is_ripe(db_now: int) -> sa.ColumnElement[bool]:
    """Return the condition that a changed day is to be written again.

    If the database's clock was set back, waiting for it makes no sense.
    """
    return sa.or_(
        _CHANGED.c.username != '',
        ~_CHANGED.c.changed_at.between(db_now - MIN_CHANGED_MS + 1, db_now),
    )
