# SPDX-License-Identifier: Apache-2.0

"""Exporter of the energy and power of many probes, with prometheus_client."""

import argparse
import collections.abc
import threading
import time

import prometheus_client
from prometheus_client import core
from prometheus_client import registry

from benchmarks.ingest import databases

_WATTS = 100.0
_LABELS = ('host', 'probe', 'scope', 'wattmeter')


class Meters(registry.Collector):
    """Reads all probes whenever it is asked, as exporters do."""

    def __init__(self, probes: int) -> None:
        self._began = time.monotonic()
        self._labels = [
            (
                f'host-{number:05}',
                f'probe-{number:05}',
                'outlet',
                f'pdu-{number // 48:04}',
            )
            for number in range(probes)
        ]

    def collect(self) -> collections.abc.Iterable[core.Metric]:
        joules_name, watts_name = databases.METRICS
        joules = core.CounterMetricFamily(
            joules_name, 'Energy', labels=_LABELS
        )
        watts = core.GaugeMetricFamily(watts_name, 'Power', labels=_LABELS)
        for labels in self._labels:
            elapsed = time.monotonic() - self._began
            joules.add_metric(labels, elapsed * _WATTS)
            watts.add_metric(labels, _WATTS)
        return joules, watts


def main() -> None:
    """Serve the metrics until the process is terminated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('port', type=int)
    parser.add_argument('--probes', type=int, default=10_000)
    arguments = parser.parse_args()
    own = registry.CollectorRegistry()
    own.register(Meters(arguments.probes))
    prometheus_client.start_http_server(
        arguments.port, '127.0.0.1', registry=own
    )
    threading.Event().wait()


if __name__ == '__main__':
    main()
