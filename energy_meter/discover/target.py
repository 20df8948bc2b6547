# SPDX-License-Identifier: Apache-2.0

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
