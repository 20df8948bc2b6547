# SPDX-License-Identifier: Apache-2.0

"""Registration in Keystone: the API's user, service and endpoints.

keystonemiddleware authenticates as the user to validate tokens. Ceilometer
and other clients find the API by its endpoints.
"""

import collections.abc
import getpass
import os
import sys
import typing
import urllib.parse

from keystoneauth1 import exceptions as keystone_exceptions
import openstack
from openstack import connection
from openstack import exceptions as sdk_exceptions

from energy_meter import exception
from energy_meter.clients import api

SERVICE_NAME = 'energy_meter'
SERVICE_DESCRIPTION = 'Power and energy of wattmeters'

#: Permits validating tokens in Keystone, and reading the API.
ROLE = 'service'

#: Environment variable with the password of a new user.
PASSWORD_VARIABLE = 'ENERGY_METER_PASSWORD'  # noqa: S105

INTERFACES = ('public', 'internal', 'admin')

_TIMEOUT_S = 30.0
_ERRORS = (keystone_exceptions.ClientException, sdk_exceptions.SDKException)


class ServiceUser(typing.NamedTuple):
    """The user as which a service authenticates.

    :ivar user: name of the user.
    :ivar project: name of the project in which the user has its role.
    :ivar domain_id: id of the domain of user and project.
    """

    user: str = 'energy_meter'
    project: str = 'service'
    domain_id: str = 'default'


DEFAULT_SERVICE_USER = ServiceUser()


def connect(cloud: str | None = None) -> connection.Connection:
    """Return a connection with the credentials of OS_* or clouds.yaml.

    :param cloud: name of an entry of clouds.yaml; by default OS_CLOUD.
    :raises CloudLoginFailed: if the credentials are missing or incomplete.
    """
    try:
        return openstack.connect(cloud=cloud, api_timeout=_TIMEOUT_S)
    except _ERRORS as error:
        raise exception.CloudLoginFailed(reason=error)


def read_password() -> str:
    """Return the password for a new user.

    It is read from the environment, or else from the terminal. It is not an
    argument, because all users of a machine can see arguments of commands.

    :raises RegistrationFailed: if there is none, or its repetition differs.
    """
    password = os.environ.get(PASSWORD_VARIABLE)
    if password:
        return password
    if not sys.stdin.isatty():
        raise exception.RegistrationFailed(
            reason=f'set {PASSWORD_VARIABLE} to the password of the new user'
        )
    password = getpass.getpass('Password of the new user: ')
    if password != getpass.getpass('Repeat the password: '):
        raise exception.RegistrationFailed(reason='the passwords differ')
    return password


def register(
    cloud: connection.Connection,
    urls: collections.abc.Mapping[str, str],
    region: str | None = None,
    service_user: ServiceUser = DEFAULT_SERVICE_USER,
    password: collections.abc.Callable[[], str] = read_password,
    report: collections.abc.Callable[[str], object] = print,
) -> None:
    """Register the API in Keystone.

    Existing records are not changed, not even the user's password, except for
    the URLs of endpoints. A second run changes nothing.

    :param cloud: connection of an administrator.
    :param urls: URL of the API by interface, see :data:`INTERFACES`.
    :param region: region of the endpoints; by default that of the cloud, or
        the only region.
    :param service_user: the user as which the API authenticates.
    :param password: returns the password if that user must be created.
    :param report: called with a line for each record that exists, was
        created or was changed.
    :raises RegistrationFailed: if Keystone is unavailable or rejects a
        request, the region is unknown, or a URL is invalid.
    """
    for url in urls.values():
        _check_url(url)
    try:
        region = _choose_region(cloud, region)
        registry = _Registry(cloud.identity, report)
        registry.ensure_user(service_user, password)
        registry.ensure_endpoints(urls, region)
    except _ERRORS as error:
        raise exception.RegistrationFailed(reason=error)


def _check_url(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise exception.RegistrationFailed(
            reason=f'"{url}" is not a URL such as http://controller:8878'
        )


def _choose_region(cloud: typing.Any, region: str | None) -> str:
    regions = [str(record.id) for record in cloud.identity.regions()]
    chosen = str(region or cloud.config.region_name or '')
    if not chosen and len(regions) == 1:
        return regions[0]
    if chosen not in regions:
        raise exception.RegistrationFailed(
            reason=f'region "{chosen}" not found: expected one of '
            f'{", ".join(regions)}'
        )
    return chosen


class _Registry:
    """Keystone's records, created if they are missing.

    :param identity: openstacksdk's proxy of the identity API, version 3.
    :param report: called with a line for each record.
    """

    def __init__(
        self,
        identity: typing.Any,
        report: collections.abc.Callable[[str], object],
    ) -> None:
        self._identity = identity
        self._report = report

    def ensure_user(
        self,
        service_user: ServiceUser,
        password: collections.abc.Callable[[], str],
    ) -> None:
        """Create the user, its project and its role."""
        identity = self._identity
        domain = {'domain_id': service_user.domain_id}
        role = self._ensure(
            f'role {ROLE}',
            identity.roles(name=ROLE),
            lambda: identity.create_role(name=ROLE),
        )
        project = self._ensure(
            f'project {service_user.project}',
            identity.projects(name=service_user.project, **domain),
            lambda: identity.create_project(
                name=service_user.project, **domain
            ),
        )
        user = self._ensure(
            f'user {service_user.user}',
            identity.users(name=service_user.user, **domain),
            lambda: self._create_user(
                name=service_user.user,
                password=password(),
                default_project_id=project.id,
                **domain,
            ),
        )
        title = (
            f'role {ROLE} of user {service_user.user} in '
            f'{service_user.project}'
        )
        if identity.validate_user_has_project_role(project, user, role):
            self._report(f'found {title}')
            return
        identity.assign_project_role_to_user(project, user, role)
        self._report(f'created {title}')

    def _create_user(self, **user: str) -> typing.Any:
        # identity.create_user() would log the password at level DEBUG.
        response = self._identity.post(
            '/users', json={'user': user}, log=False
        )
        sdk_exceptions.raise_from_response(response)
        return self._identity.get_user(response.json()['user']['id'])

    def ensure_endpoints(
        self, urls: collections.abc.Mapping[str, str], region: str
    ) -> None:
        """Create the service and its endpoints, and update their URLs."""
        identity = self._identity
        names = {'type': api.SERVICE_TYPE, 'name': SERVICE_NAME}
        service = self._ensure(
            f'service {SERVICE_NAME} of type {api.SERVICE_TYPE}',
            identity.services(**names),
            lambda: identity.create_service(
                description=SERVICE_DESCRIPTION, **names
            ),
        )
        for interface, url in urls.items():
            self._ensure_endpoint(
                url,
                service_id=service.id,
                interface=interface,
                region_id=region,
            )

    def _ensure_endpoint(self, url: str, **key: str) -> None:
        title = f'{key["interface"]} endpoint in {key["region_id"]}'
        endpoint = self._ensure(
            title,
            self._identity.endpoints(**key),
            lambda: self._identity.create_endpoint(url=url, **key),
        )
        old_url = endpoint.url
        if old_url != url:
            self._identity.update_endpoint(endpoint, url=url)
            self._report(f'changed {title} from {old_url} to {url}')

    def _ensure(
        self,
        title: str,
        existing: collections.abc.Iterable[typing.Any],
        create: collections.abc.Callable[[], typing.Any],
    ) -> typing.Any:
        """Return the first existing record, or a new one."""
        for record in existing:
            self._report(f'found {title}')
            return record
        record = create()
        self._report(f'created {title}')
        return record
