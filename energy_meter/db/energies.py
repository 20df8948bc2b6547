# SPDX-License-Identifier: Apache-2.0

"""Energy of probes and sums, in rows and in all."""

import bisect
import collections
import collections.abc
import itertools
import typing

import sqlalchemy as sa

from energy_meter.billing import profile
from energy_meter.db import closed_days
from energy_meter.db import profiles
from energy_meter.db import schema
from energy_meter.db import splicing
from energy_meter.db import subjects
from energy_meter.db.splicing import Row

#: Number of dates and days of all probes that are in memory at a time.
_MAX_DATES = 20_000
_MAX_PROBES = 500

_Dates = collections.abc.Sequence[int]
_Energies = collections.abc.Mapping[str, profiles.Energy]


class Period(typing.NamedTuple):
    """What to read.

    :ivar start: date in ms.
    :ivar end: date that does not belong to it.
    :ivar edges: dates of the rows, which may be a part of it, ascending.
    :ivar as_of: only days that were closed by this date count, in ms.
    """

    start: int
    end: int
    edges: _Dates
    as_of: int | None = None

    @property
    def dates(self) -> list[int]:
        """All dates."""
        return sorted({self.start, *self.edges, self.end})


class Answer(typing.NamedTuple):
    """Energy of one probe or sum.

    :ivar total: that of the whole period.
    :ivar ahead: energy in mJ that is shown, but not billed.
    :ivar final_until: date in ms before which nothing changes any more,
        except by a restatement; None if there is none.
    """

    subject: subjects.Subject
    rows: list[Row]
    total: Row
    ahead: int
    final_until: int | None


def read(
    connection: sa.Connection,
    chosen: collections.abc.Iterable[subjects.Subject],
    period: Period,
) -> collections.abc.Iterator[Answer]:
    """Yield the energy of probes and sums, with bounded memory.

    :param connection: one of :func:`energy_meter.db.engine.snapshot`.
    :raises DayNotClosed: if ``as_of`` is set and a day was not closed then.
    """
    for part in _chunks(chosen, _most(connection, period)):
        yield from _read(connection, part, period)


def closed_by(
    connection: sa.Connection,
    chosen: collections.abc.Iterable[subjects.Subject],
    period: Period,
    as_of: int,
) -> list[subjects.Subject]:
    """Return those of which a day of the period was closed by a date.

    :raises DayNotClosed: if another day of these was not closed then.
    """
    ends = period._replace(edges=(period.start, period.end))
    parts = [*_chunks(chosen, _MAX_PROBES)]
    found = []
    for part in parts:
        closed = profiles.closed_by(connection, _wanted(part, ends), as_of)
        for subject in part:
            spans = [each for each in subject.spans if each.probe in closed]
            if spans:
                found.append(subject._replace(spans=tuple(spans)))
    if not found:
        # Not even one: the date was too early.
        for part in parts:
            profiles.load_as_of(connection, _wanted(part, ends), as_of)
    return found


def fingerprint(
    connection: sa.Connection,
    chosen: collections.abc.Sequence[subjects.Subject],
    period: Period,
) -> object | None:
    """Return a value that changes whenever the energy does.

    :returns: None if it may change at any time, as not all days are closed, or
        as late marks may move energy within a quarter-hour that stays.
    """
    if period.as_of is None and any(
        date % closed_days.INTERVAL_MS for date in period.dates
    ):
        return None
    day = schema.closed_day.c.day
    query = sa.select(sa.func.count()).where(
        day >= period.start // closed_days.DAY_MS,
        day <= period.end // closed_days.DAY_MS,
    )
    found: list[object] = [connection.scalar(query)]
    for part in _chunks(chosen, _MAX_PROBES):
        names = {span.probe for subject in part for span in subject.spans}
        for name, state in profiles.states(connection, names).items():
            final_until = state.final_until()
            if final_until is None or final_until < period.end:
                return None
            found.append((name, state.ahead))
    return period, chosen, sorted(found, key=repr)


