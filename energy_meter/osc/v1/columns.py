# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

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
