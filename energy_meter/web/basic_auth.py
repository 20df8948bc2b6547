# SPDX-License-Identifier: Apache-2.0


"""A name and a password, for browsers and scrapers."""

import typing

from oslo_middleware import basic_auth
from oslo_middleware import exceptions
import webob
from webob import exc
import webob.dec

from energy_meter import exception

#: Where the environment has the name of whoever was let in by a password.
NAME = 'energy_meter.name'


class BasicAuth:
    """Middleware: lets in those whom an htpasswd file names.

    oslo.middleware's own asks no browser for a password (its answer has no
    ``WWW-Authenticate``) and finds its file in a global configuration; how
    it reads the file and the header is used here.

    :param file: as ``htpasswd -B`` makes it.
    :param section: has the option that names the file.
    :param option: its name.
    :param otherwise: the application for requests without a name and a
        password, which are refused if there is none.
    :raises ConfigurationError: when the file can't be used.
    """

    def __init__(
        self,
        application: typing.Any,
        file: str,
        section: str,
        option: str = 'htpasswd',
        otherwise: typing.Any = None,
    ) -> None:
        self._application = application
        self._file = file
        self._otherwise = otherwise
        try:
            basic_auth.validate_auth_file(file)
        except (exceptions.ConfigInvalid, exc.HTTPException, ValueError):
            raise exception.ConfigurationError(
                file='configuration',
                section=section,
                option=option,
                reason=f'{file} can not be read, or has a password that is '
                'not bcrypt: make it with htpasswd -B',
            )

    @webob.dec.wsgify
    def __call__(self, request: webob.Request) -> webob.Response:
        if self._otherwise and request.authorization is None:
            return request.get_response(self._otherwise)
        try:
            name, password = basic_auth.parse_token(
                basic_auth.parse_header(request.environ)
            )
            basic_auth.authenticate(self._file, name, password)
        # bcrypt refuses long passwords with a ValueError.
        except (exc.HTTPException, ValueError):
            return exc.HTTPUnauthorized(
                headers={
                    'WWW-Authenticate': 'Basic realm="energy_meter", charset="UTF-8"'
                }
            )
        request.environ[NAME] = name
        return request.get_response(self._application)
