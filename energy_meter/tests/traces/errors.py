# SPDX-License-Identifier: Apache-2.0

"""False energy: the difference between what is shown and the truth."""

import itertools
import typing

from energy_meter.tests.traces import trace


class Shown(typing.NamedTuple):
    """What a system shows of an interval.

    :ivar joules: energy; None if it shows nothing.
    :ivar is_marked: whether it states that this is an estimate, or that a
        part is missing.
    """

    joules: float | None
    is_marked: bool = False


class Day(typing.NamedTuple):
    """What a system shows of a trace.

    :ivar hours: each hour of the day.
    :ivar total: the day, as the system shows it if it is asked for days.
    """

    hours: list[Shown]
    total: Shown


class Errors(typing.NamedTuple):
    """False energy of a trace, in joules.

    :ivar beyond: of all hours that show more than was used.
    :ivar below: of all hours that show less, or nothing.
    :ivar silent: part of both in hours that look like any other. An hour
        without a value does not.
    :ivar day: what the day shows beyond the truth; None if it shows nothing.
    """

    beyond: float
    below: float
    silent: float
    day: float | None

    @property
    def hours(self) -> float:
        """What all hours show beyond the truth."""
        return self.beyond - self.below


def compare(recorded: trace.Trace, shown: Day) -> Errors:
    """Return the errors of what a system shows of a trace."""
    beyond = below = silent = 0.0
    spans = itertools.pairwise(recorded.hours)
    for (start, until), hour in zip(spans, shown.hours, strict=True):
        error = (hour.joules or 0.0) - recorded.joules(start, until)
        beyond += max(error, 0.0)
        below += max(-error, 0.0)
        if hour.joules is not None and not hour.is_marked:
            silent += abs(error)
    total = shown.total.joules
    if total is not None:
        total -= recorded.joules(recorded.start, recorded.until)
    return Errors(beyond, below, silent, total)
