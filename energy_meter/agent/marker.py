# SPDX-License-Identifier: Apache-2.0

"""Choice of the points of a register's curve that are kept.

A register has a point for each reading. Kept are its marks: few, but enough
to rebuild how the energy is distributed over the intervals of the profile.
This module has no clock and does no I/O.
"""

from energy_meter import measurement

#: Maximum time in ms between two readings to interpolate between them. With
#: more, both readings are kept, and nothing is invented.
MAX_INTERPOLATION_MS = 10_000
#: Maximum number of marks per interval that are not at a multiple of it, and
#: that of registers of CPU time, whose instances start and stop. Of these, one
#: is reserved for the last reading before the next multiple, without which
#: energy would move from one interval to the other.
MAX_OFF_GRID = 8
MAX_OFF_GRID_USAGE = 64
#: Rounding of elapsed and metered times.
_ROUNDING_MS = 1


class Marker:
    """Chooses the marks of one register.

    Marks are the opening; the multiples of the interval on the wall clock,
    interpolated between readings that are close; both ends of a gap, in
    which the metered time stands still; the last reading before another
    layout; and the last reading. If the reading after a gap meters it, as
    counters do that return, it is the gap's end.

    :param interval: interval of the profile in ms.
    :param opened_timestamp: time in ms at which the register was opened.
    :param max_off_grid: maximum number of other marks in an interval.
    """

    __slots__ = (
        '_count',
        '_interval',
        '_interval_number',
        '_is_gap',
        '_kept',
        '_max_off_grid',
        '_next',
        '_opened_timestamp',
        '_previous',
    )

    def __init__(
        self,
        interval: int,
        opened_timestamp: int,
        max_off_grid: int = MAX_OFF_GRID,
    ) -> None:
        self._interval = interval
        self._max_off_grid = max_off_grid
        self._opened_timestamp = opened_timestamp
        self._previous = measurement.ORIGIN
        self._is_gap = False
        # Elapsed time of the last mark; negative if there is none.
        self._kept = -1
        # The next multiple, as elapsed time; at first, any reading is marked.
        self._next = 0
        # Marks off the grid in the interval of the last one of them.
        self._interval_number = self._count = 0

    def add(
        self, point: measurement.Point, is_changed: bool = False
    ) -> list[measurement.Point]:
        """Return the marks up to a new point of the curve, in order.

        :param point: later than all before.
        :param is_changed: whether its layout is not that of the point before.
        """
        previous, self._previous = self._previous, point
        is_gap = point.metered == previous.metered
        if (
            point.elapsed < self._next
            and is_gap == self._is_gap
            and not is_changed
        ):
            return []
        marks: list[measurement.Point] = []
        if self._kept < 0:
            self._kept = 0
            marks.append(measurement.ORIGIN)
        meters_gap = self._is_gap and (
            point.metered - previous.metered
            > point.elapsed - previous.elapsed + _ROUNDING_MS
        )
        is_end = is_gap != self._is_gap or is_changed
        if is_end and not meters_gap:
            self._keep(previous, self._max_off_grid - 1, marks)
        boundary = self._boundary(point.elapsed)
        if boundary > previous.elapsed:
            self._cross(previous, point, boundary, marks)
        if meters_gap:
            self._keep(point, self._max_off_grid - 1, marks)
        self._is_gap = is_gap
        self._next = boundary + self._interval
        return marks

    def end(self) -> list[measurement.Point]:
        """Return the last point, unless it is a mark already."""
        if self._previous.elapsed <= max(0, self._kept):
            return []
        self._kept = self._previous.elapsed
        return [self._previous]

    def _boundary(self, elapsed: int) -> int:
        """Return the last multiple of the interval, as elapsed time."""
        return elapsed - (self._opened_timestamp + elapsed) % self._interval

    def _cross(
        self,
        previous: measurement.Point,
        point: measurement.Point,
        boundary: int,
        marks: list[measurement.Point],
    ) -> None:
        """Keep what dates the energy at a multiple of the interval."""
        if point.elapsed - previous.elapsed <= MAX_INTERPOLATION_MS:
            mark = interpolate(previous, point, boundary)
            self._kept = mark.elapsed
            marks.append(mark)
        else:
            self._keep(previous, self._max_off_grid, marks)
            self._keep(point, self._max_off_grid, marks)

    def _keep(
        self,
        point: measurement.Point,
        limit: int,
        marks: list[measurement.Point],
    ) -> None:
        """Keep a point, unless that exceeds the limit of its interval."""
        if point.elapsed <= self._kept:
            return
        number, phase = divmod(
            self._opened_timestamp + point.elapsed, self._interval
        )
        if phase:
            if number != self._interval_number:
                self._interval_number, self._count = number, 0
            if self._count >= limit:
                return
            self._count += 1
        self._kept = point.elapsed
        marks.append(point)


def interpolate(
    before: measurement.Point, after: measurement.Point, elapsed: int
) -> measurement.Point:
    """Return the point of a curve between two of its points.

    :param elapsed: later than ``before``, not later than ``after``.
    """
    length = after.elapsed - before.elapsed
    passed = elapsed - before.elapsed
    return measurement.Point(
        elapsed,
        before.millijoules
        + (after.millijoules - before.millijoules) * passed // length,
        before.metered + (after.metered - before.metered) * passed // length,
    )
