# SPDX-License-Identifier: Apache-2.0

"""Parameters of requests for energy: a period, and its rows."""

import collections.abc
import datetime
import itertools
import re
import typing
import zoneinfo

from wsme import exc as wsme_exc

from energy_meter.api import arguments
from energy_meter.db import subjects

#: Number of rows in one response.
MAX_ROWS = 10_000

_MINUTE = 60
_DATE = re.compile(
    r'(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d(?:\.\d{1,9})?)'
    # A plus sign that is not encoded arrives as a blank.
    r'(?:[Zz]|([+ -])(\d\d:\d\d))',
    re.ASCII,
)
_SECONDS = re.compile(r'\d{1,12}(?:\.\d{1,9})?', re.ASCII)
#: The year 3000, after all dates that are taken, in ms.
_LIMIT_MS = 32_503_680_000_000
_STEPS = ('day', 'month')

Parameters = collections.abc.Mapping[str, str]


class Request(typing.NamedTuple):
    """What is asked for.

    :ivar start: date in ms, ``end`` one that does not belong to the period.
    :ivar step: length of a row in seconds, ``day`` or ``month``; None for one
        row.
    :ivar as_of: only days that were closed by this date count, in ms.
    """

    start: int
    end: int
    step: int | str | None
    timezone: zoneinfo.ZoneInfo
    as_of: int | None

    def edges(self, since: int | None = None) -> collections.abc.Iterator[int]:
        """Yield the dates at which rows begin, and that of the end.

        :param since: one of them, to begin with; by default the first.
        """
        since = self.start if since is None else since
        inner = itertools.takewhile(
            lambda date: date < self.end, self._steps(since)
        )
        return itertools.chain([since], inner, [self.end])

    def has_edge(self, date: int) -> bool:
        """Return whether a row begins at a date."""
        if date == self.start:
            return True
        if not self.start < date < self.end or self.step is None:
            return False
        if isinstance(self.step, int):
            return (date - self.start) % (self.step * 1000) == 0
        return next(self._steps(date - 1)) == date

    def _steps(self, since: int) -> collections.abc.Iterator[int]:
        """Yield the dates after one at which further rows begin."""
        if isinstance(self.step, int):
            step = self.step * 1000
            first = since + step - (since - self.start) % step
            yield from itertools.count(first, step)
        elif self.step is not None:
            yield from _midnights(since, self.timezone, self.step == 'month')


def parse(parameters: Parameters, now: int) -> Request:
    """Return what is asked for.

    :param now: the end by default, in ms.
    :raises ClientSideError: with code 400 if a parameter is invalid.
    """
    timezone = _timezone(parameters.get('timezone', 'UTC'))
    end = _date(parameters, 'end')
    end = now if end is None else end
    start = _date(parameters, 'start')
    if start is None:
        first = _local(end - 1, timezone).replace(day=1)
        start = max(_midnight(first.date(), timezone), 0)
    if start >= end:
        raise invalid('start', 'expected a date before the end')
    return Request(
        start,
        end,
        _step(parameters.get('step')),
        timezone,
        _date(parameters, 'as_of'),
    )


def marker(parameters: Parameters, request: Request) -> int:
    """Return the date at which the rows of a response begin.

    :raises ClientSideError: with code 400 if no row begins there.
    """
    since = _date(parameters, 'marker')
    if since is None:
        return request.start
    if not request.has_edge(since):
        raise invalid('marker', 'expected the start of a row')
    return since


def edges(request: Request) -> list[int]:
    """Return the dates at which the rows of many probes begin, and the end.

    :raises ClientSideError: with code 400 if one probe had too many.
    """
    found = list(itertools.islice(request.edges(), MAX_ROWS + 2))
    if len(found) > MAX_ROWS + 1:
        raise invalid(
            'step', f'expected at most {MAX_ROWS} rows for each probe'
        )
    return found


def choice(parameters: Parameters) -> subjects.Filter:
    """Return which probes to list.

    :raises ClientSideError: with code 400 if a parameter is invalid.
    """
    for name in ('host', 'scope', 'project', 'marker'):
        try:
            arguments.ProbeId.validate(parameters.get(name, ''))
        except ValueError as error:
            raise invalid(name, str(error)) from None
    return subjects.Filter(
        parameters.get('host'),
        parameters.get('scope'),
        parameters.get('project'),
    )


def invalid(name: str, reason: str) -> wsme_exc.ClientSideError:
    """Return the error of a parameter that is invalid."""
    return wsme_exc.ClientSideError(f'Invalid parameter {name}: {reason}.')


def _date(parameters: Parameters, name: str) -> int | None:
    """Return a date in ms; None if the parameter is missing."""
    text = parameters.get(name)
    if text is None:
        return None
    date = None
    if _SECONDS.fullmatch(text):
        seconds, _, fraction = text.partition('.')
        date = int(seconds) * 1000 + int(fraction[:3].ljust(3, '0'))
    elif match := _DATE.fullmatch(text):
        day, time, sign, offset = match.groups()
        zone = f'{"-" if sign == "-" else "+"}{offset}' if sign else '+00:00'
        try:
            found = datetime.datetime.fromisoformat(f'{day}T{time}{zone}')
        except ValueError:
            found = None
        date = _milliseconds(found) if found else None
    if date is None or not 0 <= date < _LIMIT_MS:
        raise invalid(
            name,
            'expected seconds since the epoch, or a date with its zone, for '
            'example 2026-01-31T00:00:00+01:00',
        )
    return date


def _step(text: str | None) -> int | str | None:
    if text is None or text in _STEPS:
        return text
    if re.fullmatch(r'\d{1,9}', text, re.ASCII):
        step = int(text)
        if step > 0 and step % _MINUTE == 0:
            return step
    raise invalid('step', 'expected day, month, or a multiple of 60 seconds')


def _timezone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    # A directory of the database of zones has no zone, either.
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(
            'timezone', 'expected a name such as Europe/Berlin'
        ) from None


def _midnights(
    since: int, timezone: zoneinfo.ZoneInfo, is_monthly: bool
) -> collections.abc.Iterator[int]:
    """Yield the starts of local days, or months, after a date."""
    day = _local(since, timezone).date()
    if is_monthly:
        day = day.replace(day=1)
    while True:
        day += datetime.timedelta(days=31 if is_monthly else 1)
        if is_monthly:
            day = day.replace(day=1)
        date = _midnight(day, timezone)
        # A day that a zone skipped has no length.
        if date > since:
            since = date
            yield date


def _midnight(day: datetime.date, timezone: zoneinfo.ZoneInfo) -> int:
    """Return when a local day begins: where clocks skip midnight, later."""
    return _milliseconds(
        datetime.datetime.combine(day, datetime.time(), timezone)
    )


def _local(date: int, timezone: zoneinfo.ZoneInfo) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(date // 1000, timezone)


def _milliseconds(date: datetime.datetime) -> int:
    epoch = datetime.datetime.fromtimestamp(0, datetime.UTC)
    return (date - epoch) // datetime.timedelta(milliseconds=1)
