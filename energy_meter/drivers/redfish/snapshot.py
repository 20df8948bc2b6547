# SPDX-License-Identifier: Apache-2.0

"""Resources of a Redfish service during one reading."""

from energy_meter import exception
from energy_meter.drivers.common import bounds
from energy_meter.drivers.redfish import service

#: Number of successive resources without an answer after which the whole
#: service is considered unreachable. With 1, a resource that hangs would cost
#: all probes that are read after it.
MAX_TIMEOUTS = 2


class Snapshot:
    """Resources of a service, each of which is fetched at most once.

    A resource that fails affects only those who need it. After a rejected
    login, or two successive resources without an answer, there are no more
    requests: each might lock the account, or cost another timeout.

    :param connected: the service.
    """

    def __init__(self, connected: service.Service) -> None:
        self._service = connected
        self._resources: dict[str, service.Resource] = {}
        self._errors: dict[str, exception.DriverError] = {}
        self._timeouts = 0
        self._received_before = connected.received
        self._fatal_error: exception.DriverError | None = None

    @property
    def name(self) -> str:
        """Name of the service in errors."""
        return self._service.name

    def get(self, path: str) -> service.Resource:
        """Return a resource.

        :raises DriverError: if its request failed, or requests ended before.
        """
        if path not in self._resources and path not in self._errors:
            if self._fatal_error is not None:
                raise self._fatal_error
            self._check_size()
            self._fetch(path)
        if path in self._errors:
            raise self._errors[path]
        return self._resources[path]

    def get_if_available(self, path: str) -> service.Resource | None:
        """Return a resource, or None if it alone failed.

        :raises DriverError: if requests ended.
        """
        try:
            return self.get(path)
        except exception.DriverError:
            if self._fatal_error is not None:
                raise
            return None

    def members(self, path: str) -> list[str]:
        """Return the paths of a collection's members, from all its pages.

        :raises ProtocolError: if the collection is invalid or too large.
            Without the rest of its members, probes might get the wrong ones.
        """
        paths: list[str] = []
        page: object = path
        for _ in range(bounds.MAX_PAGES):
            if not isinstance(page, str):
                raise self.error(f'{path} has a nextLink that is not a string')
            collection = self.get(page)
            members = collection.get('Members')
            if not isinstance(members, list):
                raise self.error(f'{page} has no Members')
            paths += [
                member['@odata.id']
                for member in members
                if isinstance(member, dict)
                and isinstance(member.get('@odata.id'), str)
            ]
            if len(paths) > bounds.MAX_MEMBERS:
                raise self.error(
                    f'{path} has more than {bounds.MAX_MEMBERS} members'
                )
            page = collection.get('Members@odata.nextLink')
            if page is None:
                return paths
        raise self.error(f'{path} has more than {bounds.MAX_PAGES} pages')

    def chassis(self) -> list[str]:
        """Return the paths of all chassis."""
        path = service.link(self.root(), 'Chassis')
        return [] if path is None else self.members(path)

    def root(self) -> service.Resource:
        """Return the service root."""
        return self._service.root()

    def error(self, reason: str) -> exception.ProtocolError:
        """Return an error that names the service."""
        return self._service.error(reason)

    def _check_size(self) -> None:
        size = self._service.received - self._received_before
        if size > bounds.MAX_REDFISH_BYTES:
            self._fatal_error = self.error(
                f'the resources have more than {bounds.MAX_REDFISH_BYTES} '
                'bytes'
            )
            raise self._fatal_error

    def _fetch(self, path: str) -> None:
        try:
            self._resources[path] = self._service.get(path)
        except exception.AuthenticationFailed as e:
            self._errors[path] = self._fatal_error = e
        except exception.DriverError as e:
            self._errors[path] = e
            if isinstance(e, exception.DeviceUnreachable) and not isinstance(
                e, service.ServerError
            ):
                self._timeouts += 1
                if self._timeouts == MAX_TIMEOUTS:
                    self._fatal_error = e
                return
        self._timeouts = 0
