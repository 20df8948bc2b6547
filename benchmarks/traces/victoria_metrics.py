# SPDX-License-Identifier: Apache-2.0

"""VictoriaMetrics, which scrapes the counter every 15 seconds."""

import collections.abc
import json

import requests

from benchmarks.traces import promql
from benchmarks.traces import system
from energy_meter.tests.functional.services import base
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import trace


class VictoriaMetrics(base.Process):
    """Server without samples."""

    def __init__(self) -> None:
        port = base.free_port()
        self.url = f'http://127.0.0.1:{port}'
        super().__init__(
            [
                'victoria-metrics',
                f'-httpListenAddr=127.0.0.1:{port}',
                '-storageDataPath=data',
                '-retentionPeriod=100y',
            ],
            ready=self._is_up,
        )

    def _is_up(self) -> bool:
        try:
            return requests.get(f'{self.url}/health', timeout=5).ok
        except requests.RequestException:
            return False


def show(
    traces: system.Traces, report: system.Report, query: str
) -> collections.abc.Iterator[errors.Day]:
    """Yield what VictoriaMetrics shows of each trace."""
    with VictoriaMetrics() as server:
        for traced in traces:
            report(traced.name)
            _import(server.url, traced)
            if traced.wrong != trace.NEVER:
                _delete(server.url, traced)
            yield promql.show(server.url, traced, query)


def _import(
    url: str, traced: trace.Trace, without: trace.Span = trace.NEVER
) -> None:
    """Import the samples of a trace.

    :param without: whose samples are left out.
    """
    for machine in traced.machines:
        samples = [
            (joules, sample.timestamp * 1000)
            for sample in traced.samples(promql.PERIOD)
            if sample.machine == machine
            and sample.time - traced.start not in without
            and (joules := system.joules(traced, sample)) is not None
            for _ in range(sample.copies)
        ]
        values, timestamps = zip(*samples, strict=True)
        line = {
            'metric': {
                '__name__': promql.METRIC,
                **promql.labels(traced, machine),
            },
            'values': values,
            'timestamps': timestamps,
        }
        promql.post(url, 'import', json.dumps(line))
    requests.get(f'{url}/internal/force_flush', timeout=60)


def _delete(url: str, traced: trace.Trace) -> None:
    """Delete the samples of the wrong hour.

    Only whole series can be deleted. Its documentation says to export them,
    and to import what is to stay.
    """
    promql.post(
        url,
        'admin/tsdb/delete_series',
        **{'match[]': promql.selector(traced)},
    )
    _import(url, traced, traced.wrong)
