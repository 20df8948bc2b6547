# SPDX-License-Identifier: Apache-2.0

"""Routes of the API."""

import pecan
import webob

from energy_meter.api import energy
from energy_meter.api import instances
from energy_meter.api import metrics
from energy_meter.api import month_metrics
from energy_meter.api import probes
from energy_meter.api import versions
from energy_meter.web import router


class Root:
    """Controller of ``/``.

    It has a routing method instead of Pecan's object dispatch, because the
    id of a probe can equal the name of a method.
    """

    def __init__(
        self,
        probe_controller: probes.Probes,
        metrics_controller: metrics.Metrics,
        month_controller: month_metrics.MonthMetrics,
        energy_controller: energy.Energy,
        attributed_controllers: instances.Controllers,
    ) -> None:
        self._probes = probe_controller
        self._metrics = metrics_controller
        self._month = month_controller
        self._energy = energy_controller
        self._attributed = attributed_controllers
        self._versions = versions.Versions()

    @pecan.expose()
    def _route(
        self, segments: list[str], _request: webob.Request
    ) -> router.Route:
        """Return the controller of a path, and its arguments.

        :raises pecan.routing.PecanNotFound: if the path has no controller.
        """
        match segments:
            case []:
                return self._versions.index, []
            case ['v1']:
                return self._versions.show, []
            case ['metrics'] | ['metrics', 'energy']:
                controller = self._month if segments[1:] else self._metrics
                return controller.show, []
            case ['v1', 'probe-ids']:
                return self._probes.list_ids, []
            case ['v1', 'probes']:
                return self._probes.list, []
            case ['v1', 'probes', probe]:
                return self._probes.show, [probe]
            case ['v1', 'energy']:
                return self._energy.list, []
            case ['v1', 'probes', probe, 'energy'] if probe:
                return self._energy.show, [probe]
            case ['v1', 'probes', probe, meter] if probe:
                return self._probes.show_meter, [probe, meter]
        return self._attributed.route(segments)
