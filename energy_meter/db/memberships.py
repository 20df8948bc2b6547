# SPDX-License-Identifier: Apache-2.0

"""Probes that are parts of sums or billed to projects, with their history.

Spans begin and end on boundaries of cells: a change takes effect at the next
quarter-hour. What is shown live counts from the change itself.
"""

import collections
import collections.abc
import enum
import typing

import sqlalchemy as sa

from energy_meter.billing import cells
from energy_meter.db import engine as db_engine
from energy_meter.db import schema
from energy_meter.db import tips

_TABLE = schema.membership

#: Current projects of probes; join them with :func:`is_billed_for`.
PROJECT = _TABLE.alias('project')


class Kind(enum.StrEnum):
    """What a probe is a member of."""

    SUM = 'sum'
    PROJECT = 'project'


def is_billed_for(
    probe: sa.ColumnElement[str],
) -> sa.ColumnElement[bool]:
    """Return the condition that joins a probe with its current project."""
    return sa.and_(
        PROJECT.c.member == probe,
        PROJECT.c.kind == Kind.PROJECT,
        PROJECT.c.until.is_(None),
    )


def configure(
    connection: sa.Connection,
    kind: Kind,
    configured: collections.abc.Set[tuple[str, str]],
) -> None:
    """Replace all current members.

    :param configured: pairs of a sum or project, and a member. Probes of CPU
        time are left out: they have no energy to add or to bill.
    """
    others = set(
        connection.scalars(
            sa.select(schema.probe.c.id).where(~tips.HAS_ENERGY)
        )
    )
    configured = {pair for pair in configured if pair[1] not in others}
    stored = _current(connection, kind)
    change = _Change(
        _next_number(connection),
        cells.end_of(db_engine.now(connection)),
        collections.Counter(
            tips.shown(connection, {pair[1] for pair in stored ^ configured})
        ),
    )
    for whole, member in sorted(stored - configured):
        _leave(connection, kind, whole, member, change)
    joined = configured - stored
    reopened = _reopen(connection, kind, joined, change)
    _join(connection, kind, joined - reopened, change)


class _Change(typing.NamedTuple):
    """One change of members.

    :ivar number: higher than that of any change before.
    :ivar boundary: when it takes effect, in ms.
    :ivar shown: energy in mJ that members show now.
    """

    number: int
    boundary: int
    shown: collections.abc.Mapping[str, int]


def _current(connection: sa.Connection, kind: Kind) -> set[tuple[str, str]]:
    """Return the current members, and lock their rows."""
    return {
        (whole, member)
        for whole, member in connection.execute(
            sa.select(_TABLE.c.whole, _TABLE.c.member)
            .where(_TABLE.c.kind == kind, _TABLE.c.until.is_(None))
            .with_for_update()
        )
    }


def _next_number(connection: sa.Connection) -> int:
    last = connection.scalar(sa.select(sa.func.max(_TABLE.c.changed)))
    return (last or 0) + 1


def _leave(
    connection: sa.Connection,
    kind: Kind,
    whole: str,
    member: str,
    change: _Change,
) -> None:
    connection.execute(
        _TABLE.update()
        .where(_is(kind, whole, member), _TABLE.c.until.is_(None))
        .values(
            # Even if the database's clock was set back.
            until=sa.case(
                (_TABLE.c.since > change.boundary, _TABLE.c.since),
                else_=change.boundary,
            ),
            left_shown=change.shown[member],
            changed=change.number,
        )
    )


def _join(
    connection: sa.Connection,
    kind: Kind,
    joined: collections.abc.Set[tuple[str, str]],
    change: _Change,
) -> None:
    rows = [
        {
            'kind': kind,
            'whole': whole,
            'member': member,
            'since': change.boundary,
            'joined_shown': change.shown[member],
            'changed': change.number,
        }
        for whole, member in sorted(joined)
    ]
    if rows:
        connection.execute(_TABLE.insert(), rows)


def _is(kind: Kind, whole: str, member: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        _TABLE.c.kind == kind,
        _TABLE.c.whole == whole,
        _TABLE.c.member == member,
    )


def _reopen(
    connection: sa.Connection,
    kind: Kind,
    joined: collections.abc.Set[tuple[str, str]],
    change: _Change,
) -> set[tuple[str, str]]:
    """Continue the spans that ended before they began.

    Such a member joined, left and joins again in one quarter-hour.
    """
    columns = _TABLE.c.whole, _TABLE.c.member
    ended = {
        (whole, member)
        for whole, member in connection.execute(
            sa.select(*columns).where(
                _TABLE.c.kind == kind, _TABLE.c.since == change.boundary
            )
        )
    }.intersection(joined)
    for whole, member in sorted(ended):
        connection.execute(
            _TABLE.update()
            .where(_is(kind, whole, member), _TABLE.c.since == change.boundary)
            .values(
                until=None,
                joined_shown=_TABLE.c.joined_shown
                - _TABLE.c.left_shown
                + change.shown[member],
                left_shown=None,
                changed=change.number,
            )
        )
    return ended


def cap(connection: sa.Connection, member: str, shown: int) -> None:
    """Adjust all spans after the energy of a member was reduced.

    The member then adds no energy, rather than a negative amount.

    :param shown: the energy in mJ that the member shows now.
    """
    connection.execute(
        _TABLE.update()
        .where(
            _TABLE.c.member == member,
            _TABLE.c.until.is_(None),
            _TABLE.c.joined_shown > shown,
        )
        .values(joined_shown=shown)
    )


def fingerprint(connection: sa.Connection) -> tuple[object, ...]:
    """Return a value that changes whenever a member joins or leaves."""
    query = sa.select(
        sa.func.count(),
        # Higher after each change, even one that undoes the change before.
        sa.func.sum(_TABLE.c.changed),
        # As floats, because the sums would overflow SQLite's integers.
        sa.func.sum(_TABLE.c.joined_shown * 1.0),
        sa.func.sum(_TABLE.c.left_shown * 1.0),
    )
    return tuple(connection.execute(query).one())
