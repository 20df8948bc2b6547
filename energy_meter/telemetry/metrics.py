# SPDX-License-Identifier: Apache-2.0

"""Prometheus metrics of all services of a process, served over HTTP."""

import collections.abc
import contextlib
import logging

from oslo_config import cfg
from oslo_service import service
import prometheus_client
from prometheus_client import metrics_core
from prometheus_client import registry as prometheus_registry

from energy_meter import exception
from energy_meter.conf import metrics as metrics_conf
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)


class _Services(prometheus_registry.Collector):
    """Combines the metrics of several services under the label service."""

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
    """Return the registry of a process.

    :param counts: counters of each service, by its name.
    :param version: version of this package.
    """
    process = prometheus_client.CollectorRegistry()
    prometheus_client.ProcessCollector(registry=process)
    prometheus_client.Info(
        'energy_meter', 'Version of energy_meter', registry=process
    ).info({'version': version})
    process.register(_Services(counts))
    return process


class MetricsServer(service.ServiceBase):
    """HTTP server for the metrics of this process.

    It listens on ``[metrics] bind_host`` and ``port``. Without a port, it does
    nothing.

    :param conf: the configuration.
    :param metrics: registry of the process.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        metrics: prometheus_client.CollectorRegistry,
    ) -> None:
        self._options = conf.metrics
        self._registry = metrics
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Start listening, if a port is configured.

        :raises ConfigurationError: if the address cannot be bound.
        """
        host, port = self._options.bind_host, self._options.port
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
                option='bind_host, port',
                reason=(
                    f'cannot listen on {host}:{port}: {error}; each service '
                    'needs its own port'
                ),
            )
        # Called in reverse order.
        for step in (thread.join, server.server_close, server.shutdown):
            self._running.callback(step)
        LOG.info('Serving metrics on %s:%d', host, server.server_port)

    def stop(self) -> None:
        self._running.close()

    def wait(self) -> None:
        """Do nothing; :meth:`stop` waits for the thread."""

    def reset(self) -> None:
        """Do nothing; a changed address needs a restart."""
