# SPDX-License-Identifier: Apache-2.0

"""HTTP client that does not normalize URLs."""

import http.client
import json
import ssl
import typing


class Response(typing.NamedTuple):
    """A response, read completely."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> typing.Any:
        return json.loads(self.body)


def get(
    port: int,
    url: str,
    method: str = 'GET',
    tls: ssl.SSLContext | None = None,
    **headers: str,
) -> Response:
    """Send a request to this port of 127.0.0.1.

    :param tls: context for HTTPS; by default HTTP is used.
    """
    connection = _connect(port, tls)
    try:
        connection.request(method, url, headers=headers)
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    finally:
        connection.close()


def _connect(
    port: int,
    tls: ssl.SSLContext | None,
) -> http.client.HTTPConnection:
    if tls is None:
        return http.client.HTTPConnection('127.0.0.1', port, timeout=60)
    return http.client.HTTPSConnection(
        '127.0.0.1', port, timeout=60, context=tls
    )
