# SPDX-License-Identifier: Apache-2.0

"""Conversion of a probe's measurements into the points of its RRD file.

The value of a point is the power since the previous point. After a regular
interval that is the power measured at its end. If messages were lost, the
register still contains the energy of the gap, so the point has its mean
power. If the wattmeter was not read, the power is unknown.
"""

import collections.abc
import enum
import math
import typing

from energy_meter import measurement

#: A timestamp further ahead of this machine's clock is skipped.
_MAX_CLOCK_SKEW_S = 60.0

#: Measurements are regular up to this multiple of the usual interval; after a
#: longer one a message was lost.
_MAX_REGULAR_INTERVALS = 1.5

#: Maximum growth of the usual interval from one measurement to the next, so
#: that a few gaps in a row do not become the usual interval.
_MAX_INTERVAL_GROWTH = 1.05

#: A register fills a gap only if it metered this share of it, and if the
#: wall clock and the clock of the register differ by no more than this share.
_MIN_METERED_SHARE = 0.9
_MAX_CLOCK_ERROR = 0.1

#: Timestamps are written in milliseconds.
_RESOLUTION_S = 0.001


class SkipReason(enum.StrEnum):
    """Reason for not writing a measurement; label values of a counter."""

    CLOCK_STEP = 'clock_step'
    DUPLICATE = 'duplicate'
    FUTURE = 'future'
    NO_VALUE = 'no_value'
    OUT_OF_ORDER = 'out_of_order'
    OVERFLOW = 'overflow'
    QUOTA = 'quota'


class Point(typing.NamedTuple):
    """Power, in watts, up to a timestamp; None if it is unknown."""

    timestamp: float
    watts: float | None


class FileCursor(typing.NamedTuple):
    """Position at which a file is continued.

    :ivar timestamp: of the file's last point.
    :ivar watts: of that point.
    :ivar interval: usual interval between two measurements, in seconds.
    :ivar latest: the last measurement written.
    """

    timestamp: float
    watts: float | None = None
    interval: float | None = None
    latest: measurement.Measurement | None = None


class PointRules(typing.NamedTuple):
    """Limits for the conversion into points.

    :ivar step: seconds of one row at the finest resolution.
    :ivar max_gap: maximum gap that a register fills, in seconds.
    :ivar max_watts: maximum plausible power of a probe, in watts.
    """

    step: int
    max_gap: float
    max_watts: float


def point_timestamp(measurement: measurement.Measurement) -> float:
    """Return the timestamp of a measurement's point, in seconds."""
    return measurement.timestamp / 1000


def row_start(timestamp: float, step: int) -> int:
    """Return the start of the row that contains a timestamp or ends there."""
    return math.ceil(timestamp / step) * step - step


def restore(
    last_update: int,
    watts: float | None,
    interval: float | None,
    latest: measurement.Measurement | None,
) -> FileCursor:
    """Return the cursor of an existing file.

    :param last_update: when the file was last updated, in whole seconds.
    :param watts: of its last point.
    :param interval: usual interval between two measurements, in seconds.
    :param latest: the last measurement known to be written. It is dropped
        unless the file ends with it.
    """
    if latest is not None and int(point_timestamp(latest)) == last_update:
        return FileCursor(point_timestamp(latest), watts, interval, latest)
    # The last point may be anywhere in that second.
    return FileCursor(last_update + 1 - _RESOLUTION_S, watts)


def is_future(measurement: measurement.Measurement, now: float) -> bool:
    """Return whether a measurement's timestamp is in the future.

    :param now: seconds since the epoch by this machine's clock.
    """
    return point_timestamp(measurement) > now + _MAX_CLOCK_SKEW_S


def skip_reason(
    cursor: FileCursor, measurement: measurement.Measurement
) -> SkipReason | None:
    """Return why a measurement cannot be written; None if it can."""
    if point_timestamp(measurement) > cursor.timestamp:
        return None
    previous = cursor.latest
    if previous is None:
        return SkipReason.OUT_OF_ORDER
    if _follows(measurement, previous):
        return SkipReason.CLOCK_STEP
    if previous.register != measurement.register:
        return SkipReason.OUT_OF_ORDER
    if measurement.elapsed > previous.elapsed:
        return SkipReason.CLOCK_STEP
    if measurement.elapsed == previous.elapsed:
        return SkipReason.DUPLICATE
    return SkipReason.OUT_OF_ORDER


