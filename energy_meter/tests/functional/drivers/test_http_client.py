# SPDX-License-Identifier: Apache-2.0

"""The HTTP client against servers that hang, drip, redirect or never end."""

import collections.abc
import contextlib
import gzip
import itertools
import queue
import socket
import threading
import tracemalloc
import types
import typing

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import http_client
from energy_meter.tests.functional.services import base as services
from energy_meter.tests.functional.services import http

TIMEOUT_S = 30.0

CHUNKED = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

PAGE = http.page({'watts': 5})


def endless() -> collections.abc.Iterator[bytes]:
    while True:
        yield b' ' * 65536


class ClientTest(base.BaseTestCase):
    def serve(
        self,
        answer: http.Answer
        | collections.abc.Callable[[http.Request], http.Answer],
        **options: typing.Any,
    ) -> http.HTTPServer:
        return self.useFixture(
            http.HTTPServer(
                answer if callable(answer) else lambda _request: answer,
                **options,
            )
        )

    def make(
        self,
        url: str,
        authentication: str = 'basic',
        max_size: int = bounds.MAX_DOCUMENT_BYTES,
        **options: typing.Any,
    ) -> http_client.Client:
        values = {
            'username': '',
            'password': '',
            'verify': True,
            'ca_file': None,
            'timeout': TIMEOUT_S,
        }
        client = http_client.Client(
            url,
            types.SimpleNamespace(**values | options),
            authentication,
            max_size,
        )
        self.addCleanup(client.close)
        return client

    @contextlib.contextmanager
    def assert_memory_below(self, mib: int) -> collections.abc.Iterator[None]:
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        yield
        _, peak = tracemalloc.get_traced_memory()
        self.assertLess(peak, mib * 1024 * 1024)

    def error_text(
        self,
        answer: http.Answer
        | collections.abc.Callable[[http.Request], http.Answer],
        kind: type[Exception],
        **options: typing.Any,
    ) -> str:
        client = self.make(self.serve(answer).url, **options)
        return str(self.assertRaises(kind, client.get))

    def dripping(self, first: bytes = b'') -> collections.abc.Iterator[bytes]:
        """Return an endless series of spaces, each after a short pause."""
        done = threading.Event()
        self.addCleanup(done.set)

        def parts() -> collections.abc.Iterator[bytes]:
            yield first
            while not done.wait(0.05):
                yield b' '

        return parts()


class DeadlineTest(ClientTest):
    def test_dripping_headers_are_an_error_after_the_timeout(self):
        text = self.error_text(
            http.Answer(raw=self.dripping(b'HTTP/1.1 200 OK\r\nX-Slow: ')),
            exception.DeviceUnreachable,
            timeout=0.5,
        )

        self.assertIn('not complete within 0.5 s', text)

    def test_dripping_status_line_is_an_error_after_the_timeout(self):
        text = self.error_text(
            http.Answer(raw=self.dripping(b'HTTP/1.1 200 ')),
            exception.DeviceUnreachable,
            timeout=0.5,
        )

        self.assertIn('not complete within 0.5 s', text)

    def test_dripping_body_is_an_error_after_the_timeout(self):
        text = self.error_text(
            http.Answer(body=self.dripping()),
            exception.DeviceUnreachable,
            timeout=0.5,
        )

        self.assertIn('not complete within 0.5 s', text)

    def test_server_that_drips_in_the_tls_handshake_is_an_error(self):
        # Given a server that accepts connections and never says anything,
        listener = self.useFixture(http.Listener())
        client = self.make(f'https://127.0.0.1:{listener.port}', timeout=0.5)

        # then a handshake ends after the timeout.
        e = self.assertRaises(exception.DeviceUnreachable, client.get)
        self.assertIn('not complete within 0.5 s', str(e))

    def test_timeout_is_that_of_all_redirects(self):
        done = threading.Event()
        self.addCleanup(done.set)

        def slow(request: http.Request) -> http.Answer:
            done.wait(0.2)
            return http.Answer(302, headers={'Location': request.path + 'x'})

        text = self.error_text(slow, exception.DeviceUnreachable, timeout=0.5)

        self.assertIn('not complete within 0.5 s', text)


