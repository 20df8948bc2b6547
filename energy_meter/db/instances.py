# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, or of projects, in rows and in all.

Days that were attributed are read, and the others computed.
"""

import bisect
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.billing import attribution
from energy_meter.db import attributed_days
from energy_meter.db import attributed_packing
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.db import instance_days
from energy_meter.db.closed_days import DAY_MS
from energy_meter.db.closed_days import INTERVAL_MS

_NONE = attribution.Part()

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
    :ivar instances: UUIDs of the instances.
    :ivar hosts: names of the hosts of an instance.
    :ivar scopes: those of the hosts' energy.
    """

    id: str
    identity: attributed_days.Identity | None
    instances: frozenset[str]
    hosts: list[str]
    scopes: list[str]
    methods: list[Method]
    rows: list[Row]
    total: Row


class _Sum:
    """A row while energy is added."""

    def __init__(self) -> None:
        self.part = _NONE
        self.is_open = False
        self.version = 0

    def add(self, part: attribution.Part, version: int) -> None:
        """Add energy; version 0 is not closed."""
        self.part = self.part.plus(part)
        self.is_open |= version == 0
        self.version = max(self.version, version)


class _Member:
    """An instance or a project while energy is added."""

    def __init__(
        self,
        length: int,
        identity: attributed_days.Identity | None = None,
    ) -> None:
        self.sums = [_Sum() for _ in range(length)]
        self.total = _Sum()
        self.sources: set[instance_days.Source] = set()
        self.last: instance_days.Share | None = None
        self.identity = identity
        self.instances: set[str] = set()


class _Reader:
    """Members by ID.

    :param period: whose dates are boundaries of quarter-hours.
    """

    def __init__(
        self, chosen: instance_days.Filter, period: energies.Period
    ) -> None:
        self._chosen = chosen
        self._period = period
        self._edges = period.edges
        self.members: dict[str, _Member] = {}

    def add(
        self,
        share: instance_days.Share,
        parts: collections.abc.Iterable[tuple[int, attribution.Part]],
    ) -> _Member:
        """Add the energy of an instance or a project on a host.

        :param parts: with the dates at which they begin.
        """
        key = self._chosen.key(share.instance, share.project)
        if key not in self.members:
            self.members[key] = _Member(len(self._edges) - 1)
        member = self.members[key]
        is_present = False
        for date, part in parts:
            if not any(part):
                continue
            if self._period.start <= date < self._period.end:
                member.total.add(part, share.version)
                is_present = True
            place = bisect.bisect_right(self._edges, date) - 1
            if 0 <= place < len(member.sums):
                member.sums[place].add(part, share.version)
        if is_present:
            member.sources.add(share.source)
            if member.last is None or share.day >= member.last.day:
                member.last = share
        return member

    def add_open(self, day: attributed_days.HostDay) -> bool:
        """Add a day that is not closed; return whether a member is on it."""
        header = day.header
        source = instance_days.Source(
            header.host, header.scope, header.method, header.method_version
        )
        is_present = False
        for uuid, identity in day.instances.items():
            if not self._chosen.matches(header.host, uuid, identity):
                continue
            share = instance_days.Share(
                header.day, 0, uuid, identity.project, source, _NONE
            )
            parts = [
                (each.energy.start, each.instances[uuid])
                for each in day.intervals
                if uuid in each.instances
                and self._period.start <= each.energy.start < self._period.end
            ]
            if parts:
                is_present = True
                member = self.add(share, parts)
                member.identity = identity
                member.instances.add(uuid)
        return is_present


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
    reader = _Reader(chosen, period)
    days = range(period.start // DAY_MS, (period.end - 1) // DAY_MS + 1)
    if period.as_of is not None:
        instance_days.check(connection, chosen, days, period.as_of)
    for day in open_days:
        if reader.add_open(day) and period.as_of is not None:
            raise exception.DayNotAttributed(
                day=closed_days.iso(day.header.day)
            )
    found = instance_days.keys(connection, chosen, days, limit + 1)
    names = sorted({*found, *reader.members})
    has_more = len(names) > limit
    names = names[:limit]
    last = names[-1] if has_more else None
    _add_closed(connection, reader, chosen, period, days, last)
    _identify(connection, reader, chosen, days, period.as_of, last)
    answers = [
        _answer(name, reader.members[name], period)
        for name in names
        if name in reader.members and reader.members[name].sources
    ]
    return answers, has_more


def _add_closed(
    connection: sa.Connection,
    reader: _Reader,
    chosen: instance_days.Filter,
    period: energies.Period,
    days: range,
    last: str | None,
) -> None:
    divided = {date // DAY_MS for date in period.dates if date % DAY_MS}
    is_by_day = len(period.dates) > 2
    for whole in _runs(days, divided):
        for share in instance_days.shares(
            connection, chosen, whole, period.as_of, last, is_by_day
        ):
            reader.add(share, [(share.day * DAY_MS, share.part)])
    for day in sorted(divided & {*days}):
        for each in instance_days.packed(
            connection, chosen, day, period.as_of, last
        ):
            parts = attributed_packing.unpack_instance(each.packed)
            dates = range(day * DAY_MS, (day + 1) * DAY_MS, INTERVAL_MS)
            reader.add(each.share, zip(dates, parts, strict=True))


def _runs(days: range, without: set[int]) -> collections.abc.Iterator[range]:
    """Yield the runs of days that are not divided."""
    start = days.start
    for day in [*sorted(without & {*days}), days.stop]:
        if start < day:
            yield range(start, day)
        start = day + 1


def _identify(
    connection: sa.Connection,
    reader: _Reader,
    chosen: instance_days.Filter,
    days: range,
    as_of: int | None,
    last: str | None,
) -> None:
    """Add the names, or the instances of projects."""
    if chosen.is_by_project:
        found = instance_days.instances(connection, chosen, days, as_of, last)
        for project, instances in found.items():
            if project in reader.members:
                reader.members[project].instances |= instances
        return
    unnamed = [
        member.last
        for member in reader.members.values()
        if member.last is not None and member.identity is None
    ]
    for uuid, identity in instance_days.identities(
        connection, unnamed
    ).items():
        reader.members[uuid].identity = identity


def _answer(name: str, member: _Member, period: energies.Period) -> Answer:
    dates = zip(period.edges, period.edges[1:], strict=False)
    return Answer(
        name,
        member.identity,
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
    return _answer(name, _Member(len(period.edges) - 1, identity), period)


def _row(start: int, until: int, known: _Sum) -> Row:
    return Row(start, until, known.part, not known.is_open, known.version)
