# SPDX-License-Identifier: Apache-2.0

"""Energy of a host, and what it was used for, in rows and in all."""

import bisect
import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.billing import attribution
from energy_meter.billing import profile
from energy_meter.db import attributed_days
from energy_meter.db import closed_days
from energy_meter.db import energies
from energy_meter.db.closed_days import DAY_MS

_NONE = attribution.Part()

_Days = collections.abc.Iterable[attributed_days.HostDay]


class Row(typing.NamedTuple):
    """Energy of a host in some time, in mJ.

    :ivar covered: time in ms for which energy and usage are known.
    :ivar instances: energy of all instances.
    :ivar idle: energy of the idle host, of instances and unallocated.
    :ivar devices: energy of devices that were passed through to instances.
    :ivar is_closed: whether all of it is in closed days.
    :ivar version: highest version of these; 0 if there are none.
    """

    start: int
    until: int
    millijoules: int
    covered: int
    uncertain: int
    clock: profile.Clock
    instances: int
    overhead: int
    unallocated: int
    unattributed: int
    idle: int
    devices: int
    is_closed: bool
    version: int

    @property
    def dynamic(self) -> int:
        """Energy of computing in mJ."""
        return self.millijoules - self.idle - self.devices - self.unattributed

    @property
    def coverage(self) -> float:
        """Share of the time for which energy and usage are known, 0 to 1."""
        return min(max(self.covered / (self.until - self.start), 0.0), 1.0)

    @property
    def quality(self) -> str:
        """One of ``missing``, ``partial``, ``estimated``, ``attributed``."""
        found = profile.quality(
            self.coverage, self.uncertain, self.millijoules
        )
        return 'attributed' if found == 'measured' else found

    def plus(self, each: attribution.Attributed, version: int) -> 'Row':
        """Return the row with another quarter-hour."""
        energy = each.energy
        return self._replace(
            millijoules=self.millijoules + energy.millijoules,
            covered=self.covered + each.covered,
            uncertain=self.uncertain + energy.uncertain,
            clock=self.clock | energy.clock,
            instances=self.instances
            + sum(part.millijoules for part in each.instances.values()),
            overhead=self.overhead + each.overhead,
            unallocated=self.unallocated + each.unallocated,
            unattributed=self.unattributed + each.unattributed,
            idle=self.idle + each.idle,
            devices=self.devices
            + sum(part.device for part in each.instances.values()),
            is_closed=self.is_closed and version > 0,
            version=max(self.version, version),
        )


class Member(typing.NamedTuple):
    """An instance on a host.

    :ivar rows: its part in each of the host's rows.
    """

    uuid: str
    identity: attributed_days.Identity
    rows: list[attribution.Part]
    total: attribution.Part


class Answer(typing.NamedTuple):
    """Energy of a host.

    :ivar headers: of its days.
    """

    host: str
    headers: list[attributed_days.Header]
    rows: list[Row]
    total: Row
    members: list[Member]


def read(
    connection: sa.Connection,
    host: str,
    period: energies.Period,
    open_days: _Days,
) -> Answer | None:
    """Return the energy of a host; None if its usage is not known.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :param period: whose dates are boundaries of quarter-hours.
    :param open_days: days of the host in the period that are not closed.
    :raises DayNotAttributed: if ``as_of`` is set and a day was not closed
        then.
    """
    days = range(period.start // DAY_MS, (period.end - 1) // DAY_MS + 1)
    closed = attributed_days.of_host(connection, host, days, period.as_of)
    if period.as_of is None:
        closed += open_days
    else:
        _check(connection, host, days, closed, open_days)
    if not closed:
        return None
    return _answer(host, closed, period)


def _check(
    connection: sa.Connection,
    host: str,
    days: range,
    closed: _Days,
    open_days: _Days,
) -> None:
    missing = {
        day
        for day, name in attributed_days.known(connection, days)
        if name == host
    }
    missing |= {each.header.day for each in open_days}
    missing -= {each.header.day for each in closed}
    if missing:
        day = closed_days.iso(min(missing))
        raise exception.DayNotAttributed(day=day)


def _answer(
    host: str, days: list[attributed_days.HostDay], period: energies.Period
) -> Answer:
    total = _row(period.start, period.end)
    rows = [
        _row(start, until) for start, until in itertools.pairwise(period.edges)
    ]
    members: dict[str, Member] = {}
    for day in days:
        for each in day.intervals:
            date = each.energy.start
            if not period.start <= date < period.end:
                continue
            total = total.plus(each, day.header.version)
            place = bisect.bisect_right(period.edges, date) - 1
            is_shown = 0 <= place < len(rows)
            if is_shown:
                rows[place] = rows[place].plus(each, day.header.version)
            for uuid, part in each.instances.items():
                old = members.get(uuid)
                parts = old.rows if old else [_NONE] * len(rows)
                if is_shown:
                    parts[place] = parts[place].plus(part)
                members[uuid] = Member(
                    uuid,
                    day.instances[uuid],
                    parts,
                    (old.total if old else _NONE).plus(part),
                )
    return Answer(
        host,
        [day.header for day in days],
        rows,
        total,
        [members[uuid] for uuid in sorted(members)],
    )


def _row(start: int, until: int) -> Row:
    none = profile.Clock(0)
    return Row(start, until, 0, 0, 0, none, 0, 0, 0, 0, 0, 0, True, 0)
