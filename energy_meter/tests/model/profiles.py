# SPDX-License-Identifier: Apache-2.0

"""Bounds of the energy of intervals.

Where no energy is overlap, all registers are billed in full. An interval then
errs by what is stated as uncertain at most, and by the error of the points
beside its two ends, which the agent interpolated. The truth is that of the
register's dates: how wrong those may be is the matter of
:mod:`~energy_meter.tests.model.relations`.
"""

from collections.abc import Iterable
import random
import typing

from energy_meter.billing import bill
from energy_meter.billing import profile
from energy_meter.billing import timeline
from energy_meter.tests.model import bounds
from energy_meter.tests.model import spans
from energy_meter.tests.model import world

_INSTANTS = 20


class Checked(typing.NamedTuple):
    """An interval.

    :ivar error: energy in mJ that it has too much; with a minus, too little.
    :ivar interpolated: error in mJ of the points that agents interpolated.
    """

    interval: profile.Interval
    error: int
    interpolated: int

    @property
    def bound(self) -> int:
        return self.interval.uncertain + self.interpolated


class Profile:
    """The load profile of what arrived of a history.

    :ivar dates: all quarter-hours, and some instants between them.
    """

    def __init__(
        self,
        of: world.History,
        billed: bill.Bill,
        generator: random.Random,
    ) -> None:
        self._billed = billed
        self._curves = bounds.curves(of, of.known, billed)
        self._timeline = timeline.Timeline(
            of.known, billed.openings, billed.overlaps
        )
        begin = min(curve.span.start for curve in self._curves)
        end = max(curve.span.stop for curve in self._curves)
        first, last = begin // bounds.CELL, end // bounds.CELL + 1
        self.quarters = [
            number * bounds.CELL for number in range(first, last + 1)
        ]
        instants = [generator.randint(begin, end) for _ in range(_INSTANTS)]
        self.dates = sorted({*self.quarters, *instants})

    def adds_up(self) -> bool:
        """Return whether all tilings have the energy that is billed."""
        total = self._billed.total
        return all(
            (total.millijoules, total.metered)
            == (
                sum(each.millijoules for each in tiling),
                sum(each.metered for each in tiling),
            )
            and all(
                min(each.millijoules, each.metered) >= 0 for each in tiling
            )
            for tiling in map(
                self.intervals,
                (
                    self.quarters,
                    self.dates,
                    self.dates[:: len(self.dates) - 1],
                ),
            )
        )

    def intervals(self, dates: Iterable[int]) -> list[profile.Interval]:
        return profile.intervals(self._timeline, dates)

    def checked(self) -> list[Checked]:
        """Return all intervals with their errors; none if energy overlaps."""
        if self._billed.overlaps:
            return []
        return [
            Checked(
                each,
                each.millijoules - sum(_truth(c, each) for c in self._curves),
                sum(_interpolated(c, each) for c in self._curves),
            )
            for each in self.intervals(self.dates)
        ]


def _truth(curve: bounds.Curve, of: profile.Interval) -> int:
    """Return the true energy in mJ of a register in an interval."""
    truth = curve.truth
    start, until = (
        truth.time(min(max(date - curve.opened, 0), curve.points[-1].elapsed))
        for date in (of.start, of.until)
    )
    return truth.power.energy(spans.clip(truth.covered, start, until))


def _interpolated(curve: bounds.Curve, of: profile.Interval) -> int:
    """Return the errors in mJ of the points beside both ends."""
    start, stop = curve.span
    if of.until <= start or stop <= of.start:
        return 0
    return sum(
        max(_error(curve, number) for number in _beside(curve, date))
        for date in (of.start, of.until)
    )


def _beside(curve: bounds.Curve, date: int) -> list[int]:
    """Return the numbers of the point at a date, or of those beside it."""
    elapsed = date - curve.opened
    before = [n for n, p in enumerate(curve.points) if p.elapsed <= elapsed]
    after = [n for n, p in enumerate(curve.points) if p.elapsed >= elapsed]
    return [*before[-1:], *after[:1]]


def _error(curve: bounds.Curve, number: int) -> int:
    point = curve.points[number]
    truth = curve.truth
    metered = spans.clip(
        truth.covered, truth.opened, truth.time(point.elapsed)
    )
    return abs(point.millijoules - truth.power.energy(metered))
