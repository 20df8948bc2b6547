# SPDX-License-Identifier: Apache-2.0

"""The middleware around the controllers of an application."""

import collections.abc
import typing
from wsgiref import types

from oslo_config import cfg
from oslo_middleware import cors
from oslo_middleware import healthcheck
from oslo_middleware import http_proxy_to_wsgi
from oslo_middleware import request_id
from webob import exc
from wsme import exc as wsme_exc

from energy_meter.web import errors
from energy_meter.web import hosts
from energy_meter.web import path

_METHODS = ('GET', 'HEAD')

_CORS_DEFAULTS = {
    'allow_methods': list(_METHODS),
    'allow_headers': [
        'X-Auth-Token',
        'If-None-Match',
        'X-OpenStack-Request-ID',
    ],
    'expose_headers': ['ETag', 'X-OpenStack-Request-ID'],
}

#: Applications by the segments of their path.
Applications = collections.abc.Mapping[tuple[str, ...], types.WSGIApplication]


def build(
    authenticated: types.WSGIApplication,
    conf: cfg.ConfigOpts,
    section: str,
    unguarded: Applications,
    render: errors.Render,
) -> types.WSGIApplication:
    """Return a WSGI application with all of its middleware.

    :param authenticated: the controllers, behind their authentication.
    :param conf: the configuration; the middleware registers its options in
        it.
    :param section: the section with ``auth_strategy`` and ``allowed_hosts``.
    :param unguarded: applications whose paths bypass that authentication;
        they have one of their own, or none.
    :param render: writes the body of error responses.
    """
    application: typing.Any = _Dispatcher(
        authenticated,
        {
            **unguarded,
            ('healthcheck',): healthcheck.Healthcheck(authenticated, conf),
        },
    )
    # From the innermost to the outermost:
    # * Error responses, also those of authentication.
    application = errors.Errors(application, render)
    # * The URL that the client requested from a proxy. Links and the source
    #   ranges of the health check depend on it.
    application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)
    # * Host names, before a header of the client changes them.
    if conf[section].auth_strategy == 'noauth':
        application = hosts.AllowedHosts(
            application,
            errors.Errors(hosts.misdirected, render),
            conf,
            section,
        )
    # * CORS: outside of authentication, because preflight requests carry no
    #   token, and outside of error responses, because scripts must be able to
    #   read these.
    application = _with_cors(application, conf)
    # * The request ID of every response and log line.
    application = request_id.RequestId(application, conf)
    # * The path, before other middleware changes the environment.
    return path.Path(application)


def _with_cors(application: typing.Any, conf: cfg.ConfigOpts) -> typing.Any:
    """Add CORS if it is configured, because it answers all OPTIONS."""
    cors.set_defaults(**_CORS_DEFAULTS)
    conf.register_opts(cors.OPTS, 'cors')
    if conf.cors.allowed_origin:
        return cors.CORS(application, conf)
    return application


class _Dispatcher:
    """Selects the application of a request by its path.

    :param authenticated: serves all paths that are not in ``unguarded``.
    """

    def __init__(
        self, authenticated: types.WSGIApplication, unguarded: Applications
    ) -> None:
        self._authenticated = authenticated
        self._unguarded = unguarded

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: types.StartResponse,
    ) -> collections.abc.Iterable[bytes]:
        if environ['REQUEST_METHOD'] not in _METHODS:
            return exc.HTTPMethodNotAllowed(allow=_METHODS)(
                environ, start_response
            )
        if _has_body(environ):
            # WSME would read it.
            raise wsme_exc.ClientSideError('Requests must not have a body.')
        application = self._unguarded.get(
            environ[path.SEGMENTS], self._authenticated
        )
        return application(environ, start_response)


def _has_body(environ: types.WSGIEnvironment) -> bool:
    return (
        environ.get('CONTENT_LENGTH', '') not in ('', '0')
        or 'HTTP_TRANSFER_ENCODING' in environ
    )
