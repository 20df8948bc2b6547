# SPDX-License-Identifier: Apache-2.0

"""Columns with numbers that are rounded, and times shortened, in tables only.

Machine-readable formats, such as JSON, have the exact value.
"""

import datetime
import zoneinfo

from cliff import columns


class _Rounded(columns.FormattableColumn[float]):
    """A rounded number.

    :cvar spec: format specification, see :func:`format`.
    """

    spec: str

    def human_readable(self) -> str:
        """Return the rounded number."""
        return format(self._value, self.spec)


class Watts(_Rounded):
    """Power, W."""

    spec = '.1f'


class KilowattHours(_Rounded):
    """Energy, kWh."""

    spec = '.3f'


class AlignedKilowattHours(_Rounded):
    """Energy, kWh, in a column that is read downwards."""

    # As wide as the title, which cliff aligns to the left.
    spec = '12.3f'


class Percentage(_Rounded):
    """A fraction, shown as a percentage."""

    spec = '.2%'


class Time(columns.FormattableColumn[datetime.datetime]):
    """A time in a zone.

    :param step: of the intervals that begin at such times; a day or a month
        that begins at midnight is shown without the time.
    """

    def __init__(
        self,
        value: datetime.datetime,
        zone: zoneinfo.ZoneInfo,
        step: int | str | None = None,
    ) -> None:
        super().__init__(value)
        self._local = value.astimezone(zone)
        self._step = step

    def human_readable(self) -> str:
        """Return the time with the abbreviation of its zone, or the date."""
        if self._local.time() == datetime.time():
            if self._step == 'month' and self._local.day == 1:
                return self._local.strftime('%Y-%m')
            if self._step in ('day', 'month'):
                return self._local.strftime('%Y-%m-%d')
        return self._local.strftime('%Y-%m-%d %H:%M %Z')

    def machine_readable(self) -> str:  # type: ignore[override]
        """Return the time as RFC 3339 defines it."""
        return self._local.isoformat()
