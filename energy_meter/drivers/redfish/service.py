# SPDX-License-Identifier: Apache-2.0


"""The Redfish service of one management controller.

sushy logs in, keeps the session, logs in again when it has expired, and ends
it. Its models know nothing of power, so resources are plain JSON here.
"""

import collections.abc
import typing

import sushy
import sushy.auth
import sushy.connector
import sushy.exceptions

from energy_meter import exception
from energy_meter.drivers import _web

Resource = dict[str, typing.Any]

T = typing.TypeVar('T')


class NoSuchResource(exception.ProtocolError):
    """The service answers 404."""


class Service:
    """A connection to a service; it logs in at once.

    sushy's errors and logs show the URL: it gets the one without secrets.

    :param options: with the driver's own options as attributes.
    :raises DriverError: when that fails.
    """

    def __init__(self, options: typing.Any) -> None:
        _web.check(options.url)
        self.name = _web.masked(options.url)
        self._user = options.username or '(none)'
        self._auth = sushy.auth.SessionOrBasicAuth(
            options.username, options.password
        )
        # One "retry": with none sushy tries thrice, two seconds apart.
        self._connector = sushy.connector.Connector(
            self.name,
            verify=_web.verification(options),
            server_side_retries=1,
            default_request_timeout=options.timeout,
        )
        self._root = self._call(
            lambda: sushy.Sushy(
                self.name, auth=self._auth, connector=self._connector
            )
        )

    def close(self) -> None:
        """End the session: controllers have few of them."""
        try:
            self._call(self._auth.close)
        except exception.DriverError:
            # It ends by itself. sushy would try again when it is collected.
            self._auth.reset_session_attrs()

    def chassis(self) -> list[str]:
        """Give the paths of all chassis."""
        path = link(self._root.json, 'Chassis')
        return [] if path is None else self.members(path)

    def members(self, path: str) -> list[str]:
        """Give the paths of a collection's members."""
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

        :raises NoSuchResource: when there is none.
        :raises DriverError: when it can't be had.
        """
        resource = self._call(lambda: self._connector.get(path).json())
        if not isinstance(resource, dict):
            raise self.error(f'{path} is no resource')
        return resource

    def error(self, reason: str) -> exception.ProtocolError:
        """Make an error that names the service."""
        return exception.ProtocolError(device=self.name, reason=reason)

    def _call(self, function: collections.abc.Callable[[], T]) -> T:
        """Call sushy, and say what its errors mean."""
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
                device=self.name, reason=f'it answers {e.status_code}'
            )
        except sushy.exceptions.HTTPError as e:
            raise self.error(f'it answers {e.status_code}')
        except sushy.exceptions.ConnectionError as e:
            raise exception.DeviceUnreachable(
                device=self.name, reason=_web.reason(e)
            )
        except (
            sushy.exceptions.SushyError,
            ValueError,
            TypeError,
            AttributeError,
            RecursionError,
        ) as e:
            # sushy takes the shape of what it reads for granted.
            raise self.error(f'it makes no sense: {e}')


def link(resource: Resource, name: str) -> str | None:
    """Give the path that a resource links to, None if it has no such link."""
    target = resource.get(name)
    path = target.get('@odata.id') if isinstance(target, dict) else None
    return path if isinstance(path, str) else None


def last_word(path: str) -> str:
    """Give the last word of a path, by which people call the resource."""
    return path.rstrip('/').rpartition('/')[2]
