# SPDX-License-Identifier: Apache-2.0

"""The power of hypervisors, where Watcher looks for it.

Watcher's datasource for Gnocchi (watcher.decision_engine.datasources.gnocchi)
reads this meter of the resource whose id is the name of the compute service's
host, twice, with an underscore in between.
"""

from ceilometer.polling import plugin_base
from oslo_config import cfg
from oslo_log import log

from energy_meter import client
from energy_meter.pollsters import probe

LOG = log.getLogger(__name__)

_HOST = '{host}'
_NODE = 'node'

GROUP = 'energy_meter'

OPTS: list[cfg.Opt] = [
    cfg.StrOpt(
        'compute_host',
        help="Name of the host in the list of Nova's services; {host} "
        'stands for the host of a probe of scope node. For '
        'instance {host}, or {host}.example.org. Where it is not '
        'set there is no meter hardware.ipmi.node.power.',
    ),
]


class HypervisorPowerPollster(probe.PowerPollster):
    """Power of each host that has a probe of scope node.

    Ceilometer leaves it out where the option ``compute_host`` is not set.
    """

    meter = 'hardware.ipmi.node.power'

    def setup_environment(self) -> None:
        """Read the option.

        :raises ceilometer.polling.plugin_base.ExtensionLoadError: when it is
            not set, or would give all hosts one name.
        """
        self.conf.register_opts(OPTS, GROUP)
        pattern = self.conf[GROUP].compute_host
        if pattern is None:
            raise plugin_base.ExtensionLoadError('compute_host is not set')
        if _HOST not in pattern:
            # Ceilometer would tell it only to who debugs it.
            LOG.error(
                'No samples of %s: [%s] compute_host is %r, which lacks %s',
                self.meter,
                GROUP,
                pattern,
                _HOST,
            )
            raise plugin_base.ExtensionLoadError('compute_host is wrong')
        self._pattern: str = pattern

    def volume(self, probe: client.Probe) -> float | None:
        return probe.watts if probe.scope == _NODE else None

    def resource_id(self, probe: client.Probe) -> str:
        name = self._pattern.replace(_HOST, probe.host)
        return f'{name}_{name}'
