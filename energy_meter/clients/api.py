# SPDX-License-Identifier: Apache-2.0

"""Client of the API, on a keystoneauth session.

The pollsters run it inside Ceilometer's daemon, so it validates every
response. An invalid response raises an error, like a missing one.
"""

import collections.abc
import typing
import urllib.parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import session as keystone_session
import requests

from energy_meter import exception
from energy_meter.clients import responses
from energy_meter.clients import usage
from energy_meter.clients import validation

SERVICE_TYPE = 'energy'

#: For connecting, and for each read of a response.
DEFAULT_TIMEOUT_S = 10.0

#: The start of the year 10000, which datetime cannot represent.
_END_OF_TIME_S = 253_402_300_800.0


#: What the API reports by default.
_CURRENT_MONTH = usage.Query()


class Probe(typing.NamedTuple):
    """One probe as the API reports it.

    :ivar timestamp: time of the measurement, in seconds since the epoch.
    :ivar kwh: energy since the first measurement; it never decreases.
    :ivar watts: power at ``timestamp``; None if it is unknown.
    :ivar scope: the part of the system that is measured: node, outlet, ...
    :ivar host: the machine that consumes the power.
    :ivar wattmeter: name of the wattmeter that measures the probe.
    :ivar coverage: share of the time for which the energy is known, from
        0 to 1.
    :ivar project_id: the project that pays for the energy; None if there is
        none.
    """

    id: str
    timestamp: float
    kwh: float
    watts: float | None
    scope: str
    host: str
    wattmeter: str
    coverage: float
    project_id: str | None


