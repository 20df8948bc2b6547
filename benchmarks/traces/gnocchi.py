# SPDX-License-Identifier: Apache-2.0

"""Gnocchi, to which Ceilometer sends a sample each minute."""

import collections
import collections.abc
import typing

from keystoneauth1 import adapter

from benchmarks.traces import system
from energy_meter.tests.functional.services import gnocchi
from energy_meter.tests.traces import errors
from energy_meter.tests.traces import trace

#: Seconds between two polls.
PERIOD = 60

_AGGREGATION = 'rate:sum'
_DAY = 24 * trace.HOUR
#: As the policy for energy that energy_meter sets up.
_POLICY = {
    'name': 'traces',
    'aggregation_methods': [_AGGREGATION],
    'definition': [
        {'granularity': granularity, 'timespan': days * _DAY}
        for granularity, days in ((60, 30), (trace.HOUR, 365), (_DAY, 3650))
    ],
}

_Measure = dict[str, float]


def show(
    traces: system.Traces, report: system.Report, query: str
) -> collections.abc.Iterator[errors.Day]:
    """Yield what Gnocchi shows of each trace."""
    report('start')
    with gnocchi.Gnocchi() as server:
        client = server.client()
        client.post('/v1/archive_policy', json=_POLICY)
        for traced in traces:
            report(traced.name)
            metric = _send(client, traced)
            yield errors.Day(
                _measures(server, metric, traced, trace.HOUR),
                _measures(server, metric, traced, _DAY)[0],
            )


def _send(client: adapter.Adapter, traced: trace.Trace) -> str:
    """Send all samples, and return the ID of their metric.

    Both machines poll the same probe, which is one resource. The samples of
    each hour are processed before the next ones arrive.
    """
    created = client.post(
        '/v1/metric', json={'archive_policy_name': _POLICY['name']}
    )
    metric: str = created.json()['id']
    hours: dict[int, list[_Measure]] = collections.defaultdict(list)
    corrections: list[_Measure] = []
    right = 0.0
    for sample in traced.samples(PERIOD):
        joules = system.joules(traced, sample)
        if joules is None:
            continue
        measure = {'timestamp': sample.timestamp, 'value': joules}
        hours[sample.time // trace.HOUR] += [measure] * sample.copies
        if sample.time - traced.start in traced.wrong:
            corrections.append({**measure, 'value': right})
        else:
            right = joules
    # Measures cannot be deleted, but replaced for about a day: by the last
    # value before the wrong hour.
    for measures in filter(None, (*hours.values(), corrections)):
        client.post(f'/v1/metric/{metric}/measures', json=measures)
        client.get(
            f'/v1/metric/{metric}/measures',
            params={'aggregation': _AGGREGATION, 'refresh': True},
        )
    return metric


def _measures(
    server: gnocchi.Gnocchi,
    metric: str,
    traced: trace.Trace,
    granularity: int,
) -> list[errors.Shown]:
    """Return the energy of each hour, or of the day, which is UTC's."""
    start, until = traced.start, traced.until
    if granularity > trace.HOUR:
        # The local day begins at the first midnight of UTC in it.
        start = -(-start // granularity) * granularity
        until = start + granularity
    known: dict[typing.Any, float] = {
        measure.start: measure.value
        for measure in server.measures(
            metric, _AGGREGATION, granularity=granularity
        )
    }
    return [
        errors.Shown(known.get(time))
        for time in range(start, until, granularity)
    ]
