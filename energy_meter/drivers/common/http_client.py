# SPDX-License-Identifier: Apache-2.0

"""HTTP client of all drivers.

The client expects the worst of a device: a response that never ends, arrives
byte by byte, is compressed a thousandfold, or sends it elsewhere. All of these
are errors, within the timeout and in bounded memory.
"""

import collections.abc
import http.client
import typing
import urllib.parse

from oslo_log import log as logging
import requests
import urllib3.exceptions

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.common import http as http_options
from energy_meter.drivers.common import http_connection
from energy_meter.drivers.common import http_session
from energy_meter.drivers.common import jsonpath

LOG = logging.getLogger(__name__)

#: Status codes of redirects.
REDIRECTS = (301, 302, 303, 307, 308)

_CHUNK_SIZE = 16 * 1024


class Response(typing.NamedTuple):
    """Complete response to a request.

    :ivar url: URL of the request, with its secrets.
    :ivar headers: headers; their names are case-insensitive.
    """

    url: str
    status: int
    reason: str
    headers: collections.abc.Mapping[str, str]
    body: bytes


class _Request(typing.NamedTuple):
    method: str
    url: str
    document: typing.Any
    headers: dict[str, str]


class Client:
    """HTTP client of one device; keeps its connection.

    Only :meth:`close` may be called from another thread. Proxies, passwords
    and CA files of the environment are ignored, and so are cookies.

    :param url: base URL of the device. Errors call the device by its
        :func:`.http.masked` form.
    :param options: values of :data:`.http.OPTS`, as attributes.
    :param authentication: how to send the user name and the password:
        ``basic``, ``digest``, or ``none`` if the driver sends a token of its
        own in a header.
    :param max_size: maximum size of a response in bytes.
    :ivar name: name of the device in errors.
    :ivar received: bytes of the bodies of all responses so far.
    :raises DriverError: if the URL or an option is invalid.
    """

    def __init__(
        self,
        url: str,
        options: typing.Any,
        authentication: str = 'basic',
        max_size: int = bounds.MAX_DOCUMENT_BYTES,
    ) -> None:
        http_options.check(url)
        self.name = http_options.masked(url)
        self._url = url
        self._user = options.username
        self._timeout: float = options.timeout
        self._max_size = max_size
        self.received = 0
        self._redirected = False
        self._transport = http_connection.Transport(self.name, max_size)
        self._session = http_session.make_session(
            self._transport, options, authentication, self._read_body
        )

    def close(self) -> None:
        """Close the connection for good.

        A request that another thread waits for ends at once, with an error.
        """
        self._transport.close()
        self._session.close()

    def get(
        self,
        url: str = '',
        headers: collections.abc.Mapping[str, str] | None = None,
    ) -> Response:
        """Send a GET request that must succeed.

        The parameters and errors are those of :meth:`request`.

        :raises AuthenticationFailed: if the status is 401 or 403.
        :raises DeviceUnreachable: if the status is 5xx.
        :raises ProtocolError: if it is any other than 200.
        """
        response = self.request('GET', url, headers=headers)
        self.check_status(response)
        return response

    def request(
        self,
        method: str,
        url: str = '',
        document: object = None,
        headers: collections.abc.Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request, and return the response, whatever its status.

        A request is sent again, once, if the server closed the idle
        connection on which it was sent, and did not answer. So it must be
        harmless if it arrives twice. Redirects of a GET request are followed
        on the same scheme, host and port only.

        :param method: ``GET``, ``POST``, ``DELETE`` ...
        :param url: URL, or path on the device. It must not lead to another
            host, which would get the credentials.
        :param document: document to send as JSON; None to send no body.
        :param headers: additional headers.
        :raises DeviceUnreachable: if the response is not complete within
            ``timeout``, or the client was closed.
        :raises ProtocolError: if the response is compressed, too large, or a
            redirect that is not followed.
        """
        target = self._join(self._url, url)
        self._transport.start(self._timeout)
        for _ in range(bounds.MAX_REDIRECTS + 1):
            response = self._send(
                _Request(method, target, document, dict(headers or {}))
            )
            location = response.headers.get('Location')
            if response.status not in REDIRECTS or location is None:
                return response
            if method != 'GET':
                raise self.error(f'redirects a {method} request')
            target = self._join(target, location)
            self._note_redirect(target)
        raise self.error('redirects too often')

    def check_status(
        self,
        response: Response,
        expected: collections.abc.Container[int] = (200,),
    ) -> None:
        """Check the status of a response.

        :raises DriverError: if it is not expected; as :meth:`get`.
        """
        if response.status in expected:
            return
        status = f'{response.status} {response.reason}'
        if response.status in (401, 403):
            raise exception.AuthenticationFailed(
                device=self.name, user=self._user or '(none)'
            )
        if response.status >= 500:
            raise self.unreachable(status)
        raise self.error(
            f'{http_options.masked(response.url)} answered {status}'
        )

    def document(self, response: Response) -> object:
        """Return the JSON document of a response.

        :raises ProtocolError: if it is not valid JSON.
        """
        try:
            return jsonpath.parse(response.body)
        except ValueError as e:
            raise self.error(f'the page is not JSON: {e}')

    def error(self, reason: str) -> exception.ProtocolError:
        """Return an error of the device, for the caller to raise."""
        return exception.ProtocolError(device=self.name, reason=reason)

    def unreachable(self, reason: str) -> exception.DeviceUnreachable:
        """Return an error of the device, for the caller to raise."""
        return exception.DeviceUnreachable(device=self.name, reason=reason)

    def _join(self, base: str, url: str) -> str:
        """Return the absolute URL of a link or redirect.

        :raises ProtocolError: if it leads to another host.
        """
        try:
            target = urllib.parse.urljoin(base, url)
            if _origin(target) == _origin(self._url):
                return target
        except ValueError:
            raise self.error('returned a URL that is not valid')
        raise self.error(
            f'redirects to {http_options.masked(target)}, which is not '
            'followed; set url to it if it is the device'
        )

    def _note_redirect(self, target: str) -> None:
        if not self._redirected:
            self._redirected = True
            LOG.warning(
                '%s redirects to %s; following it. Set url to it to save a '
                'request for each reading.',
                self.name,
                http_options.masked(target),
            )

    def _send(self, request: _Request) -> Response:
        try:
            return self._exchange(request)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            http.client.HTTPException,
            OSError,
        ) as e:
            self._transport.disconnect()
            if isinstance(http_options.root_cause(e), TimeoutError):
                raise self.unreachable(
                    f'the response was not complete within {self._timeout:g} s'
                )
            raise self.unreachable(http_options.reason(e))
        except exception.DriverError:
            # Data that is not read any more must not keep the server busy.
            self._transport.disconnect()
            raise

    def _exchange(self, request: _Request) -> Response:
        with self._session.request(
            request.method,
            request.url,
            headers=request.headers,
            json=request.document,
            timeout=self._transport.remaining(),
            allow_redirects=False,
            stream=True,
        ) as response:
            return Response(
                request.url,
                response.status_code,
                response.reason or '',
                response.headers,
                self._read_body(response),
            )

    def _read_body(self, response: requests.Response) -> bytes:
        coding = response.headers.get('Content-Encoding', 'identity')
        if coding.lower() != 'identity':
            raise self.error(
                f'sent a response with Content-Encoding {coding[:40]}, '
                'which the request does not allow'
            )
        body = bytearray()
        # iter_content() would wait for a full chunk.
        while chunk := response.raw.read1(_CHUNK_SIZE, decode_content=False):
            body += chunk
            if len(body) > self._max_size:
                raise self.error(
                    f'the response has more than {self._max_size} bytes'
                )
        self.received += len(body)
        return bytes(body)


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urllib.parse.urlsplit(url)
    default = 443 if parts.scheme == 'https' else 80
    return parts.scheme, parts.hostname, parts.port or default
