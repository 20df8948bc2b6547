# SPDX-License-Identifier: Apache-2.0

"""Addresses of devices on the network."""

import typing

from oslo_utils import netutils

from energy_meter.discover import section


def split(text: str) -> tuple[str, int | None]:
    """Return the host and the port of ``HOST``, ``HOST:PORT`` and IPv6 forms.

    :raises ValueError: if the text has no host, or the port is invalid.
    """
    try:
        host, port = netutils.parse_host_port(text)
    except ValueError:
        host, port = '', None
    if not host or (port is not None and not 0 < port < 65536):
        raise ValueError(f'{text}: expected HOST or HOST:PORT')
    return host, port


class Target(typing.NamedTuple):
    """Address of a device on the network.

    :ivar host: host name or IP address.
    :ivar port: port; None for the protocol's default.
    :ivar name: the operator's name of the device, if any.
    """

    host: str
    port: int | None = None
    name: str = ''

    @classmethod
    def parse(cls, text: str, name: str = '') -> 'Target':
        """Parse ``HOST``, ``HOST:PORT`` or ``[ADDRESS]:PORT`` for IPv6.

        :raises ValueError: if the text is not an address.
        """
        return cls(*split(text), name)

    @property
    def options(self) -> dict[str, object]:
        """Options of a section for this address."""
        return {'host': self.host, 'port': self.port}

    def __str__(self) -> str:
        if self.port is None:
            return self.host
        return netutils.escape_ipv6(self.host) + f':{self.port}'

    def make_name(self, kind: str, *parts: str) -> str:
        """Return a section or probe name.

        It begins with the operator's name of the device. Without one, it
        begins with the kind of the device and ends with its address.
        """
        if self.name:
            return section.make_name(self.name, *parts)
        return section.make_name(kind, *parts, self.host, str(self.port or ''))