class SizeTest(ClientTest):
    def test_endless_body_is_an_error(self):
        # The library reads the body of a redirect before following it.
        for answer in (
            http.Answer(body=endless()),
            http.Answer(302, endless(), {'Location': '/x'}),
            http.Answer(401, endless(), {'WWW-Authenticate': 'Digest'}),
        ):
            text = self.error_text(
                answer,
                exception.ProtocolError,
                authentication='digest',
                username='meter',
            )
            self.assertIn('more than 1048576 bytes', text)

    def test_huge_body_takes_bounded_memory(self):
        # Given a page of 400 MB,
        part = b' ' * 65536

        def huge() -> collections.abc.Iterator[bytes]:
            for _ in range(400 * 1000 * 1000 // len(part)):
                yield part

        client = self.make(self.serve(http.Answer(body=huge())).url)

        # then it is rejected before it fills the memory.
        with self.assert_memory_below(8):
            self.assertRaises(exception.ProtocolError, client.get)

    def test_announced_huge_body_takes_bounded_memory(self):
        def huge() -> collections.abc.Iterator[bytes]:
            yield b'HTTP/1.1 200 OK\r\nContent-Length: 400000000\r\n\r\n'
            yield from endless()

        client = self.make(self.serve(http.Answer(raw=huge())).url)

        with self.assert_memory_below(8):
            self.assertRaises(exception.ProtocolError, client.get)

    def test_rejected_response_ends_the_connection(self):
        # Given a server that sends data until its client leaves,
        server = self.serve(http.Answer(body=endless()))
        client = self.make(server.url)

        # when the client rejects the response,
        self.assertRaises(exception.ProtocolError, client.get)

        # then it does not keep the server busy.
        services.wait_for(
            lambda: not server.connections, TIMEOUT_S, 'the server sees it'
        )

    def test_truncated_body_is_an_error(self):
        text = self.error_text(
            http.Answer(
                raw=[b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"w": 1']
            ),
            exception.DeviceUnreachable,
        )

        self.assertIn('did not answer', text)

    def test_compressed_response_is_an_error(self):
        # Given a gzip bomb: 100 MiB in 100 KiB,
        bomb = gzip.compress(b' ' * 100 * 1024 * 1024)
        server = self.serve(
            http.Answer(body=bomb, headers={'Content-Encoding': 'gzip'})
        )
        client = self.make(server.url)

        # then it is neither asked for nor decompressed.
        with self.assert_memory_below(8):
            e = self.assertRaises(exception.ProtocolError, client.get)
        self.assertIn('Content-Encoding gzip', str(e))
        self.assertEqual(
            'identity', server.requests[0].headers['Accept-Encoding']
        )

    def test_rejected_password_with_a_bomb_is_an_error(self):
        # The library reads, and decompresses, the body of a 401 response.
        bomb = gzip.compress(b' ' * 100 * 1024 * 1024)
        text = self.error_text(
            http.Answer(
                401,
                bomb,
                {
                    'WWW-Authenticate': 'Digest realm="x", nonce="1"',
                    'Content-Encoding': 'gzip',
                },
            ),
            exception.ProtocolError,
            authentication='digest',
            username='meter',
            password='s3cret',
        )

        self.assertIn('Content-Encoding gzip', text)


class RawSizeTest(ClientTest):
    """Bytes around the body: headers, chunks and trailers."""

    def assert_rejected(self, first: bytes, part: bytes, reason: str) -> None:
        """Check that an endless response is an error long before the timeout.

        :param first: its first bytes, before those that repeat.
        """

        def response() -> collections.abc.Iterator[bytes]:
            yield first
            yield from itertools.repeat(part * (65536 // len(part)))

        text = self.error_text(
            http.Answer(raw=response()), exception.ProtocolError
        )

        self.assertIn(reason, text)

    def test_endless_headers_are_an_error(self):
        for header in (b'X: ' + b'x' * 60_000 + b'\r\n', b'x'):
            self.assert_rejected(
                b'HTTP/1.1 200 OK\r\n',
                header,
                'sent more than 65536 bytes of headers',
            )

    def test_many_short_headers_are_an_error(self):
        headers = itertools.repeat(b'X: x\r\n')
        text = self.error_text(
            http.Answer(
                raw=itertools.chain([b'HTTP/1.1 200 OK\r\n'], headers)
            ),
            exception.DeviceUnreachable,
        )

        self.assertRegex(text, 'got more than [0-9]+ headers')

    def test_endless_interim_responses_are_an_error(self):
        self.assert_rejected(
            b'',
            b'HTTP/1.1 100 Continue\r\n\r\n',
            'sent more than 65536 bytes of headers',
        )

    def test_endless_trailers_are_an_error(self):
        self.assert_rejected(
            CHUNKED + b'0\r\n',
            b'X: x\r\n',
            'sent more than 2162688 bytes for one response',
        )

    def test_endless_chunk_extensions_are_an_error(self):
        self.assert_rejected(
            CHUNKED,
            b'1;' + b'x' * 60_000 + b'\r\n \r\n',
            'sent more than 2162688 bytes for one response',
        )

    def test_endless_tiny_chunks_are_an_error(self):
        self.assert_rejected(
            CHUNKED,
            b'1\r\n \r\n',
            'sent more than 2162688 bytes for one response',
        )

    def test_page_in_tiny_chunks_with_trailers_is_read(self):
        # Given a slow device that sends each byte as soon as it has it,
        body = b' ' * 100_000 + b'5'
        chunks = b''.join(b'1\r\n%c\r\n' % byte for byte in body)
        answer = http.Answer(raw=[CHUNKED + chunks + b'0\r\nX: x\r\n\r\n'])

        # then its page is read.
        client = self.make(self.serve(answer).url)
        self.assertEqual(body, client.get().body)

    def test_bounds_are_those_of_each_response(self):
        # Given redirects, each with much of what a response may have,
        padding = {'X': 'x' * 50_000}

        def answer(request: http.Request) -> http.Answer:
            if len(request.path) > bounds.MAX_REDIRECTS:
                return http.Answer(body=bytes(1_000_000), headers=padding)
            return http.Answer(
                302,
                bytes(1_000_000),
                {'Location': request.path + 'x', **padding},
            )

        # then all of them are followed.
        client = self.make(self.serve(answer).url)
        self.assertEqual(1_000_000, len(client.get('/').body))
        self.assertEqual(4_000_000, client.received)

    def test_nested_gzip_bomb_is_an_error(self):
        text = self.error_text(
            http.Answer(
                body=b'x',
                headers={'Content-Encoding': ', '.join(['gzip'] * 50)},
            ),
            exception.ProtocolError,
        )

        self.assertIn('which the request does not allow', text)


class ConnectionTest(ClientTest):
    def test_connection_is_kept(self):
        server = self.serve(PAGE)
        client = self.make(server.url)

        for _ in range(5):
            client.get()

        self.assertEqual(
            1, len({request.connection for request in server.requests})
        )

    def test_silently_closed_idle_connection_is_opened_again(self):
        server = self.serve(PAGE._replace(closes=True))
        client = self.make(server.url)

        self.assertEqual([200] * 3, [client.get().status for _ in range(3)])

    def test_get_on_a_connection_closed_meanwhile_is_sent_again(self):
        # Given a server that closes an idle connection just as the next
        # request arrives,
        answers = [PAGE, http.Answer(raw=[]), PAGE]
        server = self.serve(lambda _request: answers.pop(0))
        client = self.make(server.url)
        client.get()

        # then the request is sent on a new connection.
        self.assertEqual(200, client.get().status)
        self.assertEqual(3, len(server.requests))

    def test_get_is_sent_again_only_once(self):
        answers = [PAGE, http.Answer(raw=[]), http.Answer(raw=[]), PAGE]
        server = self.serve(lambda _request: answers.pop(0))
        client = self.make(server.url)
        client.get()

        self.assertRaises(exception.DeviceUnreachable, client.get)

        self.assertEqual(3, len(server.requests))

    def test_post_on_a_closed_idle_connection_is_sent_again(self):
        answers = [PAGE, http.Answer(raw=[]), PAGE]
        server = self.serve(lambda _request: answers.pop(0))
        client = self.make(server.url)
        client.get()

        response = client.request('POST', '/x', {'UserName': 'meter'})

        self.assertEqual(200, response.status)
        self.assertEqual(
            2 * [('POST', b'{"UserName": "meter"}')],
            [(request.method, request.body) for request in server.requests][
                1:
            ],
        )

    def test_rejected_digest_on_a_closed_connection_is_sent_again(self):
        # Given a server that rejects a request, and closes the connection
        # just as the request with the password arrives,
        decide = http.with_digest('meter', 's3cret', PAGE)
        connections = set()

        def answer(request: http.Request) -> http.Answer:
            if request.connection in connections:
                return http.Answer(raw=[])
            connections.add(request.connection)
            return decide(request)

        server = self.serve(answer)
        client = self.make(
            server.url, 'digest', username='meter', password='s3cret'
        )

        # then it is sent on a new connection.
        self.assertEqual(200, client.get().status)
        self.assertEqual(3, len(server.requests))

    def test_connection_that_the_server_ends_is_closed_at_once(self):
        # Given servers that end the connection after each response,
        listener = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(listener.close)
        client = self.make(f'http://127.0.0.1:{listener.getsockname()[1]}')
        for response in (
            b'HTTP/1.0 200 OK\r\n\r\n5',
            b'HTTP/1.1 200 OK\r\nConnection: close\r\n'
            b'Content-Length: 1\r\n\r\n5',
        ):
            connections: queue.Queue[socket.socket] = queue.Queue()
            thread = threading.Thread(
                target=self.answer_once, args=(listener, response, connections)
            )
            thread.start()

            # when one has responded, then the client closes its side.
            self.assertEqual(b'5', client.get().body)
            connection = connections.get(timeout=TIMEOUT_S)
            self.assertEqual(b'', connection.recv(1))
            thread.join()

    def answer_once(
        self,
        listener: socket.socket,
        response: bytes,
        connections: 'queue.Queue[socket.socket]',
    ) -> None:
        connection, _ = listener.accept()
        self.addCleanup(connection.close)
        connection.settimeout(TIMEOUT_S)
        connection.recv(65536)
        connection.sendall(response)
        connection.shutdown(socket.SHUT_WR)
        connections.put(connection)

    def test_request_on_a_new_connection_is_sent_once(self):
        server = self.serve(http.Answer(raw=[]))

        self.assertRaises(
            exception.DeviceUnreachable, self.make(server.url).get
        )

        self.assertEqual(1, len(server.requests))

    def test_proxies_of_the_environment_are_ignored(self):
        proxy = self.serve(http.page({'watts': 999}))
        server = self.serve(PAGE)
        for name in ('http_proxy', 'HTTP_PROXY', 'https_proxy', 'ALL_PROXY'):
            self.useFixture(fixtures.EnvironmentVariable(name, proxy.url))
        for name in ('no_proxy', 'NO_PROXY'):
            self.useFixture(fixtures.EnvironmentVariable(name))

        response = self.make(server.url).get()

        self.assertEqual(PAGE.body, response.body)
        self.assertEqual([], proxy.requests)

    def test_cookies_are_not_kept(self):
        server = self.serve(PAGE._replace(headers={'Set-Cookie': 'a=1'}))
        client = self.make(server.url)

        for _ in range(2):
            client.get()

        self.assertNotIn('Cookie', server.requests[1].headers)

    def test_host_with_an_unreachable_address_is_reached(self):
        # "localhost" has the addresses ::1, on which nothing listens, and
        # 127.0.0.1.
        server = self.serve(PAGE)
        url = server.url.replace('127.0.0.1', 'localhost')

        self.assertEqual(200, self.make(url).get().status)

    def test_host_with_an_address_of_an_unknown_family_is_reached(self):
        # Given a host whose first address the kernel does not support, as
        # that of IPv6 on a machine without it,
        server = self.serve(PAGE)
        known = socket.getaddrinfo(
            '127.0.0.1', server.port, type=socket.SOCK_STREAM
        )
        unknown = (socket.AF_APPLETALK, *known[0][1:])
        self.useFixture(
            fixtures.MockPatchObject(
                socket, 'getaddrinfo', lambda *_, **__: [unknown, *known]
            )
        )

        # then the client connects to the other one.
        self.assertEqual(200, self.make(server.url).get().status)


class CloseTest(ClientTest):
    def fetch(self, client: http_client.Client) -> threading.Thread:
        """Fetch in another thread, and keep the error."""

        def run() -> None:
            try:
                client.get()
            except exception.DriverError as e:
                self.error = e

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def assert_close_ends(
        self, client: http_client.Client, waits: threading.Event
    ) -> None:
        thread = self.fetch(client)
        self.assertTrue(waits.wait(TIMEOUT_S))

        client.close()

        thread.join(TIMEOUT_S / 3)
        self.assertFalse(thread.is_alive())
        self.assertIsInstance(self.error, exception.DeviceUnreachable)

    def test_close_ends_a_read_that_waits_for_the_headers(self):
        done, waits = threading.Event(), threading.Event()
        self.addCleanup(done.set)

        def hang(_request: http.Request) -> http.Answer:
            waits.set()
            done.wait()
            return PAGE

        self.assert_close_ends(self.make(self.serve(hang).url), waits)

    def test_close_ends_a_read_that_waits_for_the_body(self):
        done, waits = threading.Event(), threading.Event()
        self.addCleanup(done.set)

        def hanging() -> collections.abc.Iterator[bytes]:
            yield b'{'
            waits.set()
            done.wait()

        self.assert_close_ends(
            self.make(self.serve(http.Answer(body=hanging())).url), waits
        )

    def test_close_ends_a_tls_handshake(self):
        listener = self.useFixture(http.Listener())
        client = self.make(f'https://127.0.0.1:{listener.port}')

        self.assert_close_ends(client, listener.accepted)

    def test_closed_client_does_not_connect_again(self):
        server = self.serve(PAGE)
        client = self.make(server.url)
        client.close()

        e = self.assertRaises(exception.DeviceUnreachable, client.get)

        self.assertIn('the client was closed', str(e))
        self.assertEqual([], server.requests)

    def test_close_frees_the_connection(self):
        server = self.serve(PAGE)
        client = self.make(server.url)
        client.get()

        client.close()

        services.wait_for(
            lambda: not server.connections, TIMEOUT_S, 'the server sees it'
        )


class RedirectTest(ClientTest):
    def test_redirect_on_the_same_host_is_followed_and_logged_once(self):
        log = self.useFixture(fixtures.FakeLogger())

        def answer(request: http.Request) -> http.Answer:
            if request.path == '/':
                return http.Answer(302, headers={'Location': '/there?k=s3c'})
            return PAGE

        client = self.make(self.serve(answer).url)

        self.assertEqual([200, 200], [client.get().status for _ in range(2)])
        self.assertEqual(1, log.output.count('redirects to'))
        self.assertNotIn('s3c', log.output)

    def test_redirect_to_another_port_host_or_scheme_is_an_error(self):
        other = self.serve(PAGE)
        for target in (
            other.url,
            other.url.replace('127.0.0.1', 'localhost'),
            other.url.replace('http:', 'https:'),
            '//127.0.0.1:1/x',
            'ftp://127.0.0.1/x',
            'http://[x/',
        ):
            text = self.error_text(
                http.Answer(302, headers={'Location': target}),
                exception.ProtocolError,
                username='meter',
                password='s3cret',
            )
            self.assertNotIn('s3cret', text)
        self.assertEqual([], other.requests)

    def test_link_to_another_host_is_an_error(self):
        other = self.serve(PAGE)
        client = self.make(self.serve(PAGE).url)

        self.assertRaises(exception.ProtocolError, client.get, other.url)
        self.assertEqual([], other.requests)

    def test_redirect_loop_is_an_error(self):
        server = self.serve(http.Answer(302, headers={'Location': '/'}))

        self.assertRaises(exception.ProtocolError, self.make(server.url).get)
        self.assertEqual(bounds.MAX_REDIRECTS + 1, len(server.requests))

    def test_redirected_post_is_an_error(self):
        server = self.serve(http.Answer(307, headers={'Location': '/x'}))

        self.assertRaises(
            exception.ProtocolError,
            self.make(server.url).request,
            'POST',
            '/',
            {},
        )
        self.assertEqual(1, len(server.requests))


class SessionTest(ClientTest):
    def test_token_session_like_that_of_redfish(self):
        # Given a controller that returns a token in a header,
        def answer(request: http.Request) -> http.Answer:
            if request.method == 'POST':
                return http.Answer(
                    201,
                    b'{}',
                    {'X-Auth-Token': 't', 'Location': '/sessions/1'},
                )
            if request.headers.get('X-Auth-Token') != 't':
                return http.Answer(401)
            if request.method == 'DELETE':
                return http.Answer(204)
            return PAGE

        server = self.serve(answer)
        client = self.make(
            server.url, 'none', username='meter', password='s3cret'
        )

        # when the driver logs in, reads and logs out,
        self.assertEqual(401, client.request('GET', '/x').status)
        login = client.request('POST', '/sessions', {'UserName': 'meter'})
        headers = {'X-Auth-Token': login.headers['x-auth-token']}
        document = client.document(client.get('/x', headers))
        logout = client.request(
            'DELETE', login.headers['location'], headers=headers
        )

        # then each request has its parts, and no password in a header.
        self.assertEqual(
            (201, {'watts': 5}, 204), (login.status, document, logout.status)
        )
        post, delete = server.requests[1], server.requests[3]
        self.assertEqual(b'{"UserName": "meter"}', post.body)
        self.assertEqual('application/json', post.headers['Content-Type'])
        self.assertEqual('/sessions/1', delete.path)
        for request in server.requests:
            self.assertNotIn('Authorization', request.headers)
