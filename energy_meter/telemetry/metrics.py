# SPDX-License-Identifier: Apache-2.0

"""Prometheus metrics of all services of a process, served over HTTP."""

import collections.abc

from oslo_config import cfg
from oslo_service import service
import prometheus_client
from prometheus_client import metrics_core
from prometheus_client import registry as prometheus_registry

from energy_meter.conf import metrics as metrics_conf
from energy_meter.telemetry import counters
from energy_meter.web import server

#: Number of scrapers that are served concurrently.
_WORKERS = 2
#: Maximum number of connections that wait for a request.
_MAX_CONNECTIONS = 32


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
        self._conf = conf
        self._registry = metrics
        self._server: server.HTTPServer | None = None

    def start(self) -> None:
        """Start listening, if a port is configured.

        :raises ConfigurationError: if the address cannot be bound.
        """
        if self._conf.metrics.port is None:
            return
        self._server = server.HTTPServer(
            prometheus_client.make_wsgi_app(self._registry),
            self._conf,
            metrics_conf.GROUP,
            'metrics',
            _WORKERS,
            _MAX_CONNECTIONS,
        )
        self._server.start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.stop()

    def wait(self) -> None:
        """Do nothing; :meth:`stop` ends all requests."""

    def reset(self) -> None:
        """Do nothing; a changed address needs a restart."""
