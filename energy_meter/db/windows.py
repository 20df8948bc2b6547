# SPDX-License-Identifier: Apache-2.0

"""Loads the marks of registers around some of their time.

A curve is known at a time if its neighbors on both sides are, so a date needs
two of the thousands of marks that a register may have.
"""

import bisect
import collections
import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import measurement
from energy_meter.db import documents
from energy_meter.db import histories
from energy_meter.db import marks
from energy_meter.db import packing
from energy_meter.db import schema

#: Each search without success is this many times wider.
_GROWTH = 4
_KEY = {'register': documents.INTEGER, 'day': documents.INTEGER}

#: Marks by number of the register, not sorted.
Points = dict[int, list[measurement.Point]]
#: By number of the register, slots or days.
_Wanted = collections.abc.Mapping[int, collections.abc.Iterable[int]]


class Window(typing.NamedTuple):
    """Part of a register's time in which all marks are needed.

    Times are elapsed times in ms.

    :ivar register: its number.
    :ivar opened: date at which it was opened, by which its marks are stored.
    :ivar lowest: time before which nothing is stored.
    :ivar highest: time after which nothing is.
    :ivar start: at least ``lowest``; one mark before it is needed, too.
    :ivar until: at most ``highest``; one mark after it is needed, too.
    """

    register: int
    opened: int
    lowest: int
    highest: int
    start: int
    until: int


class Store(typing.NamedTuple):
    """How marks are stored: together with those of the same slot or day.

    :ivar length: that of a slot or day in ms.
    :ivar drift: how far marks are from where the opening dates them, at most.
    :ivar fetch: returns the marks in some slots or days.
    """

    length: int
    drift: int
    fetch: collections.abc.Callable[[sa.Connection, _Wanted], Points]


class _Search(typing.NamedTuple):
    """Search for the marks of a window in slots or days."""

    window: Window
    places: range


def load(
    connection: sa.Connection,
    store: Store,
    windows: collections.abc.Iterable[Window],
) -> Points:
    """Return the marks within windows, and those next to them."""
    searches = [_Search(each, _places(store, each, 0, 0)) for each in windows]
    found: Points = collections.defaultdict(list)
    loaded: dict[int, set[int]] = collections.defaultdict(set)
    reach = store.length
    while searches:
        wanted: dict[int, set[int]] = collections.defaultdict(set)
        for window, places in searches:
            wanted[window.register].update(
                set(places) - loaded[window.register]
            )
        for register, points in store.fetch(connection, wanted).items():
            found[register] += points
        times = {}
        for register, missing in wanted.items():
            loaded[register] |= missing
            times[register] = sorted(each.elapsed for each in found[register])
        searches = [
            wider
            for each in searches
            if (wider := _widen(store, each, times, reach)) != each
        ]
        reach *= _GROWTH
    return found


def _places(store: Store, window: Window, before: int, after: int) -> range:
    """Return the slots or days of all marks near a window.

    :param before: distance in ms.
    """
    start = max(window.start - before, window.lowest) - store.drift
    until = min(window.until + after, window.highest) + store.drift
    return range(
        (window.opened + start) // store.length,
        (window.opened + until) // store.length + 1,
    )


def _widen(
    store: Store,
    search: _Search,
    times: collections.abc.Mapping[int, list[int]],
    reach: int,
) -> _Search:
    """Return the search in more places; the same if nothing is missing.

    All between a neighbor and the window must have been looked at, because
    marks in other places may be nearer.

    :param times: elapsed times of the marks that were found, sorted.
    :param reach: how far to look for a neighbor of which nothing is known.
    """
    window, places = search
    found = times[window.register]
    number = bisect.bisect_right(found, window.start) - 1
    before = window.start - found[number] if number >= 0 else reach
    number = bisect.bisect_left(found, window.until)
    after = found[number] - window.until if number < len(found) else reach
    wider = _places(store, window, before, after)
    return _Search(
        window,
        range(min(places.start, wider.start), max(places.stop, wider.stop)),
    )


def _packed(connection: sa.Connection, wanted: _Wanted) -> Points:
    """Return packed marks of days."""
    received = documents.table(connection, _KEY)
    day = schema.profile_day.c
    query = sa.select(day.register, day.packed).join_from(
        received,
        schema.profile_day,
        sa.and_(
            day.register == received.c.register, day.day == received.c.day
        ),
    )
    found: Points = collections.defaultdict(list)
    keys = [(register, day) for register in wanted for day in wanted[register]]
    for register, packed in connection.execute(query, documents.pack(keys)):
        found[register] += packing.unpack(packed)
    return found


#: The marks since the horizon. Their slots are those of the agent's clock.
MARKS = Store(marks.SLOT_MS, histories.MAX_DRIFT_MS, histories.points)
#: Those before it. Their days are those of the pinned opening.
PACKED = Store(packing.DAY_MS, 0, _packed)
