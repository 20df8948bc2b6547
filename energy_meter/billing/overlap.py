# SPDX-License-Identifier: Apache-2.0

"""What is not billed of registers, by date."""

import bisect
import collections
import collections.abc
import itertools

from energy_meter import measurement
from energy_meter.billing import cells
from energy_meter.billing import curve as billing_curve
from energy_meter.billing import intervals
from energy_meter.billing import lines as billing_lines

Curve = billing_curve.Curve
_Overlaps = collections.abc.Mapping[
    tuple[int, measurement.RegisterKey], billing_curve.Share
]


class Overlap:
    """What is not billed of the registers of one probe by a date.

    :param lines: relations between all of its registers.
    :param curves: those that are not voided.
    :param settled: what is not billed, by the start of the cell and the
        register.
    """

    def __init__(
        self,
        lines: billing_lines.Lines,
        curves: intervals.Index[Curve],
        settled: _Overlaps,
    ) -> None:
        self._lines = lines
        self._curves = curves
        self._settled: dict[
            int, dict[measurement.RegisterKey, billing_curve.Share]
        ] = collections.defaultdict(dict)
        for (start, key), share in settled.items():
            self._settled[start][key] = share
        self._cells = sorted(self._settled)
        #: What is not billed before each of these cells, and in all.
        self._before = sums(
            sums(self._settled[start].values())[-1] for start in self._cells
        )
        self._times: dict[int, dict[Curve, list[intervals.Interval]]] = {}

    def until(self, date: int) -> billing_curve.Share:
        """Return what is not billed by a date."""
        start = cells.start_of(date)
        number = bisect.bisect_left(self._cells, start)
        share = self._before[number]
        if start < date and start in self._cells[number : number + 1]:
            for _, each in self._curves.within(start, start + cells.CELL_MS):
                share = share.plus(self._of(each, start, date))
        return share

    def is_billed(self, each: Curve, start: int, until: int) -> bool:
        """Return whether a register is billed between two dates."""
        start, until = max(start, each.start), min(until, each.end)
        for cell in range(cells.start_of(start), until, cells.CELL_MS):
            since, end = max(start, cell), min(until, cell + cells.CELL_MS)
            overlap = self._of(each, cell, end).minus(
                self._of(each, cell, since)
            )
            if overlap.elapsed < end - since:
                return True
        return False

    def _of(self, each: Curve, start: int, date: int) -> billing_curve.Share:
        """Return the overlap of a register in a cell before a date within it.

        The curves show where it lies, but how much there is in the cell stays:
        a cell older than the horizon is not settled again if a register is
        voided.
        """
        if start not in self._settled or each.key not in self._settled[start]:
            return billing_curve.NOTHING
        settled, end = self._settled[start][each.key], start + cells.CELL_MS
        if date == end:
            return settled
        left = each.within([(date, end)])
        if date == start:
            return _limit(billing_curve.NOTHING, settled, left)
        time = intervals.clip(self._unbilled(start).get(each, []), date)
        return _limit(each.within(time), settled, left)

    def _unbilled(self, start: int) -> dict[Curve, list[intervals.Interval]]:
        """Return when curves are not billed in a cell, as they show it."""
        if start not in self._times:
            end = start + cells.CELL_MS
            present = [each for _, each in self._curves.within(start, end)]
            self._times[start] = dict(
                cells.unbilled(present, self._lines, start, end)
            )
        return self._times[start]


def sums(
    shares: collections.abc.Iterable[billing_curve.Share],
) -> list[billing_curve.Share]:
    """Return the sums of none of the shares, the first, ..., and all."""
    return list(
        itertools.accumulate(
            shares, billing_curve.Share.plus, initial=billing_curve.NOTHING
        )
    )


def _limit(
    computed: billing_curve.Share,
    settled: billing_curve.Share,
    left: billing_curve.Share,
) -> billing_curve.Share:
    """Return the overlap before a date, as close as possible to the computed.

    At most what is settled for the cell, and at least that less what the
    register has left there: so it reaches what is settled at the cell's end,
    and what is billed never falls.
    """
    return billing_curve.Share(
        *(
            max(min(part, most), most - rest)
            for part, most, rest in zip(computed, settled, left, strict=True)
        )
    )
