# SPDX-License-Identifier: Apache-2.0

"""Columns with numbers that are rounded in tables only.

Machine-readable formats, such as JSON, have the exact value.
"""

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


class Percentage(_Rounded):
    """A fraction, shown as a percentage."""

    spec = '.2%'
