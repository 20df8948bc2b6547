# SPDX-License-Identifier: Apache-2.0

"""Pecan, for URLs whose segments can contain any character."""

import collections.abc
import typing
from wsgiref import types

import pecan
from pecan import routing
import webob
from webob import exc

from energy_meter.web import path

#: Key of the environment with the header Accept; empty if there is none.
ACCEPT = 'energy_meter.accept'

#: A controller, and its arguments from the path.
Route = tuple[collections.abc.Callable[..., typing.Any], list[str]]


class _Root(typing.Protocol):
    """The controller of ``/``, which selects all others."""

    def _route(self, segments: list[str], request: webob.Request) -> Route: ...


class Router(pecan.Pecan):
    """Pecan with the path segments of :mod:`energy_meter.web.path`.

    Pecan itself would split a probe id at its slash.
    """

    def __call__(
        self,
        environ: types.WSGIEnvironment,
        start_response: types.StartResponse,
    ) -> typing.Any:
        # Pecan must not decode, reject and log a path, parameters and media
        # types that it need not interpret: path.SEGMENTS and path.PARAMETERS
        # have the former two, and controllers choose their media type.
        return super().__call__(
            {
                **environ,
                'PATH_INFO': '/',
                'QUERY_STRING': '',
                'HTTP_ACCEPT': '*/*',
                ACCEPT: environ.get('HTTP_ACCEPT', ''),
            },
            start_response,
        )

    def route(self, request: webob.Request, node: _Root, _path: str) -> Route:
        """Return the controller of a request, and its arguments.

        Pecan would inspect the signature of the root at each request.
        """
        segments = list(request.environ[path.SEGMENTS])
        try:
            return node._route(segments, request)
        except routing.PecanNotFound:
            raise exc.HTTPNotFound() from None

    def _handle_empty_response_body(self, state: typing.Any) -> None:
        """Do not look whether a response of status 200 is empty: none is.

        Pecan would read all of a stream for it, before it is sent.
        """
        if state.response.status_int != 200:
            super()._handle_empty_response_body(state)
