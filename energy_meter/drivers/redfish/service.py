# SPDX-License-Identifier: Apache-2.0

"""Client for the Redfish service of one management controller.

sushy manages the session: it logs in, again when the session has expired, and
logs out. It has no models for power, so resources are plain JSON here.
"""

import collections.abc
import typing

import sushy
import sushy.auth
import sushy.connector
import sushy.exceptions

from energy_meter import exception
from energy_meter.drivers.common import http

Resource = dict[str, typing.Any]

T = typing.TypeVar('T')


class NoSuchResource(exception.ProtocolError):
    """The service responded with status 404."""


class Service:
    """Session with a Redfish service.

    The constructor logs in. sushy receives the URL without credentials,
    because its errors and log messages contain the URL.

    :param options: the driver's options.
    :raises DriverError: if the login fails.
    """

    def __init__(self, options: typing.Any) -> None:
        http.check(options.url)
        self.name = http.masked(options.url)
        self._user = options.username or '(none)'
        self._auth = sushy.auth.SessionOrBasicAuth(
            options.username, options.password
        )
        # Without a value sushy makes three attempts, 2 seconds apart.
        self._connector = sushy.connector.Connector(
            self.name,
            verify=http.verification(options),
            server_side_retries=1,
            default_request_timeout=options.timeout,
        )
        self._root = self._call(
            lambda: sushy.Sushy(
                self.name, auth=self._auth, connector=self._connector
            )
        )

    def close(self) -> None:
        """Log out; controllers allow few concurrent sessions."""
        try:
            self._call(self._auth.close)
        except exception.DriverError:
            # The session will expire. Without its attributes, sushy does not
            # try to log out again when the object is garbage-collected.
            self._auth.reset_session_attrs()

    def chassis(self) -> list[str]:
        """Return the paths of all chassis."""
        path = link(self._root.json, 'Chassis')
        return [] if path is None else self.members(path)

    def members(self, path: str) -> list[str]:
        """Return the paths of a collection's members."""
        members = self.get(path).get('Members')
        if not isinstance(members, list):
            raise self.error(f'{path} has no Members')
        return [
            member['@odata.id']
            for member in members
            if isinstance(member, dict) and '@odata.id' in member
        ]

    def get(self, path: str) -> Resource:
        """Fetch a resource.

        :raises NoSuchResource: if it does not exist.
        :raises DriverError: if the request fails.
        """
        resource = self._call(lambda: self._connector.get(path).json())
        if not isinstance(resource, dict):
            raise self.error(f'{path} is not a JSON object')
        return resource

    def error(self, reason: str) -> exception.ProtocolError:
        """Return an error that names the service."""
        return exception.ProtocolError(device=self.name, reason=reason)

    def _call(self, function: collections.abc.Callable[[], T]) -> T:
        """Call a function and raise sushy's errors as driver errors."""
        try:
            return function()
        except sushy.exceptions.AccessError:
            raise exception.AuthenticationFailed(
                device=self.name, user=self._user
            )
        except sushy.exceptions.ResourceNotFoundError as e:
            raise NoSuchResource(device=self.name, reason=str(e))
        except sushy.exceptions.ServerSideError as e:
            raise exception.DeviceUnreachable(
                device=self.name, reason=f'HTTP status {e.status_code}'
            )
        except sushy.exceptions.HTTPError as e:
            raise self.error(f'HTTP status {e.status_code}')
        except sushy.exceptions.ConnectionError as e:
            raise exception.DeviceUnreachable(
                device=self.name, reason=http.reason(e)
            )
        except (
            sushy.exceptions.SushyError,
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as e:
            # sushy does not validate the structure of responses.
            raise self.error(f'invalid response: {e}')


def link(resource: Resource, name: str) -> str | None:
    """Return the path of a linked resource, or None without this link."""
    target = resource.get(name)
    path = target.get('@odata.id') if isinstance(target, dict) else None
    return path if isinstance(path, str) else None


def resource_id(path: str) -> str:
    """Return the last segment of a path, which is the resource's ID."""
    return path.rstrip('/').rpartition('/')[2]
