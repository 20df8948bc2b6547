# SPDX-License-Identifier: Apache-2.0

"""Bounds of the error of what is billed, from both sides.

A register that is dated ``opened`` has the energy m(t) at the date t; points
between marks are interpolated. The model knows T(t), the energy that it
metered until the true time t. e(t) = abs(m(t) - T(t)) is the energy that a
hand-over at t misplaces. It is at most the peak power times the error of the
date, plus the error of the interpolation.

Whatever decides which register is billed, hand-overs are possible only where
a register begins or ceases to cover, and at the beginning of a cell. So the
error of registers that cover the same time is at most the sum of

* e(t) of each of them at each such date t,
* the energy of time that they seem to cover, but only others metered,
* the energy of time that none of them seems to cover.

Registers alone in their time, or of one line, are billed exactly. If state is
copied, both registers may be billed until the original has continued for
:data:`MAX_CONTINUED`.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import functools
import itertools

from energy_meter import measurement
from energy_meter.billing import history
from energy_meter.tests.model import power
from energy_meter.tests.model import registers
from energy_meter.tests.model import relations
from energy_meter.tests.model import world

CELL = 900_000
MAX_CONTINUED = relations.MAX_CONTINUED


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
    def span(self) -> power.Span:
        """Dates from the opening until the last measurement."""
        return power.Span(self.opened, self.opened + self.points[-1].elapsed)

    @functools.cached_property
    def metered(self) -> list[power.Span]:
        """True time in which it metered what is known."""
        last = self.truth.time(self.points[-1].elapsed)
        return power.clip(self.truth.covered, self.truth.opened, last)

    @functools.cached_property
    def _kinds(self) -> list[tuple[power.Span, str]]:
        result = []
        for since, until in itertools.pairwise(self.points):
            length = until.elapsed - since.elapsed
            metered = until.metered - since.metered
            kind = 'whole' if 100 * (metered + 1000) >= 98 * length else 'part'
            if not metered and until.millijoules == since.millijoules:
                kind = 'none'
            start = self.opened + since.elapsed
            result.append((power.Span(start, start + length), kind))
        return result

    @property
    def seems_covered(self) -> list[power.Span]:
        """Dates between marks between which it metered."""
        return [span for span, kind in self._kinds if kind != 'none']

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
        spans = power.clip(self.metered, self.truth.opened, date)
        return abs(self._at(date) - self.truth.power.energy(spans))

    def _at(self, date: int) -> int:
        elapsed = date - self.opened
        if elapsed <= 0:
            return 0
        for since, until in itertools.pairwise(self.points):
            if elapsed <= until.elapsed:
                energy = until.millijoules - since.millijoules
                part = elapsed - since.elapsed
                length = until.elapsed - since.elapsed
                return since.millijoules + energy * part // length
        return self.points[-1].millijoules


def _rising(known: history.RegisterHistory) -> list[history.Point]:
    result = [history.ORIGIN]
    for point in sorted((*known.marks, known.last)):
        if result[-1].elapsed < point.elapsed <= known.last.elapsed:
            result.append(point)
    return result


def curves(
    of: world.History,
    known: Iterable[history.RegisterHistory],
    openings: Mapping[measurement.RegisterKey, int],
) -> list[Curve]:
    return [
        Curve(register, of.registers[register.key], openings[register.key])
        for register in known
        if not register.voided
    ]


def total(
    of: world.History,
    known: Sequence[history.RegisterHistory],
    openings: Mapping[measurement.RegisterKey, int],
) -> int:
    """Return the largest error in mJ of the energy of all time."""
    lines = relations.Relations(known)
    copied = of.copies * of.power.peak * MAX_CONTINUED
    return copied + sum(
        _of_concurrent(group, of.power, lines)
        for group in _groups(curves(of, known, openings), lines)
    )


def until(
    of: world.History,
    known: Sequence[history.RegisterHistory],
    openings: Mapping[measurement.RegisterKey, int],
    date: int,
) -> int:
    """Return the largest error in mJ of the energy before a date."""
    return total(of, known, openings) + sum(
        curve.error(date) for curve in curves(of, known, openings)
    )


def _overlap(curve: Curve, other: Curve) -> bool:
    """Return whether two registers meet, by their dates or in truth."""
    return _meet(curve.span, other.span) or any(
        _meet(a, b) for a in curve.metered for b in other.metered
    )


def _meet(span: power.Span, other: power.Span) -> bool:
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
    group: Sequence[Curve], of: power.Power, lines: relations.Relations
) -> int:
    metered = power.union(span for c in group for span in c.metered)
    seems = power.union(span for c in group for span in c.seems_covered)
    error = of.energy(power.subtract(metered, seems))
    for curve in group:
        only_others = power.subtract(metered, curve.metered)
        for span in curve.seems_covered:
            error += of.energy(power.clip(only_others, *span))
        error += sum(curve.error(cut) for cut in _cuts(curve, group, lines))
    return error


def _cuts(
    curve: Curve, group: Sequence[Curve], lines: relations.Relations
) -> set[int]:
    """Return dates within a curve at which another may be billed."""
    start, stop = curve.span
    others = [c for c in group if not lines.related(c.key, curve.key)]
    cuts = {edge for other in (curve, *others) for edge in other.edges}
    for cell in range(start // CELL * CELL, stop + 1, CELL):
        around = power.Span(cell - CELL, cell + CELL)
        if any(_meet(around, other.span) for other in others):
            cuts.add(cell)
    return {cut for cut in cuts if start <= cut <= stop}
