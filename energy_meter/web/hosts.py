# SPDX-License-Identifier: Apache-2.0

"""Names by which clients may address a service without authentication.

The page of a stranger runs in browsers that can connect to the service. If the
stranger's DNS server resolves the name of the page to the address of the
service (DNS rebinding), the page can read the service. Its requests have the
stranger's name in the header Host. Addresses in this header are harmless.
"""

import collections.abc
import ipaddress
import re
import socket
import typing
from wsgiref import types

from oslo_config import cfg
from wsme import exc as wsme_exc

_HOST = re.compile(r'(?P<name>\[[0-9a-f:.]+\]|[^][:@/]+?)\.?(?::[0-9]*)?')


class AllowedHosts:
    """Middleware that rejects requests for other hosts.

    :param rejected: the application for these requests.
    :param conf: the configuration.
    :param section: the section with ``allowed_hosts`` and ``bind_host``.
    """

    def __init__(
        self,
        application: types.WSGIApplication,
        rejected: types.WSGIApplication,
        conf: cfg.ConfigOpts,
        section: str,
    ) -> None:
        self._application = application
        self._rejected = rejected
        names = (
            'localhost',
            conf[section].bind_host,
            socket.gethostname(),
            socket.getfqdn(),
            *conf[section].allowed_hosts,
        )
        self._names = frozenset(name.lower() for name in names)

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: types.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        # Only programs omit the header.
        host = environ.get('HTTP_HOST')
        application = (
            self._application
            if host is None or self._is_allowed(host)
            else self._rejected
        )
        return application(environ, start_response)

    def _is_allowed(self, host: str) -> bool:
        match = _HOST.fullmatch(host.lower())
        if match is None:
            return False
        name = match['name']
        return name in self._names or _is_address(name.strip('[]'))


def misdirected(
    _environ: types.WSGIEnvironment, _start_response: types.StartResponse
) -> typing.NoReturn:
    """Reject a request.

    :raises wsme.exc.ClientSideError: always.
    """
    raise wsme_exc.ClientSideError(
        'This service does not have the requested host name. If it should, '
        'add the name to allowed_hosts.',
        421,
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
