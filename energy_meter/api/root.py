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

import pecan
from pecan import routing
import webob

from energy_meter.api import metrics
from energy_meter.api import probes
from energy_meter.api import versions
from energy_meter.web import router


class Root:
    """The controller of ``/``.

    It routes by itself, because a probe may have any name, that of a method
    included.
    """

    def __init__(
        self, readable: probes.Probes, scraped: metrics.Metrics
    ) -> None:
        self._probes = readable
        self._metrics = scraped
        self._versions = versions.Versions()

    @pecan.expose()
    def _route(
        self, segments: list[str], _request: webob.Request
    ) -> router.Found:
        """Give a controller, and the arguments that are in the path."""
        match segments:
            case []:
                return self._versions.index, []
            case ['v1']:
                return self._versions.show, []
            case ['metrics']:
                return self._metrics.show, []
            case ['v1', 'probe-ids']:
                return self._probes.list_ids, []
            case ['v1', 'probes']:
                return self._probes.list, []
            case ['v1', 'probes', probe]:
                return self._probes.show, [probe]
            case ['v1', 'probes', probe, meter] if probe:
                return self._probes.show_meter, [probe, meter]
        raise routing.PecanNotFound
