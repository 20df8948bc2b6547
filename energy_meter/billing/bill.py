# SPDX-License-Identifier: Apache-2.0

"""The bill of one probe: each instant is billed once.

1. A register is one run of one clock. Its marks and its last measurement are
   points of a curve from time to energy (:mod:`~energy_meter.billing.curve`),
   which starts when the register was opened
   (:mod:`~energy_meter.billing.dates`).
2. Registers of which one is known to follow the other form a line
   (:mod:`~energy_meter.billing.lines`).
3. In each quarter-hour, or cell, one line is billed first
   (:mod:`~energy_meter.billing.cells`).
4. What that line does not cover, the next one fills. All else is overlap.
5. The energy of the probe is that of all registers less the overlap: a pure
   function of what is known, not of when it became known.
"""

import collections.abc
import dataclasses

from energy_meter import measurement
from energy_meter.billing import alarms
from energy_meter.billing import cells
from energy_meter.billing import curve as billing_curve
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import lines as billing_lines
from energy_meter.billing import timeline

#: A register that ended less than this before another one may only be late.
MIN_QUIET_MS = 60_000

Histories = collections.abc.Sequence[history.RegisterHistory]


@dataclasses.dataclass(frozen=True)
class Bill:
    """What is billed of the registers of one probe.

    :ivar openings: date of the opening of each register, including voided
        ones.
    :ivar overlaps: what is not billed of a register in a cell, by the start
        of the cell in ms and the register. Nothing is missing that is not 0.
    :ivar tip: register that can go on without any change to ``overlaps``;
        None if there is none.
    :ivar plural: whether some registers are concurrent.
    :ivar displayed: newest register of the line that is billed last. Its
        power is that of the probe. None if all registers are voided.
    :ivar alarms: what an operator should look at.
    :ivar total: sum of all registers, without voided ones, less ``overlaps``.
    """

    openings: dict[measurement.RegisterKey, dates.Opening]
    overlaps: dict[tuple[int, measurement.RegisterKey], billing_curve.Share]
    tip: measurement.RegisterKey | None
    plural: bool
    displayed: measurement.RegisterKey | None
    alarms: frozenset[str]
    total: billing_curve.Share


def bill(histories: Histories, since: int | None = None) -> Bill:
    """Return the bill of the registers of one probe.

    :param histories: all registers of the probe, in any order.
    :param since: date in ms; only cells that end after it are computed, and
        ``total`` contains the overlap of no others. None for all cells.
    """
    lines = billing_lines.Lines(histories)
    openings = dates.openings(histories, lines)
    curves = timeline.curves(histories, openings)

    overlaps = {}
    for start, present in cells.shared(curves, lines, since):
        until = start + cells.CELL_MS
        for each, time in cells.unbilled(present, lines, start, until):
            overlaps[start, each.key] = each.within(time)

    total = billing_curve.NOTHING
    for each in curves:
        total = total.plus(each.until(each.end))
    for overlap in overlaps.values():
        total = total.minus(overlap)

    tip = _tip(curves, lines)
    return Bill(
        openings=openings,
        overlaps=overlaps,
        tip=tip,
        plural=not lines.is_one_line(each.key for each in curves),
        displayed=tip or _displayed(curves, lines),
        alarms=alarms.find(curves, openings, lines, tip),
        total=total,
    )


def energy_at(histories: Histories, result: Bill, date: int) -> int:
    """Return the energy in mJ that was billed by a date.

    :param histories: the same as for :func:`bill`.
    :param result: their bill, of all cells.
    """
    line = timeline.Timeline(histories, result.openings, result.overlaps)
    return line.until(date).millijoules


def _tip(
    curves: list[billing_curve.Curve], lines: billing_lines.Lines
) -> measurement.RegisterKey | None:
    """Return the register that can go on without a change to any overlap.

    If all registers form one line, the newest can: nothing overlaps. If not,
    all others must have ended, and a mark must fix the newest one up to the
    end of the last cell that they share: how much it covers of that cell, not
    only of their time, decides who is billed first. A register that another
    follows can never go on: the edge would break.
    """
    leaves = (each for each in curves if each.key not in lines.successors)
    newest = max(leaves, key=_newest, default=None)
    if newest is None:
        return None
    ends = [
        each.end
        for each in curves
        if not lines.are_related(each.key, newest.key)
    ]
    if ends and (
        cells.end_of(max(ends)) > newest.fixed_until()
        or max(ends) + MIN_QUIET_MS > newest.end
    ):
        return None
    return newest.key


def _displayed(
    curves: list[billing_curve.Curve], lines: billing_lines.Lines
) -> measurement.RegisterKey | None:
    """Return the newest register of the line that is billed last.

    The line is the one that would be billed first if a cell ended now. Cells
    of UTC would show another one whenever a quarter-hour begins.
    """
    if not curves:
        return None
    end = max(each.end for each in curves)
    first = cells.primary(curves, lines, end - cells.CELL_MS, end)
    line = (
        each
        for each in curves
        if first is None or lines.are_related(each.key, first.key)
    )
    return max(line, key=_newest).key


def _newest(each: billing_curve.Curve) -> tuple[int, tuple[str, ...]]:
    return each.end, each.name
