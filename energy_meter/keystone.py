# SPDX-License-Identifier: Apache-2.0

"""Registration in Keystone: the API's user, service and endpoints.

The user is whom the API's keystonemiddleware logs in as, to have tokens
validated. The endpoints are how Ceilometer and other clients find the API.
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

from energy_meter import client
from energy_meter import exception

SERVICE_NAME = 'energy_meter'
SERVICE_DESCRIPTION = 'Power and energy of wattmeters'

#: Keystone lets this role validate tokens, and the API lets it read.
ROLE = 'service'

#: Holds the password of a user that is to be created.
PASSWORD_VARIABLE = 'ENERGY_METER_PASSWORD'  # noqa: S105

INTERFACES = ('public', 'internal', 'admin')

_TIMEOUT = 30.0
_ERRORS = (keystone_exceptions.ClientException, sdk_exceptions.SDKException)


class Account(typing.NamedTuple):
    """A user of a service.

    :ivar user: its name.
    :ivar project: name of the project in which it has its role.
    :ivar domain_id: domain of both.
    """

    user: str = 'energy_meter'
    project: str = 'service'
    domain_id: str = 'default'


DEFAULT_ACCOUNT = Account()


def connect(cloud: str | None = None) -> connection.Connection:
    """Log in as the OS_* variables or clouds.yaml say.

    :param cloud: name of an entry of clouds.yaml; by default OS_CLOUD.
    :raises LoginFailed: when they don't say enough.
    """
    try:
        return openstack.connect(cloud=cloud, api_timeout=_TIMEOUT)
    except _ERRORS as error:
        raise exception.LoginFailed(reason=error)


def read_password() -> str:
    """Give the password for a new user.

    From the environment, else from the terminal: arguments of a command can
    be seen by everybody on the machine.

    :raises RegistrationFailed: when there is none, or it was typed wrongly.
    """
    password = os.environ.get(PASSWORD_VARIABLE)
    if password:
        return password
    if not sys.stdin.isatty():
        raise exception.RegistrationFailed(
            reason=f'{PASSWORD_VARIABLE} must hold the password of the user '
            'that is to be created'
        )
    password = getpass.getpass('Password of the new user: ')
    if password != getpass.getpass('Once more: '):
        raise exception.RegistrationFailed(reason='the passwords differ')
    return password


def register(
    cloud: connection.Connection,
    urls: collections.abc.Mapping[str, str],
    region: str | None = None,
    account: Account = DEFAULT_ACCOUNT,
    password: collections.abc.Callable[[], str] = read_password,
    say: collections.abc.Callable[[str], object] = print,
) -> None:
    """Make sure that Keystone knows the API, and tell what was done.

    What is there already is left as it is, the user's password included,
    except that endpoints get their new URLs. A second run changes nothing.

    :param cloud: an administrator's.
    :param urls: URL of the API by interface, of :data:`INTERFACES`.
    :param region: region of the endpoints; by default the cloud's, or the
        only one that there is.
    :param account: whom the API logs in as.
    :param password: called when that user must be created.
    :param say: takes one line for each thing that was found or made.
    :raises RegistrationFailed: when Keystone is away or refuses, the region
        is unknown, or a URL is none.
    """
    for url in urls.values():
        _check_url(url)
    try:
        region = _choose_region(cloud, region)
        registry = _Registry(cloud.identity, say)
        registry.ensure_user(account, password)
        registry.ensure_endpoints(urls, region)
    except _ERRORS as error:
        raise exception.RegistrationFailed(reason=error)


def _check_url(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ('http', 'https') or not parts.hostname:
        raise exception.RegistrationFailed(
            reason=f'"{url}" is no URL such as http://controller:8878'
        )


def _choose_region(cloud: typing.Any, region: str | None) -> str:
    known = [found.id for found in cloud.identity.regions()]
    wanted = region or cloud.config.region_name
    if not wanted and len(known) == 1:
        return str(known[0])
    if wanted not in known:
        raise exception.RegistrationFailed(
            reason=f'the region must be one of {", ".join(known)}, not '
            f'"{wanted or ""}"'
        )
    return str(wanted)


class _Registry:
    """Keystone's records, which are made where they are missing.

    :param identity: openstacksdk's proxy of the identity API, version 3.
    :param say: takes one line for each thing that was found or made.
    """

    def __init__(
        self,
        identity: typing.Any,
        say: collections.abc.Callable[[str], object],
    ) -> None:
        self._identity = identity
        self._say = say

    def ensure_user(
        self, account: Account, password: collections.abc.Callable[[], str]
    ) -> None:
        identity = self._identity
        domain = {'domain_id': account.domain_id}
        role = self._ensure(
            f'role {ROLE}',
            identity.roles(name=ROLE),
            lambda: identity.create_role(name=ROLE),
        )
        project = self._ensure(
            f'project {account.project}',
            identity.projects(name=account.project, **domain),
            lambda: identity.create_project(name=account.project, **domain),
        )
        user = self._ensure(
            f'user {account.user}',
            identity.users(name=account.user, **domain),
            lambda: self._create_user(
                name=account.user,
                password=password(),
                default_project_id=project.id,
                **domain,
            ),
        )
        what = f'role {ROLE} of user {account.user} in {account.project}'
        if identity.validate_user_has_project_role(project, user, role):
            self._say(f'found {what}')
            return
        identity.assign_project_role_to_user(project, user, role)
        self._say(f'created {what}')

    def _create_user(self, **user: str) -> typing.Any:
        # identity.create_user() writes the password into the debug log.
        answer = self._identity.post('/users', json={'user': user}, log=False)
        sdk_exceptions.raise_from_response(answer)
        return self._identity.get_user(answer.json()['user']['id'])

    def ensure_endpoints(
        self, urls: collections.abc.Mapping[str, str], region: str
    ) -> None:
        identity = self._identity
        names = {'type': client.SERVICE_TYPE, 'name': SERVICE_NAME}
        service = self._ensure(
            f'service {SERVICE_NAME} of type {client.SERVICE_TYPE}',
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

    def _ensure_endpoint(self, url: str, **where: str) -> None:
        what = f'{where["interface"]} endpoint in {where["region_id"]}'
        endpoint = self._ensure(
            what,
            self._identity.endpoints(**where),
            lambda: self._identity.create_endpoint(url=url, **where),
        )
        old = endpoint.url
        if old != url:
            self._identity.update_endpoint(endpoint, url=url)
            self._say(f'changed {what} from {old} to {url}')

    def _ensure(
        self,
        what: str,
        found: collections.abc.Iterable[typing.Any],
        create: collections.abc.Callable[[], typing.Any],
    ) -> typing.Any:
        """Give the first that was found, else a new one."""
        for thing in found:
            self._say(f'found {what}')
            return thing
        thing = create()
        self._say(f'created {what}')
        return thing
