# SPDX-License-Identifier: Apache-2.0

"""Addresses of devices on the network."""

import typing

from oslo_utils import netutils

from energy_meter.discover import section


class Target(typing.NamedTuple):
    """Address of a device on the network.

    :ivar host: host name or IP address.
    :ivar port: port; None for the protocol's default.
    """

    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> 'Target':
        """Parse ``HOST``, ``HOST:PORT`` or ``[ADDRESS]:PORT`` for IPv6.

        :raises ValueError: if the text is not an address.
        """
        host, port = netutils.parse_host_port(text)
        if not host or (port is not None and not 0 < port < 65536):
            raise ValueError(text)
        return cls(host, port)

    @property
    def options(self) -> dict[str, object]:
        """Options of a section for this address."""
        return {'host': self.host, 'port': self.port}

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return netutils.escape_ipv6(self.host) + f':{self.port}'

    def make_name(self, *parts: str) -> str:
        """Return a section or probe name that ends with the address."""
        return section.make_name(*parts, self.host, str(self.port or ''))
