# SPDX-License-Identifier: Apache-2.0

"""Periods that pages, graphs and data show, and their names in URLs."""

import datetime
import math
import os
import re
import typing
import zoneinfo

from energy_meter import exception

#: Length of each period that ends now, in seconds, by name.
NAMED = {
    'minute': 60,
    'hour': 3600,
    'day': 86_400,
    'week': 7 * 86_400,
    'month': 31 * 86_400,
    'year': 366 * 86_400,
}

#: Start and end in seconds since the epoch. With ten digits they are between
#: the years 2001 and 2286; rrdtool accepts no time before 1980.
_FIXED = re.compile('([1-9][0-9]{9})-([1-9][0-9]{9})')
_MAX_SECONDS = 3660 * 86_400

#: Key of caches for all fixed periods. There are too many to cache each.
_ANY_FIXED = 'zoom'


class Period(typing.NamedTuple):
    """A period of time.

    :ivar name: in URLs, for example ``day`` or ``1793491200-1793577600``.
    :ivar seconds: length.
    :ivar end: in seconds since the epoch; None if the period ends now.
    """

    name: str
    seconds: int
    end: int | None

    @property
    def cache_key(self) -> str:
        """Key of the newest result in a cache."""
        return self.name if self.end is None else _ANY_FIXED

    def start(self, now: float) -> float:
        """Return the start, in seconds since the epoch."""
        return (now if self.end is None else self.end) - self.seconds

    def reach(self, now: float) -> int:
        """Return the seconds from the start until now."""
        if self.end is None:
            return self.seconds
        return math.ceil(now - self.end) + self.seconds

    def title(self) -> str:
        """Return a text such as ``last day``, or the first and last minute."""
        if self.end is None:
            return f'last {self.name}'
        zone = local_zone()
        start, end = (
            datetime.datetime.fromtimestamp(time, zone)
            for time in (self.end - self.seconds, self.end)
        )
        until = end.strftime(
            '%H:%M' if start.date() == end.date() else '%Y-%m-%d %H:%M'
        )
        return f'{start:%Y-%m-%d %H:%M} \N{EN DASH} {until}'


def parse(name: str) -> Period:
    """Return the period of a name.

    :raises PeriodNotFound: if there is no such period.
    """
    if name in NAMED:
        return Period(name, NAMED[name], None)
    match = _FIXED.fullmatch(name)
    if match is not None:
        start, end = map(int, match.groups())
        if start < end <= start + _MAX_SECONDS:
            return Period(name, end - start, end)
    raise exception.PeriodNotFound(period=name, known=', '.join(NAMED))


def is_fixed(name: str) -> bool:
    """Return whether a period with a start and an end has this name."""
    return name not in NAMED and is_valid(name)


def is_valid(name: str) -> bool:
    """Return whether a period has this name."""
    try:
        parse(name)
    except exception.PeriodNotFound:
        return False
    return True


def local_zone() -> datetime.tzinfo:
    """Return the time zone of this machine, in which graphs show times.

    Its text is the IANA name; UTC if the zone has none.
    """
    name = (
        os.environ.get('TZ', '').removeprefix(':')
        or os.path.realpath('/etc/localtime').partition('/zoneinfo/')[2]
    )
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return datetime.UTC
