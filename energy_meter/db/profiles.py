# SPDX-License-Identifier: Apache-2.0

"""Load profiles of probes: what was billed between dates.

Closed days are read where they hold, and curves elsewhere.
"""

import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import exception
from energy_meter.db import changed_days
from energy_meter.db import changes
from energy_meter.db import closed_days
from energy_meter.db import documents
from energy_meter.db import schema
from energy_meter.db import splicing
from energy_meter.db import timelines
from energy_meter.db import tips
from energy_meter.db.closed_days import DAY_MS

#: A date after all others.
_NEVER = 2**62
#: Longer than any day waits to be closed.
_LONGEST_WAIT_MS = 32 * DAY_MS

_ID = {'id': documents.TEXT}
_PROBE = schema.probe

#: Ascending dates in ms, at least two, by probe.
Wanted = collections.abc.Mapping[str, collections.abc.Sequence[int]]
_Totals = dict[str, dict[int, closed_days.Total]]


class Energy(typing.NamedTuple):
    """What was billed of a probe.

    :ivar profile: between any two of the dates that were asked for.
    :ivar ahead: energy in mJ that is shown, but not billed.
    :ivar final_until: date before which all days are closed and hold; None if
        there are none.
    """

    profile: splicing.Profile
    ahead: int
    final_until: int | None


class State(typing.NamedTuple):
    """What is settled and closed of a probe.

    :ivar closed_until: date before which all days are closed.
    :ivar changed: closed days that changed since.
    :ivar holds_until: number of the day from which closed days may change as
        soon as what waits is settled.
    """

    ahead: int
    closed_until: int | None
    changed: set[int]
    holds_until: int

    def final_until(self) -> int | None:
        """Return the date before which all days are closed and hold."""
        if self.closed_until is None:
            return None
        first = min([*self.changed, self.holds_until])
        return min(self.closed_until, first * DAY_MS)


def load(connection: sa.Connection, wanted: Wanted) -> dict[str, Energy]:
    """Return what is billed of probes now.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :returns: by probe; those that do not exist are missing.
    """
    found = states(connection, wanted)
    totals = _totals(connection, wanted)
    splices = {
        name: splicing.Splice(wanted[name], _closed(state, totals[name]))
        for name, state in found.items()
    }
    days = _divided(connection, splices)
    curved = {
        name: runs for name, each in splices.items() if (runs := each.runs())
    }
    lines = timelines.load(connection, curved) if curved else {}
    return {
        name: Energy(
            each.profile(days[name], lines.get(name)),
            found[name].ahead,
            found[name].final_until(),
        )
        for name, each in splices.items()
    }


