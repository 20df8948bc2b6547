# SPDX-License-Identifier: Apache-2.0

"""How wattmeters fare."""

import collections.abc
import time

from prometheus_client import metrics_core
from prometheus_client import registry

#: Most characters of an error that are kept.
_LONGEST = 200


class Health:
    """How one wattmeter fares: told by its worker, read by anyone.

    :ivar up: whether it was read since it failed last.
    :ivar failing_since: seconds since the epoch; None if it does not fail.
    :ivar error: why it failed last.
    :ivar restarts: how often its driver failed and was opened anew.
    """

    __slots__ = ('up', 'failing_since', 'error', 'restarts')

    def __init__(self) -> None:
        self.up = False
        self.failing_since: float | None = None
        self.error = ''
        self.restarts = 0

    def succeed(self) -> None:
        """It was read."""
        self.up = True
        self.failing_since = None

    def fail(self, error: str) -> None:
        """It could not be read.

        :param error: why, without secrets.
        """
        self.up = False
        self.failing_since = self.failing_since or time.time()
        self.error = error[:_LONGEST]
        self.restarts += 1


class Collector(registry.Collector):
    """Tells Prometheus of the wattmeters and the backlog.

    :param healths: gives the wattmeters' health, by their names.
    :param backlog: counts the measurements that wait.
    """

    def __init__(
        self,
        healths: collections.abc.Callable[
            [], collections.abc.Mapping[str, Health]
        ],
        backlog: collections.abc.Callable[[], int],
    ) -> None:
        self._healths = healths
        self._backlog = backlog

    def collect(self) -> collections.abc.Iterable[metrics_core.Metric]:
        up = metrics_core.GaugeMetricFamily(
            'energy_meter_wattmeter_up',
            'Whether the wattmeter was read since it failed last',
            labels=['wattmeter'],
        )
        failing = metrics_core.GaugeMetricFamily(
            'energy_meter_wattmeter_failing_since_seconds',
            'Since when the wattmeter can not be read, and why',
            labels=['wattmeter', 'error'],
        )
        restarts = metrics_core.CounterMetricFamily(
            'energy_meter_wattmeter_restarts',
            'How often the driver failed and was opened anew',
            labels=['wattmeter'],
        )
        for name, health in self._healths().items():
            since = health.failing_since
            up.add_metric([name], health.up)
            restarts.add_metric([name], health.restarts)
            if since is not None:
                failing.add_metric([name, health.error], since)
        return (
            up,
            failing,
            restarts,
            metrics_core.GaugeMetricFamily(
                'energy_meter_backlog_measurements',
                'Measurements that wait for the bus',
                self._backlog(),
            ),
        )
