# SPDX-License-Identifier: Apache-2.0

"""Intervals into which a period is divided: those of its bars."""

import datetime

from energy_meter import exception
from energy_meter.clients import usage
from energy_meter.rrd.reading import periods

#: Shorter periods have no bars.
MIN_PERIOD_S = 900

_HOUR_S = 3600
_DAY_S = 86_400

#: The longest period of each step, in seconds. Longer ones show months.
_STEPS: tuple[tuple[int, usage.Step], ...] = (
    (6 * _HOUR_S, 900),
    (3 * _DAY_S, _HOUR_S),
    (93 * _DAY_S, 'day'),
)

#: Seconds to which the present is rounded down, so that requests at about the
#: same time have the same answer. A quickstart shows energy after seconds.
_PRESENT_S = 60
_PRESENT_OF_QUARTER_HOURS_S = 10


def query(
    period: periods.Period, now: float, zone: datetime.tzinfo
) -> usage.Query:
    """Return the query for the intervals that cover a period until now.

    :param now: in seconds since the epoch.
    :param zone: of the hours, days and months.
    :raises PeriodNotFound: if the period has not begun.
    """
    step = _step(period.seconds)
    grid = _PRESENT_OF_QUARTER_HOURS_S if step == 900 else _PRESENT_S
    present = int(now) // grid * grid
    start = _floor(int(period.start(present)), step, zone)
    end = present
    if period.end is not None:
        end = min(_ceiling(period.end, step, zone), present)
    if start >= end:
        raise exception.PeriodNotFound(
            period=period.name, known='periods that have begun'
        )
    return usage.Query(
        datetime.datetime.fromtimestamp(start, datetime.UTC),
        datetime.datetime.fromtimestamp(end, datetime.UTC),
        step,
        str(zone),
    )


def _step(seconds: int) -> usage.Step:
    return next(
        (step for longest, step in _STEPS if seconds <= longest), 'month'
    )


def _floor(time: int, step: usage.Step, zone: datetime.tzinfo) -> int:
    """Return the start of the interval that contains a time."""
    local = datetime.datetime.fromtimestamp(time, zone)
    if isinstance(step, int):
        offset = local.utcoffset() or datetime.timedelta()
        return time - (time + int(offset.total_seconds())) % step
    day = 1 if step == 'month' else local.day
    midnight = datetime.datetime(local.year, local.month, day, tzinfo=zone)
    return int(midnight.timestamp())


def _ceiling(time: int, step: usage.Step, zone: datetime.tzinfo) -> int:
    """Return the first start of an interval that is not before a time."""
    start = _floor(time, step, zone)
    if start == time:
        return time
    if isinstance(step, int):
        return start + step
    # Longer than any day or month, and shorter than two.
    longest = 36 * _HOUR_S if step == 'day' else 45 * _DAY_S
    return _floor(start + longest, step, zone)
