# SPDX-License-Identifier: Apache-2.0

"""Date from which what is billed of a probe differs from what was settled."""

import collections
import collections.abc

from energy_meter import measurement
from energy_meter.billing import cells
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.db import day_packing
from energy_meter.db import histories
from energy_meter.db import schema

#: Date before all others.
BEGINNING = -(2**62)

_Openings = collections.abc.Mapping[measurement.RegisterKey, dates.Opening]
_Histories = collections.abc.Sequence[history.RegisterHistory]


def changed_since(
    rows: collections.abc.Sequence[histories.Row],
    known: _Histories,
    openings: _Openings,
    has_marks: bool,
) -> int:
    """Return the date from which what is billed may have changed.

    It is that of the last mark before the change or, without marks, that of
    the change. If the date of an opening moved, all of the register changed.
    If a register changed, those that claim to follow it may relate to others
    than before.

    :param rows: the rows of all registers of the probe.
    :param known: what is known of each, in the same order. One that is not
        billed now counts as void.
    :param openings: when they were opened.
    :param has_marks: whether the histories have the marks around the change.
    """
    changed = [
        max(
            (openings[each.key].opened + each.last.elapsed for each in known),
            default=BEGINNING,
        )
    ]
    successors = collections.defaultdict(list)
    for row, each in zip(rows, known, strict=True):
        if each.after is not None:
            previous = each.key._replace(id=each.after.register)
            successors[previous].append(each.key)
        opened = openings[each.key].opened
        if row.opened is not None and row.opened != opened:
            changed.append(min(row.opened, opened))
        if each.voided == _is_billed(row):
            changed.append(opened)
    for row, each in zip(rows, known, strict=True):
        if row.dirty:
            opened = openings[each.key].opened
            changed.append(opened + _settled(row, each, has_marks))
            changed += [
                openings[key].opened
                for key in _followers(each.key, successors)
            ]
    return min(changed)


def first_day(date: int) -> int:
    """Return the first day that differs if what is billed changed at a date.

    The number of a UTC day since the epoch. How much of the quarter-hour is
    billed decides how certain its beginning is, which is the end of the one
    before.
    """
    return (cells.start_of(date) - 1) // day_packing.DAY_MS


def _is_billed(row: histories.Row) -> bool:
    """Return whether a register was billed when it was settled last."""
    return row.role != schema.Role.UNBILLED and not row.voided


def _settled(
    row: histories.Row, known: history.RegisterHistory, has_marks: bool
) -> int:
    """Return the elapsed time from which the curve of a register changed."""
    if row.opened is None:
        return 0
    settled_until: int = row.settled_until
    if not has_marks:
        return max(settled_until, 0)
    return max(
        (
            point.elapsed
            for point in (known.base, *known.marks)
            if point.elapsed <= settled_until
        ),
        default=0,
    )


def _followers(
    key: measurement.RegisterKey,
    successors: collections.abc.Mapping[
        measurement.RegisterKey, list[measurement.RegisterKey]
    ],
) -> set[measurement.RegisterKey]:
    """Return the registers that claim to follow one, directly or not."""
    found: set[measurement.RegisterKey] = set()
    waiting = [key]
    while waiting:
        for follower in successors.get(waiting.pop(), ()):
            if follower not in found:
                found.add(follower)
                waiting.append(follower)
    return found
