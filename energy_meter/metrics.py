# SPDX-License-Identifier: Apache-2.0

"""What the services of a process tell about themselves."""

import collections.abc
import contextlib
import logging

from oslo_config import cfg
from oslo_service import service
import prometheus_client
from prometheus_client import metrics_core
from prometheus_client import registry as prometheus_registry

from energy_meter import counters
from energy_meter import exception
from energy_meter.conf import metrics as metrics_conf

LOG = logging.getLogger(__name__)


class _Services(prometheus_registry.Collector):
    """Joins the metrics of several services, told apart by a label."""

    def __init__(
        self, counts: collections.abc.Mapping[str, counters.Counters]
    ) -> None:
        self._counters = counts

    def collect(self) -> collections.abc.Iterable[metrics_core.Metric]:
        families: dict[str, metrics_core.Metric] = {}
        for name, counts in self._counters.items():
            for family in counts.registry.collect():
                samples = [
                    sample._replace(labels={'service': name, **sample.labels})
                    for sample in family.samples
                ]
                family.samples = []
                families.setdefault(family.name, family).samples += samples
        return families.values()


def registry(
    counts: collections.abc.Mapping[str, counters.Counters], version: str
) -> prometheus_client.CollectorRegistry:
    """Make the registry of a process.

    :param counts: of its services, by their names.
    """
    made = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=made)
    prometheus_client.Info(
        'energy_meter', 'What runs here', registry=made
    ).info({'version': version})
    made.register(_Services(counts))
    return made


class Server(service.ServiceBase):
    """Shows the metrics of this process at ``[metrics] host`` and ``port``;
    nowhere if there is no port.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, shown: prometheus_client.CollectorRegistry
    ) -> None:
        self._options = conf.metrics
        self._registry = shown
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Listen.

        :raises ConfigurationError: when the address can't be had.
        """
        host, port = self._options.host, self._options.port
        if port is None:
            return
        try:
            server, thread = prometheus_client.start_http_server(
                port, host, self._registry
            )
        except OSError as error:
            raise exception.ConfigurationError(
                file='configuration',
                section=metrics_conf.GROUP,
                option='host, port',
                reason=(
                    f'can not listen on {host}, port {port}: {error}; each '
                    'service needs a port of its own'
                ),
            )

        for step in (thread.join, server.server_close, server.shutdown):
            self._running.callback(step)
        LOG.info('Metrics are shown on %s, port %d', host, server.server_port)

    def stop(self) -> None:
        self._running.close()

    def wait(self) -> None:
        """Nothing to wait for: :meth:`stop` does."""

    def reset(self) -> None:
        """Nothing is re-read while it runs."""
