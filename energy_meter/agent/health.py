# SPDX-License-Identifier: Apache-2.0

"""Health of each wattmeter, and its Prometheus metrics."""

import collections.abc
import time
import typing

from prometheus_client import metrics_core
from prometheus_client import registry


class Health:
    """Health of one wattmeter, updated by its worker.

    :ivar up: whether it was read successfully since its last failure.
    :ivar failing_since: start of the current failure, in seconds since the
        epoch; None if it does not fail.
    :ivar restarts: number of times that its driver failed and was reopened.
    """

    __slots__ = ('failing_since', 'restarts', 'up')

    def __init__(self) -> None:
        self.up = False
        self.failing_since: float | None = None
        self.restarts = 0

    def succeed(self) -> None:
        """Record a successful reading."""
        self.up = True
        self.failing_since = None

    def fail(self) -> None:
        """Record a failure."""
        self.up = False
        self.failing_since = self.failing_since or time.time()
        self.restarts += 1


class Gauge(typing.NamedTuple):
    """A value of the agent.

    :ivar name: name of the metric, without its prefix.
    :ivar read: returns the value.
    """

    name: str
    documentation: str
    read: collections.abc.Callable[[], float]


class HealthExporter(registry.Collector):
    """Exports the health of wattmeters and of the agent to Prometheus.

    :param healths: returns the health of each wattmeter, by name.
    """

    def __init__(
        self,
        healths: collections.abc.Callable[
            [], collections.abc.Mapping[str, Health]
        ],
        gauges: collections.abc.Sequence[Gauge],
    ) -> None:
        self._healths = healths
        self._gauges = gauges

    def collect(self) -> collections.abc.Iterable[metrics_core.Metric]:
        up = metrics_core.GaugeMetricFamily(
            'energy_meter_wattmeter_up',
            'Whether the wattmeter was read since its last failure',
            labels=['wattmeter'],
        )
        failing = metrics_core.GaugeMetricFamily(
            'energy_meter_wattmeter_failure_start_timestamp_seconds',
            'Start of the current failure of the wattmeter',
            labels=['wattmeter'],
        )
        restarts = metrics_core.CounterMetricFamily(
            'energy_meter_wattmeter_restarts',
            'Failures after which the driver was reopened',
            labels=['wattmeter'],
        )
        for name, health in self._healths().items():
            failing_since = health.failing_since
            up.add_metric([name], health.up)
            restarts.add_metric([name], health.restarts)
            if failing_since is not None:
                failing.add_metric([name], failing_since)
        return (
            up,
            failing,
            restarts,
            *(
                metrics_core.GaugeMetricFamily(
                    f'energy_meter_{each.name}',
                    each.documentation,
                    each.read(),
                )
                for each in self._gauges
            ),
        )
