# SPDX-License-Identifier: Apache-2.0

"""HTTP or HTTPS server whose answers the test defines."""

import base64
import collections.abc
import contextlib
import hashlib
import http.server
import json
import pathlib
import re
import socket
import ssl
import threading
import typing

import fixtures
import trustme


class Request(typing.NamedTuple):
    """Request of a client.

    :ivar connection: port of the client, which identifies the connection.
    """

    method: str
    path: str
    headers: collections.abc.Mapping[str, str]
    body: bytes
    connection: int


class Answer(typing.NamedTuple):
    """Answer to a request; parts of a body are sent one by one.

    :ivar closes: whether to close the connection after the answer, without
        announcing it in a header.
    :ivar raw: parts that are sent instead of everything else, and after which
        the connection is closed.
    """

    status: int = 200
    body: bytes | collections.abc.Iterator[bytes] = b''
    headers: collections.abc.Mapping[str, str] = {}
    closes: bool = False
    raw: collections.abc.Iterable[bytes] | None = None


def page(document: object, **headers: str) -> Answer:
    """Return an answer with a JSON document."""
    return Answer(body=json.dumps(document).encode(), headers=headers)


class Authority(fixtures.Fixture):
    """Private certificate authority.

    :ivar file: CA certificate for clients to trust.
    """

    def _setUp(self) -> None:
        self._authority = trustme.CA()
        self.directory = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.file = str(self.directory / 'ca.pem')
        self._authority.cert_pem.write_to_path(self.file)

    def issue(self, host: str) -> tuple[str, str]:
        """Issue a certificate; return the files of it and of its key."""
        leaf = self._authority.issue_cert(host)
        certificate, key = (
            str(self.directory / f'{host}.{kind}.pem')
            for kind in ('cert', 'key')
        )
        leaf.private_key_pem.write_to_path(key)
        for blob in leaf.cert_chain_pems:
            blob.write_to_path(certificate, append=True)
        return certificate, key


class HTTPServer(fixtures.Fixture):
    """HTTP server that calls ``answer`` for each request.

    :param answer: function that returns the answer to a request. It may be
        replaced while the server runs.
    :param certificate: files of a certificate and its key, for HTTPS.
    :ivar requests: all requests so far.
    """

    def __init__(
        self,
        answer: collections.abc.Callable[[Request], Answer],
        certificate: tuple[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[Request] = []
        self._certificate = certificate
        self.port = 0
        self._connections: set[socket.socket] = set()
        self._context: ssl.SSLContext | None = None

    @property
    def handshakes(self) -> int:
        """Number of completed TLS handshakes since the last start."""
        assert self._context is not None
        return self._context.session_stats()['accept_good']

    @property
    def url(self) -> str:
        """URL of the server, without a path."""
        scheme = 'http' if self._certificate is None else 'https'
        return f'{scheme}://127.0.0.1:{self.port}'

    @property
    def connections(self) -> int:
        """Number of open connections."""
        return len(self._connections)

    def _setUp(self) -> None:
        self.addCleanup(self.stop)
        self.start()

    def start(self) -> None:
        """Start the server; on the same port if it ran before."""
        self._server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', self.port), self._handler()
        )
        self._server.daemon_threads = True
        self.port = self._server.server_port
        if self._certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(*self._certificate)
            self._server.socket = self._context.wrap_socket(
                self._server.socket,
                server_side=True,
                do_handshake_on_connect=False,
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop the server, and close its connections and port."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        fixture = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'
            disable_nagle_algorithm = True

            def handle(self) -> None:
                fixture._connections.add(self.connection)
                with contextlib.suppress(OSError):
                    super().handle()

            def finish(self) -> None:
                fixture._connections.discard(self.connection)
                with contextlib.suppress(OSError):
                    super().finish()

            def respond(self) -> None:
                length = int(self.headers.get('Content-Length', 0))
                request = Request(
                    self.command,
                    self.path,
                    self.headers,
                    self.rfile.read(length),
                    self.client_address[1],
                )
                fixture.requests.append(request)
                _send(self, fixture.answer(request))

            do_GET = do_POST = do_DELETE = respond

            def log_message(self, *args: object) -> None:
                pass

        return Handler


def _send(handler: http.server.BaseHTTPRequestHandler, answer: Answer) -> None:
    if answer.closes or answer.raw is not None:
        handler.close_connection = True
    if answer.raw is not None:
        handler.wfile.writelines(answer.raw)
        return
    handler.send_response(answer.status)
    for name, value in answer.headers.items():
        handler.send_header(name.replace('_', '-'), value)
    if isinstance(answer.body, bytes):
        handler.send_header('Content-Length', str(len(answer.body)))
        handler.end_headers()
        handler.wfile.write(answer.body)
        return
    handler.send_header('Connection', 'close')
    handler.end_headers()
    handler.wfile.writelines(answer.body)


class Listener(fixtures.Fixture):
    """TCP server that accepts connections, and never reads or writes.

    :ivar accepted: set when the first connection has been accepted.
    """

    def _setUp(self) -> None:
        self.accepted = threading.Event()
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.port = self._socket.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        self.addCleanup(self._stop)

    def _accept(self) -> None:
        with (
            contextlib.ExitStack() as connections,
            contextlib.suppress(OSError),
        ):
            while True:
                connection, _ = self._socket.accept()
                connections.enter_context(connection)
                self.accepted.set()

    def _stop(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join()


def with_basic(
    user: str,
    password: str,
    answer: Answer,
) -> collections.abc.Callable[[Request], Answer]:
    """Require HTTP basic authentication (RFC 7617)."""
    expected = base64.b64encode(f'{user}:{password}'.encode()).decode()

    def decide(request: Request) -> Answer:
        if request.headers.get('Authorization') != f'Basic {expected}':
            return Answer(401, headers={'WWW-Authenticate': 'Basic realm=x'})
        return answer

    return decide


def with_digest(
    user: str,
    password: str,
    answer: Answer,
) -> collections.abc.Callable[[Request], Answer]:
    """Require HTTP digest authentication (RFC 7616, SHA-256)."""
    challenge = (
        'Digest realm="x", nonce="1700000000", qop="auth", algorithm=SHA-256'
    )

    def digest(*parts: str) -> str:
        return hashlib.sha256(':'.join(parts).encode()).hexdigest()

    def decide(request: Request) -> Answer:
        credentials = dict(
            re.findall(
                r'(\w+)="?([^",]+)"?', request.headers.get('Authorization', '')
            )
        )
        expected = digest(
            digest(user, 'x', password),
            '1700000000',
            credentials.get('nc', ''),
            credentials.get('cnonce', ''),
            'auth',
            digest(request.method, request.path),
        )
        if credentials.get('response') != expected:
            return Answer(401, headers={'WWW-Authenticate': challenge})
        return answer

    return decide
