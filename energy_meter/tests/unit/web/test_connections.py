# SPDX-License-Identifier: Apache-2.0

"""Clients that try to occupy the HTTP server."""

import contextlib
import logging
import socket
import threading

import fixtures
from oslotest import base

from energy_meter.web import connections

REQUEST = b'GET / HTTP/1.1\r\nHost: localhost\r\n'
WORKERS = 2
MAX_CONNECTIONS = 4


def respond(environ, start_response):
    start_response('200 OK', [('Content-Length', '2')])
    return [b'ok']


class ConnectionsTest(base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger('energy_meter', level=logging.INFO)
        )
        self.server = self.serve(respond)

    def serve(self, application):
        server = connections.Server(
            ('127.0.0.1', 0), application, WORKERS, MAX_CONNECTIONS
        )
        # Clients are closed first, so that no test waits for the next check.
        server.expiration_interval = 0.05
        server.prepare()
        thread = threading.Thread(target=server.serve)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.stop)
        return server

    def connect(self, data=b''):
        client = socket.create_connection(self.server.bind_addr, 20)
        self.addCleanup(client.close)
        client.sendall(data)
        return client

    def receive(self, client):
        """Return all that the server sends until it closes the connection."""
        parts = []
        with contextlib.suppress(ConnectionError):
            while part := client.recv(65536):
                parts.append(part)
        return b''.join(parts)

    def fetch(self, client=None):
        """Return the status line of a response."""
        client = client or self.connect()
        client.sendall(REQUEST + b'\r\n')
        return client.recv(65536).partition(b'\r\n')[0]

    def assert_starts_with(self, response, start):
        self.assertEqual(start, response[: len(start)])

    def assert_available(self):
        self.assertEqual(b'HTTP/1.1 200 OK', self.fetch())

    def test_silent_clients_occupy_no_worker(self):
        for _ in range(WORKERS + 1):
            self.connect()

        self.assert_available()

    def test_incomplete_heads_occupy_no_worker(self):
        for _ in range(WORKERS + 1):
            self.connect(REQUEST)

        self.assert_available()

    def test_head_can_arrive_in_parts(self):
        client = self.connect(REQUEST)
        self.assert_available()

        client.sendall(b'X: y\r\n\r\n')

        self.assert_starts_with(client.recv(65536), b'HTTP/1.1 200 OK')

    def test_pipelined_requests_have_one_response_each(self):
        client = self.connect(
            (REQUEST + b'\r\n') * 2 + REQUEST + b'Connection: close\r\n\r\n'
        )

        self.assertEqual(3, self.receive(client).count(b'HTTP/1.1 200 OK'))

    def test_incomplete_head_ends_although_bytes_arrive(self):
        self.server.timeout = 0.5
        client = self.connect(REQUEST)
        ended = threading.Event()

        def dribble():
            with contextlib.suppress(OSError):
                while not ended.wait(0.02):
                    client.sendall(b'x')

        thread = threading.Thread(target=dribble)
        thread.start()

        self.assertEqual(b'', self.receive(client))

        ended.set()
        thread.join()

    def test_at_the_maximum_the_oldest_connection_is_closed(self):
        clients = [self.connect(REQUEST) for _ in range(MAX_CONNECTIONS)]
        kept = clients[1:]

        new = self.connect(REQUEST)

        self.assertEqual(b'', self.receive(clients[0]))
        for client in (*kept, new):
            client.sendall(b'\r\n')
            self.assert_starts_with(client.recv(65536), b'HTTP/1.1 200 OK')
        self.assertIn('oldest of more than 4', self.log.output)

    def test_flood_costs_one_line_of_the_log(self):
        for _ in range(5 * MAX_CONNECTIONS):
            self.connect()

        self.assert_available()
        self.assertEqual(1, self.log.output.count('Closing the oldest'))

    def test_large_head_is_rejected(self):
        client = self.connect()

        with contextlib.suppress(ConnectionError):
            client.sendall(REQUEST + b'X: ' + b'x' * 2 * 2**16)

        self.assertIn(b' 413 ', self.receive(client))

    def test_malformed_heads_are_rejected(self):
        for head in (
            b'GET //[ HTTP/1.1\r\n\r\n',
            b'GET / HTTP/1.1\n\n',
            b'GET /\r\n\r\n',
            REQUEST + b'X\r\n\r\n',
            REQUEST + b'Content-Length: x\r\n\r\n',
        ):
            response = self.receive(self.connect(head))

            self.assert_starts_with(response, b'HTTP/1.1 400 Bad Request')
        self.assertEqual('', self.log.output)

    def test_body_is_not_read(self):
        for header in (b'Transfer-Encoding: chunked', b'Content-Length: 99'):
            client = self.connect(REQUEST + header + b'\r\n\r\n' + REQUEST)

            response = self.receive(client)

            self.assertEqual(1, response.count(b'HTTP/1.1'))
            self.assertIn(b'Connection: close', response)
        self.assertEqual('', self.log.output)

    def test_more_requests_than_can_wait_are_unavailable(self):
        self.useFixture(fixtures.MockPatchObject(connections, 'MAX_QUEUED', 1))
        busy = threading.Semaphore(0)
        proceed = threading.Event()

        def block(environ, start_response):
            busy.release()
            proceed.wait()
            return respond(environ, start_response)

        self.server = self.serve(block)
        self.addCleanup(proceed.set)
        for _ in range(WORKERS):
            self.connect(REQUEST + b'\r\n')
            busy.acquire()
        self.connect(REQUEST + b'\r\n')

        self.assertEqual(b'HTTP/1.1 503 Service Unavailable', self.fetch())

    def test_error_of_the_application_is_logged_once_with_its_cause(self):
        def fail(environ, start_response):
            raise RuntimeError('mistake')

        self.server = self.serve(fail)
        for _ in range(3):
            self.assertEqual(
                b'HTTP/1.1 500 Internal Server Error', self.fetch()
            )

        self.assertEqual(1, self.log.output.count('RuntimeError: mistake'))
        self.assertIn('in fail', self.log.output)
