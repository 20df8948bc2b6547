# SPDX-License-Identifier: Apache-2.0

"""Bills traces with each of the systems."""

import collections.abc
import sys

from benchmarks.traces import gnocchi
from benchmarks.traces import prometheus
from benchmarks.traces import system
from benchmarks.traces import victoria_metrics
from energy_meter.tests.functional import simulation
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import ours


def _show_ours(
    traces: system.Traces, report: system.Report, query: str
) -> collections.abc.Iterator[errors.Day]:
    """Yield what energy_meter shows of each trace."""
    for traced in traces:
        report(traced.name)
        with simulation.database('sqlite') as engine:
            yield ours.show(traced, engine)


SYSTEMS: dict[str, system.System] = {
    'energy_meter': _show_ours,
    'Prometheus': prometheus.show,
    'VictoriaMetrics': victoria_metrics.show,
    'Gnocchi': gnocchi.show,
}


def run(
    name: str, traces: system.Traces, query: str
) -> dict[str, errors.Errors]:
    """Return the errors of a system, by trace.

    :raises unittest.SkipTest: if a program of it is not installed.
    """

    def report(step: str) -> None:
        print(f'{name}: {step}', file=sys.stderr)

    shown = SYSTEMS[name](traces, report, query)
    return {
        traced.name: errors.compare(traced, day)
        for traced, day in zip(traces, shown, strict=True)
    }
