# SPDX-License-Identifier: Apache-2.0

"""Connections of the HTTP client: with a deadline, and closable from outside.

The timeouts of requests and urllib3 apply to each read of the socket, so a
server that sends one byte per second is never too slow. Here each operation
gets only the time that is left of the whole request. The name of the host is
resolved by the C library, whose own timeouts apply (``resolv.conf``).
"""

import contextlib
import functools
import http.client
import io
import socket
import threading
import time
import typing

import requests
import requests.adapters
import urllib3
import urllib3.connection

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import http as http_options


class Transport:
    """Deadline, bounds and open socket of the requests of one client.

    :param name: name of the device in errors.
    :param max_size: maximum size of the body of a response in bytes.

    :ivar progress: number of connections that were tried, and of responses
        that began to arrive. A request during which it does not change was
        sent on an idle connection, and was not answered.
    """

    def __init__(self, name: str, max_size: int) -> None:
        self.progress = 0
        self._name = name
        # Chunks of one byte have six; twice the size suffices for any server
        # that does not waste the time of its clients.
        self._max_body_bytes = 2 * max_size + bounds.MAX_HEADER_BYTES
        self._limit = self._received = 0
        self._closed = False
        self._deadline = 0.0
        self._lock = threading.Lock()
        # A duplicate of the newest connection's socket. Shutting it down ends
        # a TLS handshake, too, whose own socket is not accessible.
        self._socket: socket.socket | None = None

    def start(self, seconds: float) -> None:
        """Set the deadline of the request that follows."""
        self._deadline = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds until the deadline.

        :raises TimeoutError: if it has passed.
        :raises ConnectionAbortedError: if :meth:`close` was called.
        """
        if self._closed:
            raise ConnectionAbortedError('the client was closed')
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError('timed out')
        return seconds

    def expect_headers(self) -> None:
        """Limit what arrives from now on to the size of headers."""
        self._limit, self._received = bounds.MAX_HEADER_BYTES, 0

    def expect_body(self) -> None:
        """Limit what arrives from now on to a body with its trailers."""
        self._limit, self._received = self._max_body_bytes, 0

    def count(self, received: int) -> None:
        """Count bytes that arrived.

        :raises ProtocolError: if there are too many.
        """
        self._received += received
        if self._received > self._limit:
            raise exception.ProtocolError(
                device=self._name,
                reason=f'sent more than {self._limit} bytes '
                + (
                    'of headers'
                    if self._limit == bounds.MAX_HEADER_BYTES
                    else 'for one response'
                ),
            )

    def connect(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a host that answers.

        Each address gets an equal share of the time that is left, so that
        one that does not answer leaves time for the others.

        :raises OSError: the error of the last address.
        """
        self.progress += 1
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        for left, (family, kind, protocol, _, address) in zip(
            range(len(addresses), 0, -1), addresses, strict=True
        ):
            try:
                # This fails too, for IPv6 if the kernel does not have it.
                connection = socket.socket(family, kind, protocol)
                return self._connect(connection, address, left)
            except OSError:
                if left == 1:
                    raise
        raise OSError(f'{host} has no address')

    def _connect(
        self, connection: socket.socket, address: typing.Any, left: int
    ) -> socket.socket:
        """Connect a socket to an address.

        :param left: number of addresses that share the time that is left.
        """
        try:
            self._track(connection)
            connection.settimeout(self.remaining() / left)
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(self.remaining())
        except OSError:
            connection.close()
            raise
        return connection

    def disconnect(self) -> None:
        """End the connection, and an operation that waits for it."""
        with self._lock:
            tracked, self._socket = self._socket, None
            if tracked is not None:
                with contextlib.suppress(OSError):
                    tracked.shutdown(socket.SHUT_RDWR)
                tracked.close()

    def close(self) -> None:
        """End the connection for good; another thread may call this."""
        self._closed = True
        self.disconnect()

    def _track(self, connection: socket.socket) -> None:
        self.disconnect()
        with self._lock:
            # Either this sees that the client was closed, or close() sees
            # this socket.
            self.remaining()
            self._socket = connection.dup()


class _Reader(io.RawIOBase):
    """Reads a response from a socket until the deadline."""

    def __init__(
        self,
        raw: io.RawIOBase,
        connection: socket.socket,
        transport: Transport,
    ) -> None:
        self._raw = raw
        self._connection = connection
        self._transport = transport

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: typing.Any) -> int | None:
        self._connection.settimeout(self._transport.remaining())
        count = self._raw.readinto(buffer)
        # Data that arrives just in time is still too late to continue.
        self._transport.remaining()
        self._transport.count(count or 0)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Response whose status, headers and body arrive before the deadline."""

    def __init__(
        self,
        transport: Transport,
        connection: socket.socket,
        *args: typing.Any,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(connection, *args, **kwargs)
        self._transport = transport
        raw = self.fp.detach()
        self.fp = io.BufferedReader(_Reader(raw, connection, transport))

    def begin(self) -> None:
        self._transport.expect_headers()
        # An error before the first byte means that the server did not answer
        # at all: it may have closed an idle connection.
        if self.fp.peek(1):
            self._transport.progress += 1
        super().begin()
        self._transport.expect_body()

    def _close_conn(self) -> None:
        super()._close_conn()  # type: ignore[misc]
        if self.will_close:
            # The duplicate of the socket would keep the connection half open,
            # of which a small device has only a few.
            self._transport.disconnect()


class _HTTPConnection(urllib3.connection.HTTPConnection):
    transport: typing.ClassVar[Transport]

    def _new_conn(self) -> socket.socket:
        self.response_class = functools.partial(  # type: ignore[assignment]
            _Response, self.transport
        )
        return self.transport.connect(self._dns_host, self.port)


class _HTTPSConnection(_HTTPConnection, urllib3.connection.HTTPSConnection):
    pass


class Adapter(requests.adapters.HTTPAdapter):
    """Adapter of requests that keeps one connection.

    It sends a request again if an idle connection was closed. The method does
    not matter, because drivers change nothing on a device: a session that is
    opened twice expires, and one that is deleted twice is gone.

    :param transport: sets the deadlines.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        super().__init__(pool_connections=1, pool_maxsize=1)

    def send(
        self, *args: typing.Any, **kwargs: typing.Any
    ) -> requests.Response:
        progress = self._transport.progress
        try:
            return super().send(*args, **kwargs)
        except requests.ConnectionError as e:
            if self._transport.progress != progress or isinstance(
                http_options.root_cause(e), TimeoutError
            ):
                raise
        return super().send(*args, **kwargs)

    def init_poolmanager(
        self, *args: typing.Any, **kwargs: typing.Any
    ) -> None:
        super().init_poolmanager(*args, **kwargs)
        # urllib3 creates connections through these classes, and passes no
        # parameters that it does not know.
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type(
                pool.__name__,
                (pool,),
                {
                    'ConnectionCls': type(
                        connection.__name__,
                        (connection,),
                        {'transport': self._transport},
                    )
                },
            )
            for scheme, pool, connection in (
                ('http', urllib3.HTTPConnectionPool, _HTTPConnection),
                ('https', urllib3.HTTPSConnectionPool, _HTTPSConnection),
            )
        }