def _most(connection: sa.Connection, period: Period) -> int:
    """Return the number of probes of which the energy is in memory."""
    days = profiles.closed_range(connection, period.start, period.end)
    dates = len(period.edges) + len(days)
    return max(1, min(_MAX_PROBES, _MAX_DATES // dates))


def _chunks(
    chosen: collections.abc.Iterable[subjects.Subject], most: int
) -> collections.abc.Iterator[list[subjects.Subject]]:
    left = collections.deque(chosen)
    while left:
        taken: list[subjects.Subject] = []
        count = 0
        while left and (not taken or count + len(left[0].spans) <= most):
            count += len(left[0].spans)
            taken.append(left.popleft())
        yield taken


def _read(
    connection: sa.Connection,
    chosen: list[subjects.Subject],
    period: Period,
) -> collections.abc.Iterator[Answer]:
    wanted = _wanted(chosen, period)
    if period.as_of is None:
        energies = profiles.load(connection, wanted)
    else:
        energies = profiles.load_as_of(connection, wanted, period.as_of)
    for subject in chosen:
        yield _answer(subject, energies, period)


def _wanted(
    chosen: collections.abc.Iterable[subjects.Subject], period: Period
) -> dict[str, list[int]]:
    """Return the dates that are needed, by probe."""
    dates = period.dates
    start, end = dates[0], dates[-1]
    wanted: dict[str, set[int]] = collections.defaultdict(set)
    for subject in chosen:
        for span in subject.spans:
            since, until = max(start, span.since), min(end, span.until)
            if since < until:
                first = bisect.bisect_left(dates, since)
                beyond = bisect.bisect_left(dates, until)
                wanted[span.probe] |= {since, *dates[first:beyond], until}
    return {name: sorted(found) for name, found in wanted.items()}


def _answer(
    subject: subjects.Subject, energies: _Energies, period: Period
) -> Answer:
    rows = [
        _row(subject, energies, start, until)
        for start, until in itertools.pairwise(period.edges)
    ]
    # Most lists have one row, whose energy is all.
    whole = period.start, period.end
    total = (
        rows[0]
        if tuple(period.edges) == whole
        else _row(subject, energies, *whole)
    )
    # Those that do not exist never metered.
    members = {
        span.probe: energies[span.probe]
        for span in subject.spans
        if span.probe in energies
    }
    final = [
        period.end
        if until is not None and until >= min(period.end, span.until)
        else until
        for span in subject.spans
        if span.probe in energies
        for until in [energies[span.probe].final_until]
    ]
    return Answer(
        subject,
        rows,
        total,
        sum(each.ahead for each in members.values()),
        least(final, period.end),
    )


def least(dates: collections.abc.Iterable[int | None], end: int) -> int | None:
    """Return the first of some dates; None if one is unknown.

    :param end: the last date that is returned.
    """
    known = [end]
    for date in dates:
        if date is None:
            return None
        known.append(date)
    return min(known)


def _row(
    subject: subjects.Subject, energies: _Energies, start: int, until: int
) -> Row:
    rows = []
    for span in subject.spans:
        since, end = max(start, span.since), min(until, span.until)
        if since < end and span.probe in energies:
            rows.append(energies[span.probe].profile.between(since, end))
    return (
        rows[0]
        if rows and _is_all(rows, start, until)
        else add(rows, start, until)
    )


def _is_all(rows: list[Row], start: int, until: int) -> bool:
    interval = rows[0].interval
    return len(rows) == 1 and (interval.start, interval.until) == (
        start,
        until,
    )


def add(rows: collections.abc.Collection[Row], start: int, until: int) -> Row:
    """Return the sum of rows, each of a probe and a part of some time.

    Its metered time is the average of all probes, by the time in which each
    counts.
    """
    intervals = [row.interval for row in rows]
    length = sum(each.until - each.start for each in intervals)
    metered = sum(each.metered for each in intervals)
    return Row(
        profile.Interval(
            start,
            until,
            sum(each.millijoules for each in intervals),
            metered * (until - start) // length if length else 0,
            sum(each.uncertain for each in intervals),
            profile.union(each.clock for each in intervals),
        ),
        *splicing.versions(rows),
    )
