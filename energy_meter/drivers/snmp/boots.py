# SPDX-License-Identifier: Apache-2.0

"""Numbers of starts of devices, from messages of SNMP version 3."""

import typing

from pysnmp.entity import engine

#: Points of pysnmp at which it has read the security parameters of a message,
#: and at which it has verified that this is the response to a request.
_PARSED = 'rfc3414.processIncomingMsg'
_VERIFIED = 'rfc3412.receiveMessage:response'


class Boots:
    """Observer of snmpEngineBoots in the responses to an engine.

    The value costs no request. All methods run in the event loop's thread.
    """

    def __init__(self, snmp_engine: engine.SnmpEngine) -> None:
        self._parsed: int | None = None
        self._verified: dict[tuple[int, ...], int] = {}
        snmp_engine.observer.register_observer(
            self._observe, _PARSED, _VERIFIED
        )

    def get(self, domain: tuple[int, ...]) -> int | None:
        """Return the number of the latest response of a device.

        :param domain: transport domain of the device.
        :returns: None if there was no response of version 3.
        """
        return self._verified.get(domain)

    def discard(self, domain: tuple[int, ...]) -> None:
        """Discard the number of a device."""
        self._verified.pop(domain, None)

    def _observe(
        self,
        _engine: object,
        point: str,
        variables: dict[str, typing.Any],
        _context: object,
    ) -> None:
        if point == _PARSED:
            self._parsed = int(variables['snmpEngineBoots'])
        elif self._parsed is not None:
            domain = tuple(variables['transportDomain'])
            self._verified[domain] = self._parsed
            self._parsed = None
