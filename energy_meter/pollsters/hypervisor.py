# SPDX-License-Identifier: Apache-2.0

"""Power of hypervisors, as the meter that Watcher reads.

Watcher's datasource for Gnocchi (watcher.decision_engine.datasources.gnocchi)
reads it from the resource ``<host>_<host>``, where host is that of the compute
service.
"""

from ceilometer.polling import plugin_base
from oslo_config import cfg
from oslo_log import log

from energy_meter.clients import api
from energy_meter.pollsters import probe

LOG = log.getLogger(__name__)

_HOST = '{host}'
_NODE = 'node'

GROUP = 'energy_meter'

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'compute_host',
        help='Host of the compute service as Nova lists it, for example '
        '{host} or {host}.example.org. {host} is replaced with the host of '
        'each probe of scope node. If not set, the meter '
        'hardware.ipmi.node.power is not polled.',
    ),
]


class HypervisorPowerPollster(probe.PowerPollster):
    """Power of each host with a probe of scope node.

    Ceilometer does not load it unless the option ``compute_host`` is set.
    """

    meter = 'hardware.ipmi.node.power'

    def setup_environment(self) -> None:
        """Read the option.

        :raises ceilometer.polling.plugin_base.ExtensionLoadError: if it is
            not set, or is the same for all hosts.
        """
        self.conf.register_opts(OPTS, GROUP)
        pattern = self.conf[GROUP].compute_host
        if pattern is None:
            raise plugin_base.ExtensionLoadError('compute_host is not set')
        if _HOST not in pattern:
            # Ceilometer logs the exception at level DEBUG only.
            LOG.error(
                'Cannot poll %s: [%s] compute_host is %r, which lacks %s',
                self.meter,
                GROUP,
                pattern,
                _HOST,
            )
            raise plugin_base.ExtensionLoadError('compute_host is invalid')
        self._pattern: str = pattern

    def volume(self, probe: api.Probe) -> float | None:
        """Return the power; None if the probe is not of scope node."""
        return probe.watts if probe.scope == _NODE else None

    def resource_id(self, probe: api.Probe) -> str:
        """Return the id by which Watcher reads the meter."""
        name = self._pattern.replace(_HOST, probe.host)
        return f'{name}_{name}'