def load_as_of(
    connection: sa.Connection, wanted: Wanted, as_of: int
) -> dict[str, Energy]:
    """Return what was billed of probes by the days that were closed by a date.

    The days before the first one that was closed have no energy.

    :param as_of: in ms.
    :raises DayNotClosed: if another day was not closed by then.
    """
    totals = _totals(connection, wanted, as_of)
    splices = {}
    for name, dates in wanted.items():
        found = totals[name]
        last = (dates[-1] - 1) // DAY_MS
        first = min(found, default=dates[0] // DAY_MS)
        for day in range(first, last + 1):
            if day not in found:
                raise exception.DayNotClosed(
                    probe=name, day=closed_days.iso(day)
                )
        closed = splicing.Closed(first * DAY_MS, found)
        splices[name] = splicing.Splice(dates, closed)
    days = _divided(connection, splices, as_of)
    return {
        name: Energy(each.profile(days[name], None), 0, wanted[name][-1])
        for name, each in splices.items()
    }


def closed_by(
    connection: sa.Connection, wanted: Wanted, as_of: int
) -> set[str]:
    """Return the probes of which any day was closed by a date.

    Days are closed in order, so if the last one was, all were. A probe of
    which no day was closed at all is new.

    :raises DayNotClosed: if only some of the days of a probe were, or days
        before them.
    """
    last: dict[int, list[str]] = collections.defaultdict(list)
    for name, dates in wanted.items():
        last[(dates[-1] - 1) // DAY_MS].append(name)
    closed = set()
    for day, names in last.items():
        closed |= {
            name
            for name, _ in closed_days.totals(
                connection, names, day, day + 1, as_of
            )
        }
    others = {
        name: (wanted[name][0] - _LONGEST_WAIT_MS, wanted[name][-1])
        for name in wanted.keys() - closed
    }
    for name, found in _totals(connection, others, as_of).items():
        if found:
            day = max(wanted[name][0] // DAY_MS, max(found) + 1)
            raise exception.DayNotClosed(probe=name, day=closed_days.iso(day))
    return closed


def states(
    connection: sa.Connection, probes: collections.abc.Iterable[str]
) -> dict[str, State]:
    """Return what is settled and closed of probes.

    :returns: by probe; those that do not exist are missing.
    """
    received = documents.table(connection, _ID)
    query = (
        sa.select(
            _PROBE.c.id,
            (tips.SHOWN - tips.MILLIJOULES).label('ahead'),
            _PROBE.c.contested,
            _PROBE.c.closed_until,
        )
        .select_from(received)
        .join(_PROBE, _PROBE.c.id == received.c.id)
        .outerjoin(schema.register, tips.IS_TIP)
    )
    query = documents.look_up(query, _PROBE)
    rows = documents.pack((name,) for name in probes)
    found = connection.execute(query, rows).all()
    changed = changed_days.find(connection, [row.id for row in found])
    since = timelines.changed_since(
        connection,
        [row.id for row in found if row.contested and row.closed_until],
    )
    return {
        row.id: State(
            row.ahead,
            row.closed_until,
            changed.get(row.id, set()),
            changes.first_day(since.get(row.id, _NEVER)),
        )
        for row in found
    }


def closed_range(connection: sa.Connection, start: int, end: int) -> range:
    """Return the days between two dates that any probe can have closed."""
    day = schema.closed_day.c.day
    first, last = connection.execute(
        sa.select(sa.func.min(day), sa.func.max(day))
    ).one()
    if first is None:
        return range(0)
    return range(
        max(first, start // DAY_MS), min(last, (end - 1) // DAY_MS) + 1
    )


def _totals(
    connection: sa.Connection, wanted: Wanted, as_of: int | None = None
) -> _Totals:
    """Return all closed days of probes that their dates touch."""
    found: _Totals = {name: {} for name in wanted}
    if wanted:
        days = closed_range(
            connection,
            min(dates[0] for dates in wanted.values()),
            max(dates[-1] for dates in wanted.values()),
        )
        for (name, number), total in closed_days.totals(
            connection, list(wanted), days.start, days.stop, as_of
        ).items():
            found[name][number] = total
    return found


def _closed(
    state: State, totals: collections.abc.Mapping[int, closed_days.Total]
) -> splicing.Closed:
    """Return the closed days that hold.

    Days are closed in order, so those without a row are before the first. Days
    after the last one were closed before the probe was deleted and returned.
    """
    final_until = state.final_until()
    if state.closed_until is None or final_until is None:
        return splicing.NOTHING_CLOSED
    until = state.closed_until // DAY_MS
    closed = {day: total for day, total in totals.items() if day < until}
    since = min(closed, default=until) * DAY_MS
    if final_until < since:
        since = splicing.BEGINNING
    holding = {
        day: total
        for day, total in closed.items()
        if day < state.holds_until and day not in state.changed
    }
    return splicing.Closed(since, holding)


def _divided(
    connection: sa.Connection,
    splices: collections.abc.Mapping[str, splicing.Splice],
    as_of: int | None = None,
) -> dict[str, dict[int, closed_days.ClosedDay]]:
    """Return the closed days of which quarter-hours are needed, by probe.

    Days of the same probes are read together.
    """
    probes = collections.defaultdict(list)
    for name, each in splices.items():
        for day in each.divided_days():
            probes[day].append(name)
    spans: list[tuple[int, int, list[str]]] = []
    for day in sorted(probes):
        if spans and spans[-1][1:] == (day, probes[day]):
            spans[-1] = (spans[-1][0], day + 1, probes[day])
        else:
            spans.append((day, day + 1, probes[day]))
    found: dict[str, dict[int, closed_days.ClosedDay]] = {
        name: {} for name in splices
    }
    for first, until, names in spans:
        for (name, day), closed in closed_days.latest(
            connection, names, first, until, as_of
        ).items():
            found[name][day] = closed
    return found
