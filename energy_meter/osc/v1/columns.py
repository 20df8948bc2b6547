# SPDX-License-Identifier: Apache-2.0

"""Numbers that people get rounded, and programs as they are."""

from cliff import columns


class _Rounded(columns.FormattableColumn):
    """A number.

    :cvar spec: how it is rounded, as :func:`format` takes it.
    """

    spec: str

    def human_readable(self) -> str:
        return format(self._value, self.spec)


class Watts(_Rounded):
    """Power, W."""

    spec = '.1f'


class KilowattHours(_Rounded):
    """Energy, kWh."""

    spec = '.3f'


class Share(_Rounded):
    """A part of one, which people get in percent."""

    spec = '.2%'
