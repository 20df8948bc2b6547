# SPDX-License-Identifier: Apache-2.0

"""Cheroot's server with bounds for what clients can occupy.

Cheroot passes each new connection to a worker, which waits for the request. As
many silent clients as there are workers would occupy all of them. Here, the
thread that accepts connections also receives the heads of requests, without
waiting for any. A worker gets a connection with a complete head.
"""

import contextlib
import io
import logging
import re
import socket
import sys
import threading
import traceback as tracebacks
import typing
from wsgiref import types

from cheroot import makefile
from cheroot import server as cheroot_server
from cheroot import wsgi

from energy_meter import log_throttle

LOG = logging.getLogger(__name__)

#: Maximum size of the request line and the headers. The largest header is the
#: token.
MAX_HEAD_BYTES = 64 * 1024

#: Maximum time in seconds from a connection, or from its last response, to the
#: end of the next head; and maximum time for which a client that reads a
#: response can make no progress.
TIMEOUT_S = 10

#: Maximum number of connections with a complete head that wait for a worker.
#: Further ones get the status 503.
MAX_QUEUED = 128

_LISTEN_BACKLOG = 128

# The second form is invalid: cheroot rejects it.
_END_OF_HEAD = re.compile(b'\n\r?\n')


class Server(wsgi.Server):
    """HTTP server with a maximum number of connections.

    At the maximum, a new connection replaces the one that has been waiting
    for its next request for the longest time. An honest client sends its
    request at once, so that this hits those that do not.

    :param max_connections: maximum number of connections without a complete
        head.
    """

    ConnectionClass: type['_Connection']
    max_request_header_size = MAX_HEAD_BYTES

    def __init__(
        self,
        address: tuple[str, int],
        application: types.WSGIApplication,
        workers: int,
        max_connections: int,
    ) -> None:
        super().__init__(
            address,
            application,
            numthreads=workers,
            server_name='energy-meter',
            request_queue_size=_LISTEN_BACKLOG,
            timeout=TIMEOUT_S,
            accepted_queue_size=MAX_QUEUED,
            accepted_queue_timeout=0,
        )
        # All of them can be open between two requests.
        self.keep_alive_conn_limit = self._max_connections = max_connections
        # Connections without a complete head, the oldest first.
        self._waiting: dict[_Connection, None] = {}
        self._lock = threading.Lock()
        self._throttle = log_throttle.ThrottledLogger(LOG)

    def process_conn(self, conn: '_Connection') -> None:
        """Receive from a connection that is new or readable.

        Cheroot calls it, mostly in the thread that accepts connections.
        """
        if not (conn.rfile.has_data() or conn.receive()):
            conn.close()
        elif conn.rfile.has_data():
            self.discard(conn)
            super().process_conn(conn)
        else:
            waiting_since = conn.last_used
            self.put_conn(conn)
            # A part of a head does not extend the time for it.
            conn.last_used = waiting_since or conn.last_used

    def put_conn(self, conn: '_Connection') -> None:
        """Wait for the next head of a connection."""
        oldest = None
        with self._lock:
            self._waiting[conn] = None
            if len(self._waiting) > self._max_connections:
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
        super().put_conn(conn)
        if oldest:
            self._throttle.warning(
                'connections',
                'Closing the oldest of more than %d idle connections on %s:%d',
                self._max_connections,
                *self.bind_addr,
            )
            oldest.end()

    def discard(self, conn: '_Connection') -> None:
        """Stop counting a connection as waiting."""
        with self._lock:
            self._waiting.pop(conn, None)

    def error_log(
        self, msg: str = '', level: int = logging.INFO, traceback: bool = False
    ) -> None:
        """Log an event of the server.

        Clients can cause errors at will, so repetitions are only counted.
        """
        if level < logging.WARNING:
            LOG.log(level, '%s', msg)
            return
        self._throttle.warning(
            type(sys.exception()).__name__,
            '%s%s',
            msg,
            f'\n{tracebacks.format_exc()}' if traceback else '',
        )


class _Received(io.BytesIO):
    """What a client has sent; takes the place of a file of its socket."""

    def feed(self, data: bytes) -> None:
        """Append data and discard what has been read."""
        rest = self.read()
        self.seek(0)
        self.truncate()
        self.write(rest + data)
        self.seek(0)

    def has_data(self) -> bool:
        """Return whether there is a complete head, or one that is too large.

        Cheroot gives the method its name.
        """
        value, start = self.getvalue(), self.seek(0, io.SEEK_CUR)
        return (
            _END_OF_HEAD.search(value, start) is not None
            or len(value) - start > MAX_HEAD_BYTES
        )


class _Request(cheroot_server.HTTPRequest):
    """Rejects what makes cheroot raise an error, and never reads a body."""

    def read_request_line(self) -> bool:
        """Return whether the request line is valid."""
        try:
            return bool(
                super().read_request_line()  # type: ignore[no-untyped-call]
            )
        except ValueError:
            # From urllib.parse, for example for //[.
            self.simple_response('400 Bad Request', 'Malformed Request-URI')
            return False

    def read_request_headers(self) -> bool:
        """Return whether the headers are valid."""
        valid = super().read_request_headers()  # type: ignore[no-untyped-call]
        if not valid:
            return False
        if (
            b'Transfer-Encoding' in self.inheaders
            or self.inheaders.get(b'Content-Length', b'0') != b'0'
        ):
            # What follows is not the next request.
            self.close_connection = True
        return True


class _Connection(cheroot_server.HTTPConnection):
    """Connection whose requests are received without waiting."""

    RequestHandlerClass = _Request
    server: Server
    rfile: _Received

    def __init__(
        self,
        server: Server,
        sock: socket.socket,
        make_file: typing.Any = makefile.MakeFile,
    ) -> None:
        super().__init__(server, sock, make_file)
        self.rfile.close()
        self.rfile = _Received()

    def receive(self) -> bool:
        """Receive what has arrived. Return whether there can be more."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(MAX_HEAD_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(TIMEOUT_S)
        self.rfile.feed(data)
        return bool(data)

    def end(self) -> None:
        """Make the connection readable, so that the server closes it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self.server.discard(self)
        super().close()


Server.ConnectionClass = _Connection
