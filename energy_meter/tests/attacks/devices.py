# SPDX-License-Identifier: Apache-2.0

"""Malicious devices that serve a page, against the driver that reads it.

Each attack is the response of a server on the loopback address. The driver
runs in a process of its own, whose peak of memory and processor time are
measured.
"""

import collections.abc
import concurrent.futures
import contextlib
import gzip
import itertools
import json
import multiprocessing
import socket
import threading
import time
import typing

from energy_meter import exception
from energy_meter.drivers import http_json
from energy_meter.tests import drivers
from energy_meter.tests.attacks import attack

#: Value of the driver's option of the same name, in seconds.
TIMEOUT_S = 5.0

#: Seconds after which an attack that has not ended counts as successful.
MAX_SECONDS = 120.0

Parts = collections.abc.Iterable[bytes]

_OK = b'HTTP/1.1 200 OK\r\n'
_CHUNKED = _OK + b'Transfer-Encoding: chunked\r\n\r\n'
_BLOCK = 65536
_PAGE = 1024 * 1024 - 16


def _page(body: bytes, headers: bytes = b'') -> Parts:
    length = b'Content-Length: %d\r\n\r\n' % len(body)
    return [_OK, headers, length, body]


def _bomb(layers: int = 1, size: int = 3 << 30) -> Parts:
    """Return a page that grows a thousandfold with each layer."""
    member = gzip.compress(bytes(1 << 26))
    body = member * (size >> 26)
    for _ in range(layers - 1):
        body = gzip.compress(body)
    coding = b', '.join([b'gzip'] * layers)
    return _page(body, b'Content-Encoding: %s\r\n' % coding)


def _drip(first: bytes, part: bytes) -> Parts:
    yield first
    while True:
        time.sleep(0.2)
        yield part


