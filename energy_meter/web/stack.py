# SPDX-License-Identifier: Apache-2.0


"""The middleware around the controllers of an application."""

import collections.abc
import typing

from oslo_config import cfg
from oslo_middleware import cors
from oslo_middleware import healthcheck
from oslo_middleware import http_proxy_to_wsgi
from oslo_middleware import request_id
from webob import exc

from energy_meter.web import errors
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
Doors = collections.abc.Mapping[tuple[str, ...], typing.Any]


def make(
    guarded: typing.Any, conf: cfg.ConfigOpts, doors: Doors, show: errors.Show
) -> typing.Any:
    """Make a WSGI application.

    :param guarded: the controllers, behind what lets people in.
    :param conf: the configuration; options of the middleware are registered
        with it.
    :param doors: what lets people in by itself, or everybody.
    :param show: gives errors their shape.
    """
    application: typing.Any = _Entrance(
        guarded,
        {**doors, ('healthcheck',): healthcheck.Healthcheck(guarded, conf)},
    )
    # From the inside to the outside.
    #
    # * Errors: around all that answers requests, tokens included.
    application = errors.Errors(application, show)
    # * What the client asked the proxy for: links and the source ranges of
    #   the health check depend on it.
    application = http_proxy_to_wsgi.HTTPProxyToWSGI(application, conf)
    # * Before tokens, because a browser asks without one whether it may
    #   ask; around errors, because scripts have to be able to read them.
    #   Only on demand, because it answers every OPTIONS.
    cors.set_defaults(**_CORS_DEFAULTS)
    conf.register_opts(cors.OPTS, 'cors')
    if conf.cors.allowed_origin:
        application = cors.CORS(application, conf)
    # * Every answer, and every line of the log, has a request id.
    application = request_id.RequestId(application, conf)
    # * Before anybody changes what the server says about the path.
    return path.Path(application)


class _Entrance:
    """Leads requests in: some paths have doors, the others are guarded.

    :param guarded: serves all paths that have no door.
    """

    def __init__(self, guarded: typing.Any, doors: Doors) -> None:
        self._guarded = guarded
        self._doors = doors

    def __call__(
        self, environ: dict[str, typing.Any], start_response: typing.Any
    ) -> typing.Any:
        if environ['REQUEST_METHOD'] not in _METHODS:
            refusal = exc.HTTPMethodNotAllowed(allow=_METHODS)
            return refusal(environ, start_response)
        application = self._doors.get(environ[path.SEGMENTS], self._guarded)
        return application(environ, start_response)
