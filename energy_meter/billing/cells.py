# SPDX-License-Identifier: Apache-2.0

"""Cells: in each quarter-hour of UTC, which register is billed for what.

The line that covers a cell best is billed first, and the others for what is
left. Lines that cover the cell equally well, to within a minute, are billed
in the order of their agents' names, so that the same one is billed cell after
cell: each change of the line costs some energy, as clocks differ.

Only registers that are not voided take part.
"""

import bisect
import collections
import collections.abc

from energy_meter.billing import curve as billing_curve
from energy_meter.billing import intervals
from energy_meter.billing import lines as billing_lines

#: Length of a cell.
CELL_MS = 900_000
#: Lines that cover this much less than the best are as good.
TOLERANCE_MS = 60_000

Curve = billing_curve.Curve
_Time = list[intervals.Interval]


def start_of(date: int) -> int:
    """Return the start of the cell to which a date belongs."""
    return date // CELL_MS * CELL_MS


def end_of(date: int) -> int:
    """Return the end of the cell in which a curve ends at a date."""
    return -(-date // CELL_MS) * CELL_MS


def shared(
    curves: collections.abc.Iterable[Curve],
    lines: billing_lines.Lines,
    since: int | None,
) -> list[tuple[int, list[Curve]]]:
    """Return the cells in which registers that are concurrent meet.

    :param since: date; cells that ended by then are left out. None for all.
    :returns: the start of each cell, and all registers that reach into it.
    """
    extended = sorted(
        (each for each in curves if each.start < each.end),
        key=lambda each: (each.start, each.name),
    )
    starts: set[int] = set()
    running: list[Curve] = []
    for each in extended:
        running = [other for other in running if other.end > each.start]
        for other in running:
            if not lines.are_related(each.key, other.key):
                first = each.start if since is None else max(each.start, since)
                until = min(each.end, other.end)
                starts.update(range(start_of(first), until, CELL_MS))
        running.append(each)
    ordered = sorted(starts)
    present = collections.defaultdict(list)
    for each in extended:
        first = bisect.bisect_left(ordered, start_of(each.start))
        until = bisect.bisect_left(ordered, each.end)
        for start in ordered[first:until]:
            present[start].append(each)
    return [(start, present[start]) for start in ordered]


def unbilled(
    curves: collections.abc.Iterable[Curve],
    lines: billing_lines.Lines,
    start: int,
    until: int,
) -> list[tuple[Curve, _Time]]:
    """Return the time between two dates for which curves are not billed.

    Each is billed for what it covers less what concurrent ones before it
    took. All segments that are metered as a whole come before those that are
    metered in part: the latter's energy may lie outside the time in question.
    Gaps, which have elapsed time but no energy, come last.
    """
    taken: dict[Curve, _Time] = {}
    lost: dict[Curve, _Time] = collections.defaultdict(list)
    for cover in billing_curve.Cover:
        covered = _covered(curves, cover, start, until)
        for each in _ranking(covered, lines):
            before = intervals.union(
                *(
                    time
                    for other, time in taken.items()
                    if not lines.are_related(each.key, other.key)
                )
            )
            billed = intervals.difference(covered[each], before)
            lost[each] += intervals.difference(covered[each], billed)
            taken[each] = intervals.union(taken.get(each, []), billed)
    return [(each, sorted(time)) for each, time in lost.items() if time]


def primary(
    curves: collections.abc.Iterable[Curve],
    lines: billing_lines.Lines,
    start: int,
    until: int,
) -> Curve | None:
    """Return the curve that is billed first between two dates."""
    for cover in billing_curve.Cover:
        if covered := _covered(curves, cover, start, until):
            return _ranking(covered, lines)[0]
    return None


def _covered(
    curves: collections.abc.Iterable[Curve],
    cover: billing_curve.Cover,
    start: int,
    until: int,
) -> dict[Curve, _Time]:
    return {
        each: time
        for each in curves
        if (time := each.covered(cover, start, until))
    }


def _ranking(
    covered: collections.abc.Mapping[Curve, _Time], lines: billing_lines.Lines
) -> list[Curve]:
    """Return the curves in the order in which they are billed.

    The first line is that of the first register by name of those whose line
    covers most, to within a minute. Then come those whose line covers most, or
    is the first by name.

    :param covered: for each curve, the time that it covers.
    """
    scores = {
        each: intervals.length(
            intervals.union(
                *(
                    time
                    for other, time in covered.items()
                    if lines.are_related(each.key, other.key)
                )
            )
        )
        for each in covered
    }
    if not scores:
        return []
    enough = max(scores.values()) - TOLERANCE_MS
    best = (each for each in covered if scores[each] >= enough)
    first = min(best, key=lambda each: each.name)

    def rank(each: Curve) -> tuple[bool, int, tuple[str, ...]]:
        is_of_line = lines.are_related(each.key, first.key)
        return not is_of_line, -scores[each], each.name

    return sorted(covered, key=rank)