class Client:
    """Client of one endpoint of the API.

    Every method raises:

    * :class:`energy_meter.exception.APIUnavailable` if there is no response
      within the timeout;
    * :class:`energy_meter.exception.APIRequestRejected` if the status of the
      response is 4xx;
    * :class:`energy_meter.exception.InvalidResponse` if the response is not
      one of this API.

    :param session: authenticates and sends the requests.
    :param endpoint_override: URL of the API, with or without ``/v1``; by
        default the one in Keystone's catalog.
    :param service_type: type of the service in the catalog.
    :param interface: public, internal or admin.
    :param region_name: region of the endpoint in the catalog.
    :param timeout: in seconds, for connecting and for each read of a
        response.
    """

    def __init__(
        self,
        session: keystone_session.Session,
        endpoint_override: str | None = None,
        service_type: str = SERVICE_TYPE,
        interface: str | None = None,
        region_name: str | None = None,
        timeout: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        self._adapter = adapter.Adapter(
            session,
            service_type=service_type,
            interface=interface,
            region_name=region_name,
            endpoint_override=endpoint_override,
            client_name='energy_meter',
        )
        self._timeout = timeout

    def version(self) -> str:
        """Return the id of the API's current version, such as ``v1.0``."""
        url, body = self.get('')
        for version in validation.member(url, body, 'versions', list):
            if (
                isinstance(version, dict)
                and version.get('status') == 'CURRENT'
            ):
                return str(validation.member(url, version, 'id', str))
        raise exception.InvalidResponse(url=url, reason='no current version')

    def probe_ids(self) -> list[str]:
        """Return the ids of all probes."""
        url, body = self.get('v1/probe-ids/')
        ids = validation.member(url, body, 'probe_ids', list)
        if not all(isinstance(name, str) for name in ids):
            raise exception.InvalidResponse(
                url=url, reason='"probe_ids" has members that are not strings'
            )
        return list(ids)

    def probes(self) -> list[Probe]:
        """Return all probes."""
        url, body = self.get('v1/probes/')
        probes = validation.member(url, body, 'probes', dict)
        return [_probe(url, name, fields) for name, fields in probes.items()]

    def probe(self, name: str) -> Probe:
        """Return one probe.

        :raises energy_meter.exception.ProbeNotFound: if there is no probe
            with this id, or it has not been updated recently.
        """
        quoted = urllib.parse.quote(name, safe='')
        try:
            url, body = self.get(f'v1/probes/{quoted}/')
        except NotFound:
            raise exception.ProbeNotFound(probe=name)
        return _probe(url, name, validation.member(url, body, name, dict))

    def energy(
        self, probe: str, query: usage.Query = _CURRENT_MONTH
    ) -> collections.abc.Iterator[usage.Page]:
        """Yield the energy of one probe, in pages that are requested late.

        :raises energy_meter.exception.ProbeNotFound: if there is no probe
            with this id.
        """
        quoted = urllib.parse.quote(probe, safe='')
        try:
            yield from responses.pages(
                self.get,
                f'v1/probes/{quoted}/energy',
                query.parameters(),
                usage.page,
            )
        except NotFound:
            raise exception.ProbeNotFound(probe=probe)

    def energies(
        self, query: usage.Query = _CURRENT_MONTH, **filters: str
    ) -> collections.abc.Iterator[usage.Page]:
        """Yield the energy of many probes, in pages that are requested late.

        :param filters: the ``host``, ``scope`` and ``project`` of the probes.
        """
        return responses.pages(
            self.get, 'v1/energy', query.parameters() | filters, usage.page
        )

    def get(self, path: str) -> tuple[str, responses.Body]:
        """Return the URL of a path below the root, and its JSON object.

        :raises NotFound: if the API has no resource there.
        """
        url = self._root() + path
        try:
            response = self._adapter.get(
                url,
                timeout=self._timeout,
                raise_exc=False,
                headers={'Accept': 'application/json'},
            )
        except keystone_exceptions.ClientException as error:
            raise exception.APIUnavailable(
                url=url, reason=validation.one_line(error)
            )
        _check_status(url, response)
        try:
            body = response.json()
        except (ValueError, RecursionError):
            raise exception.InvalidResponse(url=url, reason='not JSON')
        if not isinstance(body, dict):
            raise exception.InvalidResponse(url=url, reason='not an object')
        return url, body

    def _root(self) -> str:
        """Return the URL of the API's root, with a trailing slash."""
        try:
            endpoint = self._adapter.get_endpoint()
        except keystone_exceptions.ClientException as error:
            raise exception.APIUnavailable(
                url='Keystone', reason=validation.one_line(error)
            )
        if endpoint is None:
            raise exception.APIUnavailable(
                url='Keystone',
                reason='the catalog has no endpoint of service type '
                f'{self._adapter.service_type}',
            )
        return root_url(endpoint)


class NotFound(exception.APIRequestRejected):
    """The API has no resource at this URL."""


def root_url(endpoint: str) -> str:
    """Return the root of the API for an endpoint with or without ``/v1``.

    >>> root_url('http://controller:8878/v1')
    'http://controller:8878/'
    """
    return endpoint.rstrip('/').removesuffix('/v1').rstrip('/') + '/'


def _check_status(url: str, response: requests.Response) -> None:
    status = response.status_code
    if status < 400:
        return
    reason = f'{status} {validation.one_line(response.reason)}'
    if status >= 500:
        raise exception.APIUnavailable(url=url, reason=reason)
    if status == 404:
        raise NotFound(url=url, reason=reason)
    raise exception.APIRequestRejected(
        url=url, reason=reason + _message(response)
    )


def _message(response: requests.Response) -> str:
    """Return the message of the API's error body, if there is one."""
    try:
        return f': {validation.one_line(response.json()["error"]["message"])}'
    except (ValueError, RecursionError, LookupError, TypeError):
        return ''


_CHECKS: dict[str, collections.abc.Callable[[typing.Any], bool]] = {
    'timestamp': lambda timestamp: (
        validation.is_number(timestamp) and 0 <= timestamp < _END_OF_TIME_S
    ),
    'kwh': validation.is_number,
    'w': lambda watts: watts is None or validation.is_number(watts),
    'scope': validation.is_text,
    'host': validation.is_text,
    'wattmeter': validation.is_text,
    'coverage': validation.is_number,
    'project_id': lambda project: (
        project is None or validation.is_text(project)
    ),
}


def _probe(url: str, name: str, fields: object) -> Probe:
    if not validation.is_text(name):
        raise exception.InvalidResponse(
            url=url,
            reason=f'invalid probe id {validation.one_line(repr(name))}',
        )
    if not isinstance(fields, dict):
        raise exception.InvalidResponse(
            url=url,
            reason=f'probe "{validation.one_line(name)}" is not an object',
        )
    values: list[typing.Any] = [fields.get(field) for field in _CHECKS]
    for (field, is_valid), value in zip(_CHECKS.items(), values, strict=True):
        if not is_valid(value):
            raise exception.InvalidResponse(
                url=url,
                reason=f'invalid "{field}" of probe '
                f'"{validation.one_line(name)}": '
                f'{validation.one_line(repr(value))}',
            )
    return Probe(name, *values)
