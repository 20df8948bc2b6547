# SPDX-License-Identifier: Apache-2.0

"""Client for the Redfish service of one management controller or PDU.

Reference: DMTF DSP0266 (Redfish Specification), clauses "Session management"
and "Collections". Resources are plain JSON.
"""

import base64
import contextlib
import typing
import urllib.parse

from energy_meter import exception
from energy_meter.drivers.common import http
from energy_meter.drivers.common import http_client

Resource = dict[str, typing.Any]

#: Path of the service root, which needs no login.
ROOT = '/redfish/v1/'

#: Status codes of a service that has no sessions.
_NO_SESSIONS = (404, 405, 501)


class NoSuchResource(exception.ProtocolError):
    """The service responded with status 404."""


class ServerError(exception.DeviceUnreachable):
    """The service responded with status 5xx.

    Other resources may be available.
    """


class Service:
    """Connection to a Redfish service, with a session.

    The first request logs in, and any request for which the session has
    expired logs in again, once. Only the path of a session's URL is used:
    behind NAT, controllers return their internal address.

    :param options: the driver's options.
    :ivar name: name of the service in errors.
    :raises DriverError: if an option is invalid.
    """

    def __init__(self, options: typing.Any) -> None:
        http.check(options.url)
        self.name = http.masked(options.url)
        # The client gets the URL without credentials: it would send those.
        self._client = http_client.Client(self.name, options, 'none')
        self._options = options
        self._headers: dict[str, str] = {}
        self._session: str | None = None
        self._root: Resource | None = None

    def close(self) -> None:
        """Log out; controllers allow few concurrent sessions."""
        session, self._session = self._session, None
        if session:
            # If this fails, the session will expire.
            with contextlib.suppress(exception.DriverError):
                self._client.request('DELETE', session, headers=self._headers)
        self._client.close()

    def abort(self) -> None:
        """End a request that hangs in another thread.

        The session will expire: to log out could take as long again.
        """
        self._client.close()

    @property
    def received(self) -> int:
        """Bytes of all resources so far."""
        return self._client.received

    def root(self) -> Resource:
        """Return the service root, fetched by the first call."""
        if self._root is None:
            self._root = self._document(
                ROOT, self._client.request('GET', ROOT)
            )
        return self._root

    def get(self, path: str) -> Resource:
        """Fetch a resource.

        :raises NoSuchResource: if it does not exist.
        :raises ServerError: if the service failed to provide it.
        :raises AuthenticationFailed: if the login was rejected.
        :raises DriverError: if the request fails for another reason.
        """
        if not self._headers:
            self._log_in()
        response = self._client.request('GET', path, headers=self._headers)
        if response.status == 401 and self._session is not None:
            self._log_in()
            response = self._client.request('GET', path, headers=self._headers)
        return self._document(path, response)

    def error(self, reason: str) -> exception.ProtocolError:
        """Return an error that names the service."""
        return self._client.error(reason)

    def _log_in(self) -> None:
        """Open a session, or prepare basic authentication.

        :raises AuthenticationFailed: if the service rejects the password.
        """
        self._session, self._headers = None, {}
        options = self._options
        if not options.username:
            return
        sessions = (
            self._sessions() if options.authentication != 'basic' else None
        )
        if sessions is not None and self._open_session(sessions):
            return
        if options.authentication == 'session':
            raise self.error(
                'has no sessions: expected authentication = basic'
            )
        credentials = f'{options.username}:{options.password}'.encode()
        self._headers = {
            'Authorization': f'Basic {base64.b64encode(credentials).decode()}'
        }

    def _sessions(self) -> str | None:
        links = self.root().get('Links')
        return link(links, 'Sessions') if isinstance(links, dict) else None

    def _open_session(self, path: str) -> bool:
        """Open a session; return False if the service has none."""
        response = self._client.request(
            'POST',
            path,
            {
                'UserName': self._options.username,
                'Password': self._options.password,
            },
        )
        if response.status in _NO_SESSIONS:
            return False
        self._client.check_status(response, (200, 201, 202, 204))
        token = response.headers.get('X-Auth-Token')
        if not token:
            return False
        self._headers = {'X-Auth-Token': token}
        self._session = self._session_path(response)
        return True

    def _session_path(self, response: http_client.Response) -> str:
        """Return the path to delete a session; empty if it is unknown."""
        try:
            return urllib.parse.urlsplit(
                response.headers.get('Location', '')
            ).path
        except ValueError:
            return ''

    def _document(self, path: str, response: http_client.Response) -> Resource:
        if response.status == 404:
            raise NoSuchResource(device=self.name, reason=f'{path} not found')
        if response.status == 403:
            raise self.error(
                f'{path} answered 403 {response.reason}: expected an account '
                'that may read it'
            )
        if response.status >= 500:
            raise ServerError(
                device=self.name,
                reason=f'{path} answered {response.status} {response.reason}',
            )
        self._client.check_status(response)
        document = self._client.document(response)
        if not isinstance(document, dict):
            raise self.error(f'{path} is not a JSON object')
        return document


def link(resource: Resource, name: str) -> str | None:
    """Return the path of a linked resource, or None without this link."""
    target = resource.get(name)
    path = target.get('@odata.id') if isinstance(target, dict) else None
    return path if isinstance(path, str) else None


def resource_id(path: str) -> str:
    """Return the last segment of a path, which is the resource's ID."""
    return path.rstrip('/').rpartition('/')[2]
