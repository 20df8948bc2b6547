# SPDX-License-Identifier: Apache-2.0

"""Times and periods as a person writes them."""

import argparse
import calendar
import collections.abc
import datetime
import functools
import re
import typing
import zoneinfo

_EXPECTED = (
    'now, today, yesterday, "this week", "last month", 2026-03-05, 2026-03, '
    '-3d, "3 days ago" or 2026-03-05T08:00+01:00'
)

_Time = datetime.datetime
_RESOLUTION = datetime.timedelta(microseconds=1)


class Period(typing.NamedTuple):
    """A period of time; a time if its start is its end.

    :ivar start: part of the period, in UTC.
    :ivar end: not part of it, in UTC.
    """

    start: _Time
    end: _Time


def now(zone: zoneinfo.ZoneInfo) -> datetime.datetime:
    """Return the current time in a zone, in seconds."""
    return _Time.now(zone).replace(microsecond=0)


class Expression(typing.NamedTuple):
    """A time or a period that a person wrote.

    :ivar text: as it was written.
    :ivar resolve: returns the period for the current time in the person's
        zone; raises ValueError if it does not exist in this zone.
    """

    text: str
    resolve: collections.abc.Callable[[_Time], Period]


def parse(text: str) -> Expression:
    """Return the expression that a text contains.

    :raises argparse.ArgumentTypeError: if it contains none.
    """
    for pattern, resolve in _FORMS:
        match = pattern.fullmatch(text.strip())
        if match:
            expression = Expression(text, functools.partial(resolve, match))
            try:
                expression.resolve(_Time.now(datetime.UTC))
            except (ValueError, OverflowError) as error:
                raise argparse.ArgumentTypeError(f'{text!r}: {error}')
            return expression
    raise argparse.ArgumentTypeError(f'{text!r}: expected {_EXPECTED}')


def span(start: Period | None, end: Period | None, now: _Time) -> Period:
    """Return the period from the start of one to the end of another.

    Without an end, a period as the start is the whole one, and a time as the
    start is that from then until now. Without a start, it begins with the
    month of the end. Periods end now at the latest.

    :param now: the current time in the person's zone.
    :raises ValueError: if the start is not before the end.
    """
    utc_now = now.astimezone(datetime.UTC)
    if end is None and start is not None and start.start < start.end:
        end = start
    if end is None:
        until = utc_now
    elif end.start == end.end:
        until = end.end
    else:
        until = min(end.end, utc_now)
    if start is None:
        # The end is not part of the period: on the first of a month at
        # midnight, that is the month before.
        last = (until - _RESOLUTION).astimezone(now.tzinfo)
        start = parse('this month').resolve(last)
    if start.start >= until:
        raise ValueError(
            f'{_local(start.start, now)} is not before the end, '
            f'{_local(until, now)}'
        )
    return Period(start.start, until)


def parse_seconds(text: str) -> int | None:
    """Return a number of seconds, such as 900, 15min or 6h, if it is one."""
    match = re.fullmatch(r'(\d{1,9})\s*(min|h|)', text)
    return int(match[1]) * _SECONDS[match[2]] if match else None


_SECONDS = {'': 1, 'min': 60, 'h': 3600}
_UNITS = {'min': 'minute', 'h': 'hour', 'd': 'day', 'w': 'week'}


def _current(match: re.Match[str], now: _Time) -> Period:
    return _instant(now)


def _day(match: re.Match[str], now: _Time) -> Period:
    ago = 1 if match[0].lower() == 'yesterday' else 0
    first = now.date() - datetime.timedelta(days=ago)
    return _between(first, first + datetime.timedelta(days=1), now)


def _calendar_period(match: re.Match[str], now: _Time) -> Period:
    unit = match['unit'].lower()
    today = now.date()
    if unit == 'week':
        first = today - datetime.timedelta(days=today.weekday())
    else:
        first = today.replace(day=1)
        if unit == 'year':
            first = first.replace(month=1)
    if match['which'].lower() == 'last':
        first = _shift(first, -1, unit)
    return _between(first, _shift(first, 1, unit), now)


def _date(match: re.Match[str], now: _Time) -> Period:
    year, month, day = match['year'], match['month'], match['day']
    unit = 'day' if day else 'month' if month else 'year'
    first = datetime.date(int(year), int(month or 1), int(day or 1))
    return _between(first, _shift(first, 1, unit), now)


def _ago(match: re.Match[str], now: _Time) -> Period:
    unit = match['unit'].lower()
    unit = _UNITS.get(unit, unit.removesuffix('s'))
    count = int(match['count'])
    if unit in ('minute', 'hour'):
        # Aware times of one zone are added by their wall clock.
        now = now.astimezone(datetime.UTC)
        return _instant(now - datetime.timedelta(**{f'{unit}s': count}))
    first = _shift(now.date(), -count, unit)
    return _instant(_Time.combine(first, now.time(), now.tzinfo))


def _timestamp(match: re.Match[str], now: _Time) -> Period:
    time = _Time.fromisoformat(match[0].upper())
    if time.tzinfo is None:
        time = time.replace(tzinfo=now.tzinfo)
        if time.utcoffset() != time.replace(fold=1).utcoffset():
            raise ValueError(
                f'does not exist or exists twice in {now.tzinfo}, because '
                'clocks were changed; add the offset from UTC, as in '
                '2026-10-25T02:30+02:00'
            )
    return _instant(time)


def _instant(time: _Time) -> Period:
    time = time.astimezone(datetime.UTC)
    return Period(time, time)


def _between(first: datetime.date, until: datetime.date, now: _Time) -> Period:
    """Return the period between two midnights."""
    start, end = (
        _Time.combine(date, datetime.time(), now.tzinfo).astimezone(
            datetime.UTC
        )
        for date in (first, until)
    )
    return Period(start, end)


def _shift(date: datetime.date, count: int, unit: str) -> datetime.date:
    """Return a date so many days, weeks, months or years later.

    The last days of a month are its last one if they do not exist.
    """
    if unit in ('day', 'week'):
        return date + datetime.timedelta(**{f'{unit}s': count})
    months = count * (12 if unit == 'year' else 1)
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    days = calendar.monthrange(year, month + 1)[1]
    return datetime.date(year, month + 1, min(date.day, days))


def _local(time: _Time, now: _Time) -> str:
    return time.astimezone(now.tzinfo).isoformat(timespec='minutes')


_Resolve = collections.abc.Callable[[re.Match[str], _Time], Period]

_FORMS: list[tuple[re.Pattern[str], _Resolve]] = [
    (re.compile(pattern, re.IGNORECASE | re.ASCII), resolve)
    for pattern, resolve in (
        ('now', _current),
        ('today|yesterday', _day),
        (
            '(?P<which>this|last)[ _-](?P<unit>week|month|year)',
            _calendar_period,
        ),
        (
            r'(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d))?)?',
            _date,
        ),
        (
            r'-?(?P<count>\d{1,6}) ?(?P<unit>min|h|d|w|'
            '(minute|hour|day|week|month|year)s?)( ago)?',
            _ago,
        ),
        (r'\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*', _timestamp),
    )
]
