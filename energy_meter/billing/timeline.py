# SPDX-License-Identifier: Apache-2.0

"""The energy of a probe by date.

Each answer is the difference of two values of :meth:`Timeline.until`, so the
energies of intervals add up to that of all of them.
"""

import bisect
import collections.abc

from energy_meter import measurement
from energy_meter.billing import curve as billing_curve
from energy_meter.billing import dates
from energy_meter.billing import history
from energy_meter.billing import intervals
from energy_meter.billing import lines as billing_lines
from energy_meter.billing import overlap
from energy_meter.billing import profile

_Histories = collections.abc.Iterable[history.RegisterHistory]
_Openings = collections.abc.Mapping[measurement.RegisterKey, dates.Opening]
_Overlaps = collections.abc.Mapping[
    tuple[int, measurement.RegisterKey], billing_curve.Share
]
_Curves = collections.abc.Iterable[billing_curve.Curve]
#: A register whose dates are those of a corrected clock.
_Corrected = tuple[billing_curve.Curve, profile.Clock]

_CLOCKS = {
    dates.CLOCK_AHEAD: profile.Clock.AHEAD,
    dates.CLOCK_BEHIND: profile.Clock.BEHIND,
    dates.CLOCK_UNSET: profile.Clock.UNSET,
}


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
        lines = billing_lines.Lines(histories)
        valid = curves(histories, openings)
        self._curves = intervals.Index(
            ((each.start, each.end), each) for each in valid
        )
        self._overlap = overlap.Overlap(lines, self._curves, overlaps)
        self._corrected = intervals.Index(
            [*_corrected(valid, openings), *_stepped(valid, lines)]
        )
        # Only registers that run at a date need their curves.
        ended = sorted(valid, key=lambda each: each.end)
        self._ends = [each.end for each in ended]
        self._base = overlap.sums(each.base for each in ended)[-1]
        self._ended = overlap.sums(
            each.until(each.end).minus(each.base) for each in ended
        )

    def until(self, date: int) -> billing_curve.Share:
        """Return what was billed by a date, in ms."""
        ended = self._ended[bisect.bisect_right(self._ends, date)]
        share = self._base.plus(ended)
        for _, each in self._curves.within(date, date + 1):
            share = share.plus(each.until(date).minus(each.base))
        return share.minus(self._overlap.until(date))

    def edge(self, date: int) -> profile.Edge:
        """Return what was billed by a date, and how certain that is.

        A register that is not billed around the date, such as that of a
        standby agent, makes nothing uncertain.
        """
        share = self.until(date)
        uncertain = sum(
            part
            for _, each in self._curves.within(date, date + 1)
            if (part := each.uncertain(date))
            and self._overlap.is_billed(each, date - 1, date + 1)
        )
        return profile.Edge(date, share.millijoules, share.metered, uncertain)

    def billed(self, start: int, until: int) -> list[billing_curve.Curve]:
        """Return the curves that are billed between two dates, by name."""
        found = [
            each
            for _, each in self._curves.within(start, until)
            if self._overlap.is_billed(each, start, until)
        ]
        return sorted(found, key=lambda each: each.name)

    def clock(self, start: int, until: int) -> profile.Clock:
        """Return which clocks were not used as they are, between two dates.

        Only those of registers that are billed there count.
        """
        found = profile.Clock(0)
        for (since, end), (each, clock) in self._corrected.within(
            start, until
        ):
            if clock not in found and self._overlap.is_billed(
                each, max(start, since), min(until, end)
            ):
                found |= clock
        return found


def _corrected(
    valid: _Curves, openings: _Openings
) -> collections.abc.Iterator[tuple[intervals.Interval, _Corrected]]:
    """Yield the registers whose clock was wrong or not set."""
    for each in valid:
        correction = openings[each.key].correction
        if correction is not None:
            yield (each.start, each.end), (each, _CLOCKS[correction])


def _stepped(
    valid: _Curves, lines: billing_lines.Lines
) -> collections.abc.Iterator[tuple[intervals.Interval, _Corrected]]:
    """Yield the registers that begin before one that they follow ends.

    Their time is that in which both meter. A difference of 1 s is none, as in
    :class:`~energy_meter.billing.dates.Opening`.
    """
    registers = {each.key: each for each in valid}
    ends: dict[measurement.RegisterKey, int] = {}
    for key in lines.order:
        previous = lines.predecessors.get(key)
        end = ends[previous] if previous else -(2**62)
        if each := registers.get(key):
            if each.start < end - dates.MAX_AHEAD_MS:
                stepped = each.start, min(each.end, end)
                yield stepped, (each, profile.Clock.STEP)
            end = max(end, each.end)
        ends[key] = end
