# SPDX-License-Identifier: Apache-2.0

"""The energy of a probe by date.

Each answer is the difference of two values of :meth:`Timeline.until`, so the
energies of intervals add up to that of all of them.
"""

import bisect
import collections
import collections.abc
import itertools

from energy_meter import measurement
from energy_meter.billing import cells
from energy_meter.billing import curve as billing_curve
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import intervals
from energy_meter.billing import lines as billing_lines

_Histories = collections.abc.Iterable[history.RegisterHistory]
_Openings = collections.abc.Mapping[measurement.RegisterKey, dates.Opening]
_Overlaps = collections.abc.Mapping[
    tuple[int, measurement.RegisterKey], billing_curve.Share
]
_Shares = dict[measurement.RegisterKey, billing_curve.Share]


def curves(
    histories: _Histories, openings: _Openings
) -> list[billing_curve.Curve]:
    """Return the curves of all registers that are not voided."""
    return [
        billing_curve.Curve(known, openings[known.key].opened)
        for known in histories
        if not known.voided
    ]


class Timeline:
    """Energy, metered and elapsed time of one probe that was billed by a date.

    :param histories: all registers of the probe.
    :param openings: the date at which each was opened.
    :param overlaps: what is not billed, by the start of the cell and the
        register. It is that of :class:`~energy_meter.billing.bill.Bill`, or
        what was settled last.
    """

    def __init__(
        self, histories: _Histories, openings: _Openings, overlaps: _Overlaps
    ) -> None:
        self._lines = billing_lines.Lines(histories)
        self._curves = sorted(
            curves(histories, openings), key=lambda each: each.start
        )
        self._overlaps: dict[int, _Shares] = collections.defaultdict(dict)
        for (start, key), overlap in overlaps.items():
            self._overlaps[start][key] = overlap
        self._cells = sorted(self._overlaps)
        #: The overlap before each of these cells, and that of all.
        self._overlap_before = _sums(
            _sums(self._overlaps[start].values())[-1] for start in self._cells
        )
        # Only registers that run at a date need their curves.
        ended = sorted(self._curves, key=lambda each: each.end)
        self._starts = [each.start for each in self._curves]
        self._ends = [each.end for each in ended]
        self._base = _sums(each.base for each in ended)[-1]
        self._ended = _sums(
            each.until(each.end).minus(each.base) for each in ended
        )

    def until(self, date: int) -> billing_curve.Share:
        """Return what was billed by a date, in ms."""
        ended = self._ended[bisect.bisect_right(self._ends, date)]
        share = self._base.plus(ended)
        for each in self._curves[: bisect.bisect_left(self._starts, date)]:
            if date < each.end:
                share = share.plus(each.until(date).minus(each.base))
        start = cells.start_of(date)
        number = bisect.bisect_left(self._cells, start)
        share = share.minus(self._overlap_before[number])
        if start < date and start in self._cells[number : number + 1]:
            share = share.minus(self._overlap_in_cell(start, date))
        return share

    def _overlap_in_cell(self, start: int, date: int) -> billing_curve.Share:
        """Return the overlap before a date within its cell.

        The curves show where it lies, but how much there is in the cell stays:
        a cell older than the horizon is not settled again if a register is
        voided.
        """
        end = start + cells.CELL_MS
        present = [each for each in self._curves if each.reaches(start, end)]
        times = dict(cells.unbilled(present, self._lines, start, end))
        overlap = billing_curve.NOTHING
        for each in present:
            settled = self._overlaps[start].get(each.key)
            if settled is not None:
                time = intervals.clip(times.get(each, []), date)
                left = each.within([(date, end)])
                overlap = overlap.plus(
                    _limit(each.within(time), settled, left)
                )
        return overlap


def _sums(
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
