# SPDX-License-Identifier: Apache-2.0

"""A client of the API, on a keystoneauth session.

The pollsters use it inside Ceilometer's daemon, so it believes nothing that
it is told: an answer in another shape than the API's is an error like one
that never came.
"""

import collections.abc
import typing
import urllib.parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import session as keystone_session
import requests

from energy_meter import exception

SERVICE_TYPE = 'energy'

#: Seconds to wait for a connection, and for each further part of an answer.
DEFAULT_TIMEOUT = 10.0

#: The first second of the year 10000, which datetime can't tell any more.
_END_OF_TIME = 253_402_300_800.0
_LARGEST = 1e18
_LONGEST_REASON = 500


class Probe(typing.NamedTuple):
    """One probe as the API shows it.

    :ivar timestamp: when it was measured, seconds since the epoch.
    :ivar kwh: energy since its first measurement; it never falls.
    :ivar watts: power at ``timestamp``; None where it isn't known.
    :ivar scope: what is measured: a node, an outlet, ...
    :ivar host: the machine whose power it is.
    :ivar wattmeter: name of the wattmeter that measures it.
    :ivar coverage: share of the time for which the energy is known, 0 to 1.
    :ivar project_id: the project that pays for it; None if there is none.
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
    """Reads one endpoint of the API.

    Every method raises:

    * :class:`energy_meter.exception.APIUnavailable` when there is no answer,
      or none in time;
    * :class:`energy_meter.exception.APIRefused` when the answer is a refusal;
    * :class:`energy_meter.exception.InvalidAnswer` when it makes no sense.

    :param session: logs in and carries the requests.
    :param endpoint_override: URL of the API, with or without ``/v1``; by
        default the one in Keystone's catalog.
    :param service_type: type of the service in the catalog.
    :param interface: public, internal or admin.
    :param region_name: region of the endpoint in the catalog.
    :param timeout: seconds to wait for a connection, and for each further
        part of an answer.
    """

    def __init__(
        self,
        session: keystone_session.Session,
        endpoint_override: str | None = None,
        service_type: str = SERVICE_TYPE,
        interface: str | None = None,
        region_name: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
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
        """Give the id of the API's current version, such as ``v1.0``."""
        url, body = self._get('')
        for found in _member(url, body, 'versions', list):
            if isinstance(found, dict) and found.get('status') == 'CURRENT':
                return str(_member(url, found, 'id', str))
        raise exception.InvalidAnswer(url=url, reason='no current version')

    def probe_ids(self) -> list[str]:
        """List the ids of the probes that are fresh."""
        url, body = self._get('v1/probe-ids/')
        ids = _member(url, body, 'probe_ids', list)
        if not all(isinstance(name, str) for name in ids):
            raise exception.InvalidAnswer(
                url=url, reason='"probe_ids" holds more than strings'
            )
        return list(ids)

    def probes(self) -> list[Probe]:
        """List the probes that are fresh."""
        url, body = self._get('v1/probes/')
        shown = _member(url, body, 'probes', dict)
        return [_probe(url, name, fields) for name, fields in shown.items()]

    def probe(self, name: str) -> Probe:
        """Give one probe.

        :raises energy_meter.exception.UnknownProbe: when there is none of
            this id, or it is not fresh.
        """
        quoted = urllib.parse.quote(name, safe='')
        try:
            url, body = self._get(f'v1/probes/{quoted}/')
        except _NotFound:
            raise exception.UnknownProbe(probe=name)
        return _probe(url, name, _member(url, body, name, dict))

    def _get(self, path: str) -> tuple[str, dict[str, typing.Any]]:
        """Give the URL of a path below the API's root, and its object."""
        url = self._root() + path
        try:
            response = self._adapter.get(
                url,
                timeout=self._timeout,
                raise_exc=False,
                headers={'Accept': 'application/json'},
            )
        except keystone_exceptions.ClientException as error:
            raise exception.APIUnavailable(url=url, reason=_line(error))
        _check_status(url, response)
        try:
            body = response.json()
        except (ValueError, RecursionError):
            raise exception.InvalidAnswer(url=url, reason='not JSON')
        if not isinstance(body, dict):
            raise exception.InvalidAnswer(url=url, reason='not an object')
        return url, body

    def _root(self) -> str:
        """Give the URL of the API's root, which ends with a slash."""
        try:
            endpoint = self._adapter.get_endpoint()
        except keystone_exceptions.ClientException as error:
            raise exception.APIUnavailable(url='Keystone', reason=_line(error))
        if endpoint is None:
            raise exception.APIUnavailable(
                url='Keystone',
                reason='its catalog has no endpoint of a '
                f'service of type {self._adapter.service_type}',
            )
        return root_url(endpoint)


class _NotFound(exception.APIRefused):
    """There is nothing at this URL."""


def root_url(endpoint: str) -> str:
    """Give the root of the API for an endpoint with or without ``/v1``.

    >>> root_url('http://controller:8878/v1')
    'http://controller:8878/'
    """
    return endpoint.rstrip('/').removesuffix('/v1').rstrip('/') + '/'


def _line(text: object) -> str:
    """Make one line of bounded length of somebody else's text."""
    return ' '.join(str(text)[:_LONGEST_REASON].split())


def _check_status(url: str, response: requests.Response) -> None:
    status = response.status_code
    if status < 400:
        return
    reason = f'{status} {_line(response.reason)}'
    if status >= 500:
        raise exception.APIUnavailable(url=url, reason=reason)
    if status == 404:
        raise _NotFound(url=url, reason=reason)
    raise exception.APIRefused(url=url, reason=reason + _message(response))


def _message(response: requests.Response) -> str:
    """Give what the API says of an error, if it is the API that answers."""
    try:
        return f': {_line(response.json()["error"]["message"])}'
    except (ValueError, RecursionError, LookupError, TypeError):
        return ''


def _member(
    url: str, body: dict[str, typing.Any], name: str, kind: type
) -> typing.Any:
    """Give a member of an object.

    :raises energy_meter.exception.InvalidAnswer: when there is none of this
        name, or it is of another type.
    """
    value = body.get(name)
    if not isinstance(value, kind):
        raise exception.InvalidAnswer(
            url=url, reason=f'"{_line(name)}" is missing or no {kind.__name__}'
        )
    return value


def _is_number(value: object) -> bool:
    # The comparison is false for NaN, too.
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) < _LARGEST
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != '' and value.isprintable()


_CHECKS: dict[str, collections.abc.Callable[[typing.Any], bool]] = {
    'timestamp': lambda t: _is_number(t) and 0 <= t < _END_OF_TIME,
    'kwh': _is_number,
    'w': lambda w: w is None or _is_number(w),
    'scope': _is_text,
    'host': _is_text,
    'wattmeter': _is_text,
    'coverage': _is_number,
    'project_id': lambda project: project is None or _is_text(project),
}


def _probe(url: str, name: str, fields: object) -> Probe:
    if not _is_text(name):
        raise exception.InvalidAnswer(
            url=url, reason=f'a probe is named {_line(repr(name))}'
        )
    if not isinstance(fields, dict):
        raise exception.InvalidAnswer(
            url=url, reason=f'probe "{_line(name)}" is no dict'
        )
    values: list[typing.Any] = [fields.get(field) for field in _CHECKS]
    for (field, is_valid), value in zip(_CHECKS.items(), values, strict=True):
        if not is_valid(value):
            raise exception.InvalidAnswer(
                url=url,
                reason=f'"{field}" of probe "{_line(name)}" is '
                f'{_line(repr(value))}',
            )
    return Probe(name, *values)