def _endless(first: bytes, part: bytes) -> Parts:
    yield first
    yield from itertools.repeat(part * (_BLOCK // len(part) or 1))


def _filled(first: bytes, part: bytes, last: bytes, size: int) -> Parts:
    return _page(first + part * (size // len(part)) + last)


#: The response of each attack, and options of the driver.
ATTACKS: dict[
    str,
    tuple[collections.abc.Callable[[], Parts], dict[str, typing.Any]],
] = {
    'gzip-bomb': (_bomb, {}),
    'nested-gzip-bomb': (lambda: _bomb(50), {}),
    'endless-body': (lambda: _endless(_OK + b'\r\n', b' '), {}),
    'one-byte-at-a-time': (lambda: _drip(_OK + b'\r\n', b' '), {}),
    'stopping-body': (
        lambda: [_OK + b'Content-Length: 99\r\n\r\n{"watts"'],
        {},
    ),
    'endless-headers': (
        lambda: _endless(_OK, b'X: ' + b'x' * 65000 + b'\r\n'),
        {},
    ),
    'endless-interim-responses': (
        lambda: _endless(
            b'', b'HTTP/1.1 100 x\r\nX: ' + b'x' * 65000 + b'\r\n\r\n'
        ),
        {},
    ),
    'endless-trailers': (
        lambda: _endless(_CHUNKED + b'0\r\n', b'X: x\r\n'),
        {},
    ),
    'endless-chunk-extensions': (
        lambda: _endless(_CHUNKED, b'1;' + b'x' * 65000 + b'\r\n \r\n'),
        {},
    ),
    'tiny-chunks': (lambda: _endless(_CHUNKED, b'1\r\n \r\n'), {}),
    'redirects-without-end': (
        lambda: [b'HTTP/1.1 302 x\r\nLocation: /\r\n\r\n'],
        {},
    ),
    'redirect-to-another-host': (
        lambda: [b'HTTP/1.1 302 x\r\nLocation: http://127.0.0.2/\r\n\r\n'],
        {},
    ),
    'redirect-to-another-scheme': (
        lambda: [b'HTTP/1.1 302 x\r\nLocation: file:///etc/passwd\r\n\r\n'],
        {},
    ),
    'redirect-with-a-long-url': (
        lambda: [
            b'HTTP/1.1 302 x\r\nLocation: http://x/'
            + b'x' * 60000
            + b'\r\n\r\n'
        ],
        {},
    ),
    'long-reason': (
        lambda: [b'HTTP/1.1 500 ' + b'x' * 60000 + b'\r\n\r\n'],
        {},
    ),
    'json-nesting': (lambda: _page(b'[' * _PAGE), {}),
    'json-nesting-below-the-recursion-limit': (
        lambda: _page(b'[' * 900 + b']' * 900),
        {'watts_path': '$..watts'},
    ),
    'json-huge-integer': (lambda: _page(b'9' * _PAGE), {'watts_path': '$'}),
    'json-huge-float': (
        lambda: _page(b'{"watts": %s.5}' % (b'9' * _PAGE)),
        {},
    ),
    'json-many-values': (
        lambda: _filled(b'[', b'{},', b'0]', _PAGE),
        {'watts_path': '$..watts'},
    ),
    'json-as-many-values-as-allowed': (
        lambda: _filled(b'[', b'{},', b'0]', 3 * 99_990),
        {'watts_path': '$..watts'},
    ),
    'json-many-matches': (
        lambda: _filled(b'[', b'0,', b'0]', _PAGE),
        {'watts_path': '$[*]'},
    ),
    'json-many-records': (
        lambda: _filled(b'[', b'{"timestamp":1},', b'{}]', _PAGE),
        {'preset': 'kwollect'},
    ),
    'json-long-time': (
        lambda: _page(
            json.dumps({'watts': 1, 'time': 'x' * (_PAGE - 99)}).encode()
        ),
        {'time_path': 'time'},
    ),
    'prometheus-many-names': (
        lambda: _page(
            b''.join(b'%06x\n' % n for n in range(0xA00000, 0xC00000))
        ),
        {'format': 'prometheus'},
    ),
    'prometheus-many-samples': (
        lambda: _filled(b'', b'watts 1\n', b'', 15 << 20),
        {'format': 'prometheus'},
    ),
    'prometheus-long-line': (
        lambda: _page(
            b'watts{' + b'a="",' * (3 << 20) + b'} 1\n',
        ),
        {'format': 'prometheus'},
    ),
}


class Device:
    """Server that sends the same response to each request."""

    def __init__(self, answer: collections.abc.Callable[[], Parts]) -> None:
        self._answer = answer
        self._socket = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """End the server; a response that is being sent ends soon."""
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(
                    target=self._respond, args=(connection,), daemon=True
                ).start()

    def _respond(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(MAX_SECONDS)
            connection.recv(_BLOCK)
            for part in self._answer():
                connection.sendall(part)


def read(port: int, options: dict[str, typing.Any]) -> attack.Figures:
    """Read a device once, and measure this process."""
    driver = drivers.make(
        http_json.HTTPJSON,
        'p',
        **{
            'url': f'http://127.0.0.1:{port}/',
            'timeout': TIMEOUT_S,
            **({} if 'preset' in options else {'watts_path': 'watts'}),
            **options,
        },
    )
    usage = attack.Usage()
    started = time.monotonic()
    note = 'no error'
    try:
        driver.open()
        driver.read()
    except exception.DriverError as e:
        note = f'{len(str(e))} characters: {str(e)[:90]}'
    except Exception as e:
        note = f'CRASH {type(e).__name__}: {str(e)[:80]}'
    return usage.figures(time.monotonic() - started, note)


def run(name: str) -> attack.Figures:
    """Run one attack of :data:`ATTACKS`."""
    answer, options = ATTACKS[name]
    parts = answer()
    if isinstance(parts, list):
        # Prepared before the clock of the victim starts.
        device = Device(lambda: parts)
    else:
        device = Device(answer)
    with (
        contextlib.closing(device),
        concurrent.futures.ProcessPoolExecutor(
            1, multiprocessing.get_context('spawn')
        ) as pool,
    ):
        return pool.submit(read, device.port, options).result(MAX_SECONDS)
