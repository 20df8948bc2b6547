# SPDX-License-Identifier: Apache-2.0

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
