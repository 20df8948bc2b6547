# SPDX-License-Identifier: Apache-2.0

"""Engine that encodes and decodes messages itself.

It needs a twentieth of the CPU time of pysnmp, which builds each value from a
description of its type. Requests run in the thread of the caller.
"""

import collections.abc
import secrets
import socket
import time
import typing

from oslo_log import log as logging
from pysnmp.proto import errind

from energy_meter.drivers.snmp import ber
from energy_meter.drivers.snmp import engine
from energy_meter.drivers.snmp import v3

LOG = logging.getLogger(__name__)

#: Maximum number of messages for a request of version 3: one to discover the
#: engine ID, one to synchronize the time, and the request.
_MAX_MESSAGES = 3

_MAX_MESSAGE_BYTES = 65_535
_MAX_REQUEST_ID = 2**31 - 1


class _Security(typing.Protocol):
    """Messages of a version of SNMP."""

    @property
    def boots(self) -> int | None: ...

    def encode(self, request_id: int, pdu: bytes) -> bytes: ...

    def decode(self, data: bytes, request_id: int) -> ber.PDU: ...


class Community:
    """Messages of versions 1 and 2c (RFC 1157, RFC 1901)."""

    boots = None

    def __init__(self, credentials: engine.Credentials) -> None:
        self._version = engine.MODELS[credentials.version]
        self._community = credentials.community.encode()

    def encode(self, request_id: int, pdu: bytes) -> bytes:
        """Return a message with a request."""
        return ber.encode(
            ber.SEQUENCE,
            ber.encode_integer(self._version),
            ber.encode(ber.OCTETS, self._community),
            pdu,
        )

    def decode(self, data: bytes, request_id: int) -> ber.PDU:
        """Return the response to a request.

        :raises ValueError, IndexError: if the message is malformed, or
            belongs to another request.
        """
        position, _ = ber.find(data, 0, ber.SEQUENCE)
        version, position = ber.decode_integer(data, position)
        community, position = ber.decode_octets(data, position)
        if version != self._version or community != self._community:
            raise ValueError('message of another version or community')
        pdu = ber.decode_pdu(data, position)
        if pdu.tag != ber.RESPONSE or pdu.request_id != request_id:
            raise ValueError('response to another request')
        return pdu


class Connection:
    """Connection with one device; used by one thread at a time.

    :param family: ``socket.AF_INET`` or ``AF_INET6``.
    :param address: socket address from ``socket.getaddrinfo``.
    :param timeout: maximum time in seconds to wait for each response.
    """

    def __init__(
        self,
        family: int,
        address: tuple[typing.Any, ...],
        security: _Security,
        timeout: float,
    ) -> None:
        self._security = security
        self._timeout = timeout
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.connect(address)

    @property
    def boots(self) -> int | None:
        """Number of starts of the device; None if it is unknown."""
        return self._security.boots

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def request(
        self,
        oids: collections.abc.Sequence[engine.Oid],
        repetitions: int | None,
        scalars: int = 0,
    ) -> engine.Response:
        """See :meth:`engine.Connection.request`."""
        for _ in range(_MAX_MESSAGES):
            request_id = secrets.randbelow(_MAX_REQUEST_ID)
            request = ber.encode_request(
                request_id, oids, repetitions, scalars
            )
            pdu = self._exchange(request_id, request)
            if pdu is None:
                break
            if pdu.tag == ber.RESPONSE:
                return engine.Response(
                    None, pdu.status, pdu.index, pdu.varbinds
                )
            error = v3.report_error(pdu)
            if error is not None:
                return engine.Response(error, 0, 0, ())
        return engine.Response(errind.requestTimedOut, 0, 0, ())

    def _exchange(self, request_id: int, request: bytes) -> ber.PDU | None:
        """Send a message, and return the response; None if there is none."""
        self._send(self._security.encode(request_id, request))
        deadline = time.monotonic() + self._timeout
        while (remaining := deadline - time.monotonic()) > 0:
            self._socket.settimeout(remaining)
            try:
                message = self._socket.recv(_MAX_MESSAGE_BYTES)
                return self._security.decode(message, request_id)
            except TimeoutError:
                return None
            except ConnectionRefusedError:
                # The device may be starting.
                continue
            except (ValueError, IndexError) as e:
                LOG.debug('Ignored a message: %s', e)
        return None

    def _send(self, message: bytes) -> None:
        try:
            self._socket.send(message)
        except ConnectionRefusedError:
            # This is the error of an earlier message.
            self._socket.send(message)


def connect(
    credentials: engine.Credentials,
    family: int,
    address: tuple[typing.Any, ...],
    context: str,
    timeout: float,
) -> Connection:
    """Open a connection; see :data:`engine.Connect`."""
    security: _Security = (
        v3.Security(credentials, context)
        if credentials.version == '3'
        else Community(credentials)
    )
    return Connection(family, address, security, timeout)
