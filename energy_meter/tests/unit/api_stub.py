# SPDX-License-Identifier: Apache-2.0

"""Test double of the API, on a TCP port."""

import collections
import http.server
import json
import threading
import typing

import fixtures

PROBE = {
    'timestamp': 1700000000.5,
    'kwh': 1.25,
    'w': 173.0,
    'scope': 'node',
    'host': 'node-41',
    'wattmeter': 'rack1-bmc41',
    'coverage': 0.9998,
    'project_id': None,
}


class APIStub(fixtures.Fixture):
    """HTTP server with ``probes`` at /v1/probes/, and with ``answers``.

    :ivar probes: fields of each probe, by id.
    :ivar answers: status and body by path, as encoded in the request line,
        with or without the query.
    :ivar requests: number of requests by path.
    :ivar tokens: tokens of the requests.
    :ivar open: event; requests block until it is set.
    """

    def _setUp(self) -> None:
        self.probes: dict[str, typing.Any] = {}
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.requests: collections.Counter[str] = collections.Counter()
        self.tokens: list[str | None] = []
        self.open = threading.Event()
        self.open.set()
        self._port = 0
        self.start()
        self.addCleanup(self.stop)
        self.addCleanup(self.open.set)
        self.url = f'http://127.0.0.1:{self._port}/'

    def start(self) -> None:
        """Start to listen; after :meth:`stop`, on the same port."""
        self._server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', self._port), _handler_of(self)
        )
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={'poll_interval': 0.01}
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop to listen, so that connections are refused."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def show(self, **probes: dict[str, typing.Any]) -> None:
        """Set the probes, with fields that differ from :data:`PROBE`."""
        self.probes = {name: PROBE | fields for name, fields in probes.items()}

    def answer(self, path: str) -> tuple[int, bytes]:
        """Return the status and body of the response for a path."""
        for name in path, path.partition('?')[0]:
            if name in self.answers:
                return self.answers[name]
        if path.endswith('/v1/probes/'):
            return 200, json.dumps({'probes': self.probes}).encode()
        return 404, json.dumps(
            {
                'error': {
                    'code': 404,
                    'title': 'Not Found',
                    'message': 'Not found.',
                }
            }
        ).encode()


def _handler_of(stub: APIStub) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.requests[self.path] += 1
            stub.tokens.append(self.headers['X-Auth-Token'])
            stub.open.wait()
            status, body = stub.answer(self.path)
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler
