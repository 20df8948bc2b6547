# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""What is at which URL."""

import collections.abc
import typing

import pecan
from pecan import routing
import webob

from energy_meter.api import path
from energy_meter.api import probes
from energy_meter.api import versions

Found = tuple[collections.abc.Callable[..., typing.Any], list[str]]


class Root:
    """The controller of ``/``.

    It routes by itself, because a probe may have any name, that of a method
    included.
    """

    def __init__(self, readable: probes.Probes) -> None:
        self._probes = readable
        self._versions = versions.Versions()

    @pecan.expose()
    def _route(self, segments: list[str], _request: webob.Request) -> Found:
        """Give a controller, and the arguments that are in the path."""
        match segments:
            case []:
                return self._versions.index, []
            case ['v1']:
                return self._versions.show, []
            case ['v1', 'probe-ids']:
                return self._probes.list_ids, []
            case ['v1', 'probes']:
                return self._probes.list, []
            case ['v1', 'probes', probe]:
                return self._probes.show, [probe]
            case ['v1', 'probes', probe, meter] if probe:
                return self._probes.show_meter, [probe, meter]
        raise routing.PecanNotFound


class Router(pecan.Pecan):
    """Pecan, but with the segments that :mod:`energy_meter.api.path` found.

    Its own would take the slash in a probe's id for the end of a segment.
    """

    def __call__(self, environ: dict[str, typing.Any],
                 start_response: typing.Any) -> typing.Any:
        # The segments are the path, nothing takes parameters, and all answers
        # are JSON: Pecan must not decode, refuse and log what it need not
        # even look at.
        return super().__call__(
            {**environ, 'PATH_INFO': '/', 'QUERY_STRING': '',
             'HTTP_ACCEPT': '*/*'}, start_response)

    def route(self, request: webob.Request, node: Root, _path: str) -> Found:
        segments = list(request.environ[path.SEGMENTS])
        return routing.lookup_controller(node, segments, request)
