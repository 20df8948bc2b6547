# SPDX-License-Identifier: Apache-2.0

"""Sessions of the HTTP client: authentication, certificates, redirects."""

import collections.abc
import http.cookiejar
import typing

import requests
import requests.auth
import urllib3

from energy_meter.drivers.common import http as http_options
from energy_meter.drivers.common import http_connection

#: Reads the body of a response.
ReadBody = collections.abc.Callable[[requests.Response], bytes]


class _Session(requests.Session):
    """Session that leaves redirects to the client."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # Even with allow_redirects=False, requests prepares the next request,
        # for which it reads the whole body of the response.
        return None


class _DigestAuth(requests.auth.HTTPDigestAuth):
    """Digest authentication that reads a limited part of a rejection.

    :param read_body: function that reads the body of a response.
    """

    def __init__(
        self,
        user: str,
        password: str,
        read_body: ReadBody,
    ) -> None:
        super().__init__(user, password)
        self._read_body = read_body

    def handle_401(
        self, r: requests.Response, **kwargs: typing.Any
    ) -> requests.Response:
        if r.status_code == 401:
            # The base class would read and decompress all of it.
            r._content = self._read_body(r)
        return super().handle_401(r, **kwargs)


def make_session(
    transport: http_connection.Transport,
    options: typing.Any,
    authentication: str,
    read_body: ReadBody,
) -> requests.Session:
    """Return a session that ignores the environment, and keeps no cookies.

    :param options: values of :data:`.http.OPTS`, as attributes.
    :param authentication: ``basic``, ``digest`` or ``none``.
    :raises DriverError: if the CA file cannot be read.
    """
    session = _Session()
    session.trust_env = False
    session.verify = http_options.verification(options)
    if not options.verify:
        # A warning for each driver on standard error would mix with the
        # output of commands; the operator has chosen this.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    session.headers['Accept-Encoding'] = 'identity'
    session.cookies.set_policy(
        http.cookiejar.DefaultCookiePolicy(allowed_domains=[])
    )
    for scheme in ('http://', 'https://'):
        session.mount(scheme, http_connection.Adapter(transport))
    if options.username and authentication == 'digest':
        session.auth = _DigestAuth(
            options.username, options.password, read_body
        )
    elif options.username and authentication == 'basic':
        session.auth = requests.auth.HTTPBasicAuth(
            options.username, options.password
        )
    return session
