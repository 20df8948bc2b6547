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
        register. It is that of :class:`~energy_meter.billing.bill.Bill`.
    """

    def __init__(
        self, histories: _Histories, openings: _Openings, overlaps: _Overlaps
    ) -> None:
        self._lines = billing_lines.Lines(histories)
        self._curves = curves(histories, openings)
        by_cell: dict[int, billing_curve.Share] = collections.defaultdict(
            lambda: billing_curve.NOTHING
        )
        for (start, _), overlap in overlaps.items():
            by_cell[start] = by_cell[start].plus(overlap)
        self._starts = sorted(by_cell)
        #: The overlap before each of these cells, and that of all.
        self._overlap_before = list(
            itertools.accumulate(
                (by_cell[start] for start in self._starts),
                billing_curve.Share.plus,
                initial=billing_curve.NOTHING,
            )
        )

    def until(self, date: int) -> billing_curve.Share:
        """Return what was billed by a date, in ms.

        In a cell with overlap, what is billed is computed from the curves.
        """
        share = billing_curve.NOTHING
        for each in self._curves:
            share = share.plus(each.until(date))
        start = cells.start_of(date)
        number = bisect.bisect_left(self._starts, start)
        share = share.minus(self._overlap_before[number])
        if start in self._starts[number : number + 1]:
            end = start + cells.CELL_MS
            for each, time in cells.unbilled(
                self._present(start, end), self._lines, start, end
            ):
                part = each.within(intervals.clip(time, date))
                share = share.minus(part)
        return share

    def _present(self, start: int, end: int) -> list[billing_curve.Curve]:
        return [
            each
            for each in self._curves
            if each.start < end and each.end > start
        ]
