# SPDX-License-Identifier: Apache-2.0


"""Pecan, for URLs whose segments may be anything."""

import collections.abc
import typing

import pecan
from pecan import routing
import webob

from energy_meter.web import path

#: Where the header Accept is in the environment; empty if there is none.
ACCEPT = 'energy_meter.accept'

#: A controller, and the arguments that are in the path.
Found = tuple[collections.abc.Callable[..., typing.Any], list[str]]


class Router(pecan.Pecan):
    """Pecan, but with the segments that :mod:`energy_meter.web.path` found.

    Its own would take the slash in a probe's id for the end of a segment.
    """

    def __call__(
        self, environ: dict[str, typing.Any], start_response: typing.Any
    ) -> typing.Any:
        # The segments are the path, path.PARAMETERS has the parameters, and
        # controllers know what they answer: Pecan must not decode, refuse
        # and log what it need not even look at.
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

    def route(
        self, request: webob.Request, node: typing.Any, _path: str
    ) -> Found:
        segments = list(request.environ[path.SEGMENTS])
        return routing.lookup_controller(node, segments, request)