def _follows(
    measurement: measurement.Measurement, previous: measurement.Measurement
) -> bool:
    """Return whether a measurement is of the next register of the agent.

    An agent opens a new register when its wall clock is set.
    """
    return (
        measurement.after is not None
        and measurement.after.register == previous.register.id
        and measurement.register.agent == previous.register.agent
    )


def regular_points(
    cursor: FileCursor,
    measurements: collections.abc.Iterable[measurement.Measurement],
    rules: PointRules,
) -> tuple[list[Point], FileCursor]:
    """Convert the first measurements, until one is not regular.

    Nearly all are. For them :func:`to_points` returns the same, but looks for
    gaps first, and makes a cursor for each.

    :param measurements: in the order of their timestamps.
    :returns: one point for each of them, and the cursor after the last one.
    """
    points: list[Point] = []
    timestamp, _, interval, latest = cursor
    if interval is None or latest is None:
        return points, cursor
    series = latest.series
    max_gap, max_watts = rules.max_gap, rules.max_watts
    for received in measurements:
        received_at = received.timestamp / 1000
        gap = received_at - timestamp
        watts = received.watts
        if (
            not 0.0 < gap <= _MAX_REGULAR_INTERVALS * interval
            or gap > max_gap
            or watts is None
            or not 0.0 <= watts <= max_watts
            or received.series != series
        ):
            break
        points.append(Point(received_at, watts))
        timestamp, latest = received_at, received
        if gap > interval:
            gap = min(gap, _MAX_INTERVAL_GROWTH * interval)
        interval = gap
    if not points:
        return points, cursor
    return points, FileCursor(*points[-1], interval, latest)


def to_points(
    cursor: FileCursor,
    measurement: measurement.Measurement,
    rules: PointRules,
) -> tuple[list[Point], FileCursor]:
    """Convert a measurement into points.

    :param measurement: one without a :func:`skip_reason`.
    :returns: points, and the cursor after them; no points if the power is
        unknown.
    """
    timestamp = point_timestamp(measurement)
    gap = timestamp - cursor.timestamp
    is_regular = (
        cursor.interval is not None
        and gap <= rules.max_gap
        and gap <= _MAX_REGULAR_INTERVALS * cursor.interval
    )
    watts = _plausible(measurement.watts, rules)
    if gap <= rules.max_gap and (not is_regular or watts is None):
        mean = _plausible(_mean_watts(cursor.latest, measurement), rules)
        if mean is not None:
            is_regular, watts = True, mean
    if watts is None:
        return [], cursor
    unknown = [] if is_regular else _unknown(cursor, timestamp, rules.step)
    return (
        [*unknown, Point(timestamp, watts)],
        FileCursor(
            timestamp, watts, _interval(cursor, measurement, gap), measurement
        ),
    )


def _unknown(cursor: FileCursor, timestamp: float, step: int) -> list[Point]:
    """Return the points that mark power as unknown since the last point.

    They mark whole rows only, because rrdtool treats unknown fractions of a
    second as zero.
    """
    begin = math.ceil(cursor.timestamp / step) * step
    end = row_start(timestamp, step)
    if end <= begin:
        return []
    if begin > cursor.timestamp and cursor.watts is not None:
        return [Point(begin, cursor.watts), Point(end, None)]
    return [Point(end, None)]


def _plausible(watts: float | None, rules: PointRules) -> float | None:
    is_plausible = watts is not None and 0 <= watts <= rules.max_watts
    return watts if is_plausible else None


def _mean_watts(
    previous: measurement.Measurement | None,
    measurement: measurement.Measurement,
) -> float | None:
    """Return the mean power between two measurements of one register."""
    if previous is None or previous.register != measurement.register:
        return None
    elapsed = measurement.elapsed - previous.elapsed
    clock_error = abs((measurement.timestamp - previous.timestamp) - elapsed)
    if (
        elapsed <= 0
        or clock_error > _MAX_CLOCK_ERROR * elapsed
        or measurement.metered - previous.metered
        < _MIN_METERED_SHARE * elapsed
    ):
        return None
    return (measurement.millijoules - previous.millijoules) / elapsed


def _interval(
    cursor: FileCursor, measurement: measurement.Measurement, gap: float
) -> float | None:
    if cursor.latest is None or cursor.latest.register != measurement.register:
        return cursor.interval
    return min(gap, _MAX_INTERVAL_GROWTH * (cursor.interval or math.inf))
