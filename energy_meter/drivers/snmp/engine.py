# SPDX-License-Identifier: Apache-2.0

"""Interface of the SNMP engines.

An engine sends requests to devices, and authenticates and decodes their
responses. See :data:`energy_meter.drivers.snmp.session.ENGINES`.
"""

import collections.abc
import dataclasses
import typing

from pysnmp.entity import config

Oid: typing.TypeAlias = tuple[int, ...]

#: Value of an object: a number, text, or an object identifier. None if the
#: object or instance does not exist, or at the end of the MIB. Text is cut.
Value: typing.TypeAlias = int | bytes | Oid | None

#: Numbers of the message processing models (RFC 3411, section 5).
MODELS = {'1': 0, '2c': 1, '3': 3}

#: Authentication protocols (RFC 3414, RFC 7860).
AUTH_PROTOCOLS: dict[str, Oid] = {
    'md5': config.USM_AUTH_HMAC96_MD5,
    'sha': config.USM_AUTH_HMAC96_SHA,
    'sha224': config.USM_AUTH_HMAC128_SHA224,
    'sha256': config.USM_AUTH_HMAC192_SHA256,
    'sha384': config.USM_AUTH_HMAC256_SHA384,
    'sha512': config.USM_AUTH_HMAC384_SHA512,
}

#: Privacy protocols (RFC 3414, RFC 3826, draft-blumenthal-aes-usm-04). The
#: Cisco variants extend keys as in draft-reeder-snmpv3-usm-3desede-00.
PRIV_PROTOCOLS: dict[str, Oid] = {
    'des': config.USM_PRIV_CBC56_DES,
    '3des': config.USM_PRIV_CBC168_3DES,
    'aes': config.USM_PRIV_CFB128_AES,
    'aes192': config.USM_PRIV_CFB192_AES_BLUMENTHAL,
    'aes256': config.USM_PRIV_CFB256_AES_BLUMENTHAL,
    'aes192-cisco': config.USM_PRIV_CFB192_AES,
    'aes256-cisco': config.USM_PRIV_CFB256_AES,
}


@dataclasses.dataclass(frozen=True)
class Credentials:
    """SNMP credentials; empty fields are not used.

    :ivar version: a key of :data:`MODELS`.
    :ivar community: community of versions 1 and 2c.
    :ivar auth_protocol: a key of :data:`AUTH_PROTOCOLS`.
    :ivar priv_protocol: a key of :data:`PRIV_PROTOCOLS`.
    """

    version: str
    community: str = dataclasses.field(default='', repr=False)
    user: str = ''
    auth_protocol: str = ''
    auth_password: str = dataclasses.field(default='', repr=False)
    priv_protocol: str = ''
    priv_password: str = dataclasses.field(default='', repr=False)

    @property
    def level(self) -> str:
        """Security level, as named by SNMP-FRAMEWORK-MIB."""
        if not self.auth_password:
            return 'noAuthNoPriv'
        return 'authPriv' if self.priv_password else 'authNoPriv'


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """Result of one request.

    :ivar error: error indication of :mod:`pysnmp.proto.errind` if there is no
        valid response.
    :ivar status: error status of the device (RFC 3416, section 3); 0 for
        success.
    :ivar index: number of the object with this status, from 1.
    :ivar varbinds: names and values of the objects.
    """

    error: object
    status: int
    index: int
    varbinds: collections.abc.Sequence[tuple[Oid, Value]]


class Connection(typing.Protocol):
    """Connection of an engine with one device."""

    @property
    def boots(self) -> int | None:
        """Number of starts of the device; None if it is unknown."""

    def request(
        self,
        oids: collections.abc.Sequence[Oid],
        repetitions: int | None,
        scalars: int = 0,
    ) -> Response:
        """Send one request and wait for the response.

        :param repetitions: number of objects to return after each of
            ``oids``; None for the objects themselves. Version 1 supports at
            most 1.
        :param scalars: number of leading ``oids`` that are not repeated.
        :raises OSError: if the network is not available.
        """

    def close(self) -> None:
        """Close the socket."""


#: Opens a connection. The parameters are the credentials, ``socket.AF_INET``
#: or ``AF_INET6``, the socket address, the context name for version 3, and the
#: maximum time in seconds to wait for a response. It may raise PySnmpError.
Connect: typing.TypeAlias = collections.abc.Callable[
    [Credentials, int, tuple[typing.Any, ...], str, float], Connection
]
