# SPDX-License-Identifier: Apache-2.0

"""Prometheus, which scrapes the counter every 15 seconds."""

import collections.abc
import os
import pathlib

import requests

from benchmarks.traces import promql
from benchmarks.traces import system
from energy_meter.tests.functional.services import base
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import trace


class Prometheus(base.Process):
    """Server of recorded samples.

    :param traces: their samples are imported before it starts.
    """

    def __init__(self, traces: system.Traces) -> None:
        port = base.free_port()
        self.url = f'http://127.0.0.1:{port}'
        self._traces = traces
        super().__init__(
            [
                'prometheus',
                f'--web.listen-address=127.0.0.1:{port}',
                '--web.enable-admin-api',
                '--storage.tsdb.path=data',
                '--storage.tsdb.retention.time=100y',
                '--config.file=prometheus.yml',
                # By default it looks for consoles in /etc.
                f'--web.console.templates={os.devnull}',
                f'--web.console.libraries={os.devnull}',
            ],
            ready=self._is_up,
        )

    def prepare(self) -> None:
        """Import the samples."""
        (self.directory / 'prometheus.yml').touch()
        samples = self.directory / 'samples'
        _write(self._traces, samples)
        base.run(
            [
                'promtool',
                'tsdb',
                'create-blocks-from',
                'openmetrics',
                samples,
                self.directory / 'data',
            ]
        )

    def _is_up(self) -> bool:
        try:
            return requests.get(f'{self.url}/-/ready', timeout=5).ok
        except requests.RequestException:
            return False


def show(
    traces: system.Traces, report: system.Report, query: str
) -> collections.abc.Iterator[errors.Day]:
    """Yield what Prometheus shows of each trace."""
    report('import')
    with Prometheus(traces) as server:
        for traced in traces:
            report(traced.name)
            _delete(server.url, traced)
            yield promql.show(server.url, traced, query)


def _write(traces: system.Traces, path: pathlib.Path) -> None:
    """Write the samples in the text format of OpenMetrics."""
    with path.open('w') as stream:
        metric = promql.METRIC.removesuffix('_total')
        stream.write(f'# TYPE {metric} counter\n')
        for traced in traces:
            for machine in traced.machines:
                text = ','.join(
                    f'{name}="{value}"'
                    for name, value in promql.labels(traced, machine).items()
                )
                for timestamp, joules in _scrape(traced, machine):
                    stream.write(
                        f'{promql.METRIC}{{{text}}} {joules!r} {timestamp}\n'
                    )
        stream.write('# EOF\n')


def _scrape(
    traced: trace.Trace, machine: str
) -> collections.abc.Iterator[tuple[int, float]]:
    """Yield the samples that a server stores.

    It dates them itself. It drops those that are older than the newest one
    of their series, as long as its clock was set back.
    """
    newest = 0
    for sample in traced.samples(promql.PERIOD):
        joules = system.joules(traced, sample)
        if sample.machine != machine or joules is None:
            continue
        if sample.timestamp > newest:
            newest = sample.timestamp
            for _ in range(sample.copies):
                yield sample.timestamp, joules


def _delete(url: str, traced: trace.Trace) -> None:
    """Delete the samples of the wrong hour."""
    if traced.wrong == trace.NEVER:
        return
    promql.post(
        url,
        'admin/tsdb/delete_series',
        **{
            'match[]': promql.selector(traced),
            'start': str(traced.start + traced.wrong.start),
            'end': str(traced.start + traced.wrong.until),
        },
    )
