# SPDX-License-Identifier: Apache-2.0

"""Which days of a probe can be closed, and what was billed on them.

Without the database, like :mod:`energy_meter.collector.settlement`.
"""

import collections.abc
import enum
import itertools
import time
import typing

from energy_meter.billing import timeline
from energy_meter.collector import settlement
from energy_meter.db import closed_days
from energy_meter.db import day_packing

DAY_MS = closed_days.DAY_MS
#: Age at which a day is closed, counted from its end.
MIN_AGE_MS = 2 * 3_600_000
#: Time after which a register that was not seen is not waited for.
MAX_UNSEEN_MS = 72 * 3_600_000
#: Age at which a day is closed although measurements may be missing.
MAX_AGE_MS = 30 * DAY_MS

#: Maximum number of days of a probe that are closed in one transaction.
MAX_DAYS = 7


class Waiting(enum.StrEnum):
    """Why a day is not closed, or not written again.

    ``CONTESTED``: its probe is not settled, or being written.
    ``MEASUREMENTS_MISSING``: a register was seen recently, but its
    measurements of the day, or after it, were not. ``MARK_MISSING``: its marks
    after the day were not. ``CHANGED``: the day is closed, but changed.
    """

    CONTESTED = 'contested'
    MEASUREMENTS_MISSING = 'measurements_missing'
    MARK_MISSING = 'mark_missing'
    CHANGED = 'changed'


class Order(typing.NamedTuple):
    """An operator's order to close days although measurements are missing.

    Days after them are not closed.

    :ivar until: number of the day after the last one.
    """

    until: int
    username: str


class Plan(typing.NamedTuple):
    """Days of a probe that can be closed.

    :ivar first: number of the first one.
    :ivar complete: for each of them, whether no measurement is missing.
    :ivar waiting: why the next one is not closed; None if it is not due.
    """

    first: int
    complete: tuple[bool, ...] = ()
    waiting: Waiting | None = None

    @property
    def until(self) -> int:
        """Number of the day after the last one."""
        return self.first + len(self.complete)


def date(db_now: int) -> int:
    """Return the date by which days are due, in ms.

    A clock that is ahead would close days that have not ended, so it is that
    of the database or that of this machine, whichever is behind.
    """
    return min(db_now, round(time.time() * 1000))


def plan(
    registers: settlement.Registers,
    closed_until: int | None,
    date: int,
    order: Order | None = None,
) -> Plan:
    """Return the days of a probe that can be closed at a date.

    Marks that are missing are only noticed once marks were loaded.
    """
    first = _first(registers) if closed_until is None else closed_until
    if first is None:
        return Plan(0)
    first //= DAY_MS
    complete: list[bool] = []
    for day in range(first, first + MAX_DAYS):
        end = (day + 1) * DAY_MS
        if date < end + (MIN_AGE_MS if order is None else 0):
            break
        if order is not None and order.until <= day:
            break
        waiting = waits_for(registers, end, date)
        if waiting and order is None and date < end + MAX_AGE_MS:
            return Plan(first, tuple(complete), waiting)
        complete.append(waiting is None and date >= end + MIN_AGE_MS)
    return Plan(first, tuple(complete))


def _first(registers: settlement.Registers) -> int | None:
    """Return the date of the earliest opening of a billed register."""
    return min(
        (
            registers.openings[known.key].opened
            for known in registers.histories
            if not known.voided
        ),
        default=None,
    )


def waits_for(
    registers: settlement.Registers, end: int, date: int
) -> Waiting | None:
    """Return what a day waits for; None if nothing.

    :param end: of the day.
    """
    found = None
    for number in leaves(registers):
        row, known = registers.rows[number], registers.histories[number]
        if date - row.last_seen_at >= MAX_UNSEEN_MS:
            continue
        opened = registers.openings[known.key].opened
        if opened + known.last.elapsed < end:
            return Waiting.MEASUREMENTS_MISSING
        if (
            registers.since is not None
            and opened + registers.settled_until(row, known) < end > opened
        ):
            found = Waiting.MARK_MISSING
    return found


def leaves(
    registers: settlement.Registers,
) -> collections.abc.Iterator[int]:
    """Yield the indexes of billed registers that no other one follows."""
    for number, known in enumerate(registers.histories):
        if not known.voided and known.key not in registers.lines.successors:
            yield number


def compute(
    line: timeline.Timeline, probe: str, day: int
) -> closed_days.ClosedDay:
    """Return what was billed on a day, as its first version."""
    dates = day_packing.edges(day)
    start, *others = map(line.edge, dates)
    edges = (
        edge._replace(
            millijoules=edge.millijoules - start.millijoules,
            metered=edge.metered - start.metered,
        )
        for edge in (start, *others)
    )
    clocks = itertools.starmap(line.clock, itertools.pairwise(dates))
    return closed_days.ClosedDay(
        probe, day, 1, 0, True, '', '', tuple(edges), tuple(clocks)
    )
