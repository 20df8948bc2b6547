# SPDX-License-Identifier: Apache-2.0

"""HTTP basic authentication, for browsers and scrapers."""

from wsgiref import types

from oslo_middleware import basic_auth
from oslo_middleware import exceptions
import webob
from webob import exc
import webob.dec

from energy_meter import exception

#: Key of the environment with the name of the authenticated user.
USERNAME = 'energy_meter.username'

_CHALLENGE = {
    'WWW-Authenticate': 'Basic realm="energy_meter", charset="UTF-8"'
}


class BasicAuth:
    """Middleware that authenticates the users of an htpasswd file.

    oslo.middleware parses the file and the header. Its own middleware is not
    used, because its responses lack ``WWW-Authenticate``, so that browsers do
    not ask for a password, and because it reads a global configuration.

    :param file: the htpasswd file, as ``htpasswd -B`` creates it.
    :param section: the section of the option that names the file.
    :param option: the name of that option.
    :param fallback: the application for requests without credentials. By
        default these are rejected.
    :raises ConfigurationError: if the file cannot be used.
    """

    def __init__(
        self,
        application: types.WSGIApplication,
        file: str,
        section: str,
        option: str = 'htpasswd',
        fallback: types.WSGIApplication | None = None,
    ) -> None:
        self._application = application
        self._file = file
        self._fallback = fallback
        try:
            basic_auth.validate_auth_file(file)
        except (exceptions.ConfigInvalid, exc.HTTPException, ValueError):
            raise exception.ConfigurationError(
                file='configuration',
                section=section,
                option=option,
                reason=f'{file} is not readable, or has a password that is '
                'not a bcrypt hash: create it with htpasswd -B',
            )

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        if self._fallback and request.authorization is None:
            return request.get_response(self._fallback)
        try:
            username, password = basic_auth.parse_token(
                basic_auth.parse_header(request.environ)
            )
            basic_auth.authenticate(self._file, username, password)
        # bcrypt raises ValueError for passwords that are too long.
        except (exc.HTTPException, ValueError):
            return exc.HTTPUnauthorized(headers=_CHALLENGE)
        request.environ[USERNAME] = username
        return request.get_response(self._application)
