# SPDX-License-Identifier: Apache-2.0

"""Bounds of the error of what is billed, from both sides.

A register that is dated ``opened`` has the energy m(t) at the date t; points
between marks are interpolated. The model knows T(t), the energy that it
metered until the true time t. e(t) = abs(m(t) - T(t)) is the energy that a
hand-over at t misplaces. It is at most the peak power times the error of the
date, plus the error of the interpolation.

Hand-overs are possible only where a register begins or ceases to cover, and
at the beginning of a cell. The bill shows which registers are billed in a cell
for all they cover, or for nothing; those hand over nothing within it. So the
error of registers that cover the same time is at most the sum of

* e(t) of each of them at each such date t,
* the energy of time that they seem to cover, but only others metered; if
  less than a whole segment was metered, those that meter a whole one come
  first,
* the energy of time that none of them seems to cover.

Registers alone in their time, or of one line, are billed exactly, unless their
last known point is a mark that the agent interpolated. If state is copied,
both registers may be billed until the original has continued for
:data:`MAX_CONTINUED`.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import enum
import functools
import itertools

from energy_meter import measurement
from energy_meter.billing import bill
from energy_meter.billing import history
from energy_meter.tests.model import power
from energy_meter.tests.model import registers
from energy_meter.tests.model import relations
from energy_meter.tests.model import spans
from energy_meter.tests.model import world

CELL = 900_000
MAX_CONTINUED = relations.MAX_CONTINUED


class Billed(enum.Enum):
    """For what of its energy in a cell a register is billed."""

    ALL = enum.auto()
    PART = enum.auto()
    NOTHING = enum.auto()


class Curve:
    """The curve of a register by date, and the truth about it."""

    def __init__(
        self,
        known: history.RegisterHistory,
        truth: registers.Register,
        opened: int,
    ) -> None:
        self.key = known.key
        self.truth = truth
        self.opened = opened
        self.points = _rising(known)

    @property
    def span(self) -> spans.Span:
        """Dates from the opening until the last measurement."""
        return spans.Span(self.opened, self.opened + self.points[-1].elapsed)

    @functools.cached_property
    def metered(self) -> list[spans.Span]:
        """True time in which it metered what is known."""
        last = self.truth.time(self.points[-1].elapsed)
        return spans.clip(self.truth.covered, self.truth.opened, last)

    @functools.cached_property
    def _kinds(self) -> list[tuple[spans.Span, str]]:
        result = []
        for since, until in itertools.pairwise(self.points):
            length = until.elapsed - since.elapsed
            metered = until.metered - since.metered
            kind = 'whole' if 100 * (metered + 1000) >= 98 * length else 'part'
            if not metered and until.millijoules == since.millijoules:
                kind = 'none'
            start = self.opened + since.elapsed
            result.append((spans.Span(start, start + length), kind))
        return result

    @property
    def seems_covered(self) -> list[spans.Span]:
        """Dates between marks between which it metered."""
        return [span for span, kind in self._kinds if kind != 'none']

    @property
    def wholly_covered(self) -> list[spans.Span]:
        """Dates between marks between which it metered all the time."""
        return [span for span, kind in self._kinds if kind == 'whole']

    @property
    def edges(self) -> list[int]:
        """Dates at which it begins or ceases to cover, or to do so fully."""
        result = [self.span.start, self.span.stop]
        for (span, kind), (_, following) in itertools.pairwise(self._kinds):
            if kind != following:
                result.append(span.stop)
        return result

    def error(self, date: int) -> int:
        """Return the energy in mJ that a hand-over at ``date`` misplaces."""
        metered = spans.clip(self.metered, self.truth.opened, date)
        return abs(self.at(date)[0] - self.truth.power.energy(metered))

    @property
    def interpolated(self) -> int:
        """Error in mJ of the last point, which may be between readings."""
        true = self.truth.power.energy(self.metered)
        return abs(self.points[-1].millijoules - true)

    def at(self, date: int) -> tuple[int, int]:
        """Return energy in mJ, and metered time in ms, by a date."""
        elapsed = date - self.opened
        if elapsed <= 0:
            return 0, 0
        for since, until in itertools.pairwise(self.points):
            if elapsed <= until.elapsed:
                part = elapsed - since.elapsed
                length = until.elapsed - since.elapsed
                millijoules, metered = (
                    start + (stop - start) * part // length
                    for start, stop in zip(since[1:], until[1:], strict=True)
                )
                return millijoules, metered
        return self.points[-1].millijoules, self.points[-1].metered


def _rising(known: history.RegisterHistory) -> list[measurement.Point]:
    result = [measurement.ORIGIN]
    for point in sorted((*known.marks, known.last)):
        if result[-1].elapsed < point.elapsed <= known.last.elapsed:
            result.append(point)
    return result


def curves(
    of: world.History,
    known: Iterable[history.RegisterHistory],
    billed: bill.Bill,
) -> list[Curve]:
    """Return the curves of the registers that are billed."""
    return [
        Curve(
            register,
            of.registers[register.key],
            billed.openings[register.key].opened,
        )
        for register in known
        if not register.voided
    ]


def total(
    of: world.History,
    known: Sequence[history.RegisterHistory],
    billed: bill.Bill,
) -> int:
    """Return the largest error in mJ of the energy of all time."""
    lines = relations.Relations(known)
    registers = curves(of, known, billed)
    error = of.copies * of.power.peak * MAX_CONTINUED
    error += sum(curve.interpolated for curve in registers)
    return error + sum(
        _of_concurrent(group, of.power, billed, lines)
        for group in _groups(registers, lines)
    )


def until(
    of: world.History,
    known: Sequence[history.RegisterHistory],
    billed: bill.Bill,
    date: int,
) -> int:
    """Return the largest error in mJ of the energy before a date."""
    return total(of, known, billed) + sum(
        curve.error(date) for curve in curves(of, known, billed)
    )


def _overlap(curve: Curve, other: Curve) -> bool:
    """Return whether two registers meet, by their dates or in truth."""
    return _meet(curve.span, other.span) or any(
        _meet(a, b) for a in curve.metered for b in other.metered
    )


def _meet(span: spans.Span, other: spans.Span) -> bool:
    return span.start < other.stop and other.start < span.stop


def _groups(
    of: Sequence[Curve], lines: relations.Relations
) -> list[list[Curve]]:
    """Return the groups of registers that are concurrent with each other."""
    groups: list[list[Curve]] = []
    for curve in of:
        joined = [curve]
        separate = []
        for group in groups:
            if any(
                not lines.related(curve.key, other.key)
                and _overlap(curve, other)
                for other in group
            ):
                joined += group
            else:
                separate.append(group)
        groups = [*separate, joined]
    return [group for group in groups if len(group) > 1]


def _of_concurrent(
    group: Sequence[Curve],
    of: power.Power,
    billed: bill.Bill,
    lines: relations.Relations,
) -> int:
    metered = spans.union(span for c in group for span in c.metered)
    seems = spans.union(span for c in group for span in c.seems_covered)
    edges = {edge for curve in group for edge in curve.edges}
    error = of.energy(spans.subtract(metered, seems))
    for curve in group:
        cells = _cells(curve, billed)
        none = [span for span, billed in cells if billed is Billed.NOTHING]
        only_others = spans.subtract(metered, [*curve.metered, *none])
        whole = [
            span
            for other in group
            if not lines.related(other.key, curve.key)
            for span in other.wholly_covered
        ]
        for span in curve.seems_covered:
            hidden = spans.clip(only_others, *span)
            if span not in curve.wholly_covered:
                hidden = spans.subtract(hidden, whole)
            error += of.energy(hidden)
        error += sum(curve.error(cut) for cut in _cuts(curve, cells, edges))
    return error


def _cells(curve: Curve, billed: bill.Bill) -> list[tuple[spans.Span, Billed]]:
    """Return the cells of a register, and for what it is billed in each."""
    start, stop = curve.span
    result = []
    for date in range(start // CELL * CELL, stop + 1, CELL):
        cell = spans.Span(date, date + CELL)
        share = billed.overlaps.get((date, curve.key))
        before, after = curve.at(date), curve.at(date + CELL)
        whole = after[0] - before[0], after[1] - before[1]
        if share is None or not (share.millijoules or share.metered):
            result.append((cell, Billed.ALL))
        elif (share.millijoules, share.metered) == whole:
            result.append((cell, Billed.NOTHING))
        else:
            result.append((cell, Billed.PART))
    return result


def _cuts(
    curve: Curve,
    cells: Sequence[tuple[spans.Span, Billed]],
    edges: set[int],
) -> set[int]:
    """Return the dates at which billing of a register may begin or end."""
    cuts: set[int] = set()
    for cell, billed in cells:
        if billed is not Billed.NOTHING:
            own = edges if billed is Billed.PART else curve.edges
            cuts.update(
                edge for edge in own if cell.start <= edge <= cell.stop
            )
    for (_, before), (cell, after) in itertools.pairwise(cells):
        if before is not after or after is Billed.PART:
            cuts.add(cell.start)
    return {cut for cut in cuts if curve.span.start <= cut <= curve.span.stop}
