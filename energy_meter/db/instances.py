# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, or of projects, in rows and in all.

Days that were attributed are read, and the others computed.
"""

import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.billing import attribution
from energy_meter.db import attributed_days
from energy_meter.db import attributed_packing
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.db import instance_days
from energy_meter.db import instance_sums
from energy_meter.db import presences
from energy_meter.db.closed_days import DAY_MS
from energy_meter.db.closed_days import INTERVAL_MS

#: Number of days whose quarter-hours are in memory at a time.
_MAX_DIVIDED = 8

_OpenDays = collections.abc.Iterable[attributed_days.HostDay]


class Row(typing.NamedTuple):
    """Energy in some time.

    :ivar is_closed: whether all of it is in closed days.
    :ivar version: highest version of these; 0 if there are none.
    """

    start: int
    until: int
    part: attribution.Part
    is_closed: bool
    version: int


def add(start: int, until: int, rows: collections.abc.Iterable[Row]) -> Row:
    """Return the sum of rows of the same time."""
    known = list(rows)
    return Row(
        start,
        until,
        attributed_days.total(each.part for each in known),
        all(each.is_closed for each in known),
        max((each.version for each in known), default=0),
    )


class Method(typing.NamedTuple):
    """Method of attribution, and its version."""

    name: str
    version: int


class Answer(typing.NamedTuple):
    """Energy of one instance or project.

    :ivar identity: who the instance is; None for a project.
    :ivar project_name: latest name of the project; empty if it is not known.
    :ivar instances: UUIDs of the instances.
    :ivar hosts: names of the hosts of an instance.
    :ivar scopes: those of the hosts' energy.
    """

    id: str
    identity: attributed_days.Identity | None
    project_name: str
    instances: frozenset[str]
    hosts: list[str]
    scopes: list[str]
    methods: list[Method]
    rows: list[Row]
    total: Row


def read(
    connection: sa.Connection,
    chosen: instance_days.Filter,
    period: energies.Period,
    open_days: _OpenDays,
    limit: int,
) -> tuple[list[Answer], bool]:
    """Return the energy of instances or projects, by their ID.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :param period: whose dates are boundaries of quarter-hours.
    :param open_days: days of the period that are not closed.
    :param limit: the maximum number of them.
    :returns: and whether there are more.
    :raises DayNotAttributed: if ``as_of`` is set and a day was not closed
        then.
    """
    members = instance_sums.Members(chosen, period)
    days = range(period.start // DAY_MS, (period.end - 1) // DAY_MS + 1)
    if period.as_of is not None:
        instance_days.check(connection, chosen, days, period.as_of)
    for day in open_days:
        if members.add_open(day) and period.as_of is not None:
            raise exception.DayNotAttributed(
                day=closed_days.iso(day.header.day)
            )
    found = instance_days.keys(connection, chosen, days, limit + 1)
    names = sorted({*found, *members.by_id})
    has_more = len(names) > limit
    names = names[:limit]
    last = names[-1] if has_more else None
    _add_closed(connection, members, chosen, period, days, last)
    _identify(connection, members, chosen, days, period.as_of, last)
    answers = [
        _answer(name, members.by_id[name], period)
        for name in names
        if name in members.by_id and members.by_id[name].sources
    ]
    return answers, has_more


def _add_closed(
    connection: sa.Connection,
    members: instance_sums.Members,
    chosen: instance_days.Filter,
    period: energies.Period,
    days: range,
    last: str | None,
) -> None:
    divided = {date // DAY_MS for date in period.dates if date % DAY_MS}
    is_by_day = len(period.dates) > 2
    for run, is_divided in _runs(days, divided):
        if not is_divided:
            for share in instance_days.shares(
                connection, chosen, run, period.as_of, last, is_by_day
            ):
                members.add(share, [(share.day * DAY_MS, share.part)])
            continue
        for each in instance_days.packed(
            connection, chosen, run, period.as_of, last
        ):
            parts = attributed_packing.unpack_instance(each.packed)
            start = each.share.day * DAY_MS
            dates = range(start, start + DAY_MS, INTERVAL_MS)
            members.add(each.share, zip(dates, parts, strict=True))


def _runs(
    days: range, divided: collections.abc.Container[int]
) -> collections.abc.Iterator[tuple[range, bool]]:
    """Yield runs of days to read at a time, and whether they are divided."""
    for is_divided, group in itertools.groupby(days, divided.__contains__):
        run = list(group)
        most = _MAX_DIVIDED if is_divided else len(run)
        for number in range(0, len(run), most):
            part = run[number : number + most]
            yield range(part[0], part[-1] + 1), is_divided


def _identify(
    connection: sa.Connection,
    members: instance_sums.Members,
    chosen: instance_days.Filter,
    days: range,
    as_of: int | None,
    last: str | None,
) -> None:
    """Add the names, or the instances of projects."""
    if chosen.is_by_project:
        for each in presences.load(connection, chosen, days, as_of, last):
            if each.project in members.by_id:
                members.by_id[each.project].add_presence(each)
        return
    unnamed = [
        member.last
        for member in members.by_id.values()
        if member.last is not None and member.identity is None
    ]
    for uuid, identity in instance_days.identities(
        connection, unnamed
    ).items():
        members.by_id[uuid].identity = identity


def _answer(
    name: str, member: instance_sums.Member, period: energies.Period
) -> Answer:
    dates = zip(period.edges, period.edges[1:], strict=False)
    return Answer(
        name,
        member.identity,
        member.project_name,
        frozenset(member.instances),
        sorted({each.host for each in member.sources}),
        sorted({each.scope for each in member.sources}),
        sorted(
            {
                Method(each.method, each.method_version)
                for each in member.sources
            }
        ),
        [
            _row(start, until, each)
            for (start, until), each in zip(dates, member.sums, strict=True)
        ],
        _row(period.start, period.end, member.total),
    )


def nothing(
    name: str,
    identity: attributed_days.Identity | None,
    period: energies.Period,
) -> Answer:
    """Return the energy of what has none in a period."""
    return _answer(
        name, instance_sums.Member(len(period.edges) - 1, identity), period
    )


def _row(start: int, until: int, known: instance_sums.Sum) -> Row:
    return Row(start, until, known.part, not known.is_open, known.version)
