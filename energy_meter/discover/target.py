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

"""Where to look remotely."""

import typing

from oslo_utils import netutils

from energy_meter.discover import section


class Target(typing.NamedTuple):
    """A device on the network.

    :ivar host: its name or address.
    :ivar port: None for the protocol's own.
    """

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> 'Target':
        """Understand ``HOST`` or ``HOST:PORT``, ``[ADDRESS]:PORT`` for IPv6.

        :raises ValueError: it is neither.
        """
        host, port = netutils.parse_host_port(text)
        if not host or port is not None and not 0 < port < 65536:
            raise ValueError(text)
        return cls(host, port)

    @property
    def options(self) -> dict[str, object]:
        """The options of a section that say so."""
        return {'host': self.host, 'port': self.port}

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return netutils.escape_ipv6(self.host) + f':{self.port}'

    def name(self, *words: str) -> str:
        """Make the name of something there."""
        return section.name_of(*words, self.host, str(self.port or ''))
