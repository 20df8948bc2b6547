# SPDX-License-Identifier: Apache-2.0

"""The queries that Prometheus and VictoriaMetrics are asked alike."""

import typing

import requests

from energy_meter.tests.traces import errors
from energy_meter.tests.traces import trace

#: Seconds between two samples, as in the guide of both.
PERIOD = 15
METRIC = 'energy_joules_total'

#: Energy of an interval that ends at the time of evaluation.
QUERY = 'sum by (probe) (increase({selector}[{length}]))'

_TIMEOUT_S = 60


def labels(traced: trace.Trace, machine: str) -> dict[str, str]:
    """Return the labels of a series."""
    return {'trace': traced.name, 'instance': machine, 'probe': 'probe'}


def selector(traced: trace.Trace) -> str:
    """Return the selector of the series of a trace."""
    return f'{METRIC}{{trace="{traced.name}"}}'


def show(url: str, traced: trace.Trace, query: str) -> errors.Day:
    """Return what a query shows of the hours and the day.

    :param query: as :data:`QUERY`.
    """
    hours = _increase(
        url, query, traced, '1h', traced.hours[1], traced.hours[-1]
    )
    days = _increase(
        url, query, traced, '1d', traced.hours[-1], traced.hours[-1]
    )
    return errors.Day(
        [errors.Shown(hours.get(time)) for time in traced.hours[1:]],
        errors.Shown(days.get(traced.hours[-1])),
    )


def _increase(
    url: str,
    query: str,
    traced: trace.Trace,
    length: str,
    first: int,
    last: int,
) -> dict[int, float]:
    """Return the energy in joules by the end of its interval."""
    data = get(
        url,
        'query_range',
        query=query.format(selector=selector(traced), length=length),
        start=first,
        end=last,
        step=trace.HOUR,
        # VictoriaMetrics caches what it calculated before an import.
        nocache=1,
    )
    return {
        int(time): float(value)
        for series in data['result']
        for time, value in series['values']
    }


def get(url: str, path: str, **parameters: str | int) -> typing.Any:
    """Return the data of a query.

    :raises requests.HTTPError: if it fails.
    """
    response = requests.get(
        f'{url}/api/v1/{path}', parameters, timeout=_TIMEOUT_S
    )
    response.raise_for_status()
    return response.json()['data']


def post(
    url: str, path: str, data: str | None = None, **parameters: str
) -> None:
    """Send data, or a command.

    :raises requests.HTTPError: if it fails.
    """
    requests.post(
        f'{url}/api/v1/{path}',
        params=parameters,
        data=data,
        timeout=_TIMEOUT_S,
    ).raise_for_status()
