# SPDX-License-Identifier: Apache-2.0

"""A stand-in for the API, on a real socket, that answers what it is told."""

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
    """Serves ``probes`` at /v1/probes/, and whatever else is in ``answers``.

    :ivar probes: what it shows.
    :ivar answers: status and body by path as it stands in the request line.
    :ivar requests: how often each path was asked for.
    :ivar tokens: the tokens that requests carried.
    :ivar open: cleared, it keeps every request waiting.
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
        """Listen, again on the same port if it did before."""
        self._server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', self._port), _handler_of(self)
        )
        self._port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={'poll_interval': 0.01}
        )
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def show(self, **probes: dict[str, typing.Any]) -> None:
        """Show these probes, like :data:`PROBE` but for what is given."""
        self.probes = {name: PROBE | fields for name, fields in probes.items()}

    def answer(self, path: str) -> tuple[int, bytes]:
        if path in self.answers:
            return self.answers[path]
        if path.endswith('/v1/probes/'):
            return 200, json.dumps({'probes': self.probes}).encode()
        return 404, json.dumps(
            {
                'error': {
                    'code': 404,
                    'title': 'Not Found',
                    'message': 'Nothing here.',
                }
            }
        ).encode()


def _handler_of(stub: APIStub) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
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
