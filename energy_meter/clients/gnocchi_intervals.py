# SPDX-License-Identifier: Apache-2.0

"""Metrics of closed intervals in Gnocchi.

A measure is at the start of its interval, in whole mJ. One that is sent again
with the same timestamp replaces the earlier one, with two exceptions that
Gnocchi does not report:

* Of several that wait to be processed, the first one wins. Each read
  therefore processes what waits.
* Gnocchi drops measures that are older than the back window, see
  :attr:`IntervalMetrics.reach_days`.
"""

import collections
import collections.abc
import datetime
import typing

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as keystone_exceptions

from energy_meter import exception
from energy_meter.clients import gnocchi

METRIC = 'energy.interval'
UNIT = 'mJ'

DAY_S = 86_400
QUARTER_HOUR_S = 900

#: As Gnocchi's API shows them.
_GRANULARITIES = {'0:15:00', '1:00:00', '1 day, 0:00:00'}
_PAGE = 1000
_CONNECT_RETRIES = 2
#: While metricd processes the measures of a metric, a read fails with 503.
_WHILE_LOCKED: dict[str, typing.Any] = {
    'retriable_status_codes': [503],
    'status_code_retries': 5,
    'status_code_retry_delay': 1.0,
}
_MAX_TEXT_LENGTH = 500

_Resource = dict[str, typing.Any]


class Probe(typing.NamedTuple):
    """Probe, with the attributes of its resource in Gnocchi.

    :ivar project_id: the project that pays for the energy, if there is one.
    """

    id: str
    scope: str
    host: str
    wattmeter: str
    project_id: str | None


class Metric(typing.NamedTuple):
    """Metric of a probe.

    :ivar days: energy in mJ by UTC day (its number since the epoch).
    """

    id: str
    days: dict[int, int]


class IntervalMetrics:
    """The metrics ``energy.interval`` of all probes.

    Every method raises :class:`energy_meter.exception.GnocchiUnavailable` if
    Gnocchi does not answer, and
    :class:`energy_meter.exception.GnocchiRequestRejected` if it rejects the
    request.

    :param client: authenticates and sends the requests.
    :ivar reach_days: a measure is stored if its day is at most this number of
        days before that of the latest measure of the metric.
    """

    def __init__(self, client: adapter.Adapter) -> None:
        self._client = client
        self.reach_days = self._read_reach()
        self._resources = self._read_resources()

    def open(self, probe: Probe) -> Metric:
        """Return the metric of a probe, created if it is missing.

        The resource is created as well, or updated if the attributes of the
        probe have changed.
        """
        resource = self._ensure_resource(probe)
        metric: str | None = resource['metrics'].get(METRIC)
        if metric is not None:
            values = self._read(metric, granularity=DAY_S)
            return Metric(
                metric, {start // DAY_S: value for start, value in values}
            )
        created = self._request(
            'POST',
            'metric',
            json={
                'resource_id': resource['id'],
                'name': METRIC,
                'unit': UNIT,
                'archive_policy_name': gnocchi.INTERVAL_POLICY,
            },
        )
        return Metric(created['id'], {})

    def read(self, metric: Metric, start: int, until: int) -> dict[int, int]:
        """Return the energy in mJ of intervals by their start.

        :param start: in seconds since the epoch.
        :param until: end, not included.
        """
        return dict(
            self._read(
                metric.id, granularity=QUARTER_HOUR_S, start=start, stop=until
            )
        )

    def write(
        self, metric: Metric, measures: collections.abc.Mapping[int, int]
    ) -> None:
        """Add or replace measures.

        :param measures: energy in mJ by the start of the interval, in seconds
            since the epoch.
        """
        self._request(
            'POST',
            f'metric/{metric.id}/measures',
            json=[
                {'timestamp': start, 'value': millijoules}
                for start, millijoules in sorted(measures.items())
            ],
        )

    def _read_reach(self) -> int:
        try:
            policy = self._request(
                'GET', f'archive_policy/{gnocchi.INTERVAL_POLICY}'
            )
        except exception.GnocchiRequestRejected as error:
            raise exception.GnocchiUnavailable(
                reason=f'{error}; run energy-meter-manage gnocchi setup'
            )
        granularities = {
            period['granularity'] for period in policy['definition']
        }
        if granularities != _GRANULARITIES:
            raise exception.GnocchiUnavailable(
                reason=f'archive policy {gnocchi.INTERVAL_POLICY} has the '
                f'granularities {", ".join(sorted(granularities))}, expected '
                f'{", ".join(sorted(_GRANULARITIES))}'
            )
        return int(policy['back_window'])

    def _read_resources(self) -> dict[str, _Resource]:
        """Return the resources of probes by their ids."""
        groups = collections.defaultdict(list)
        page: list[_Resource] = []
        while True:
            parameters = {'limit': _PAGE, 'sort': 'id:asc'}
            if page:
                parameters['marker'] = page[-1]['id']
            page = self._request(
                'GET', f'resource/{gnocchi.RESOURCE_TYPE}', params=parameters
            )
            if not page:
                break
            for resource in page:
                original = gnocchi.resource_id(
                    resource['original_resource_id']
                )
                groups[original].append(resource)
        # Ceilometer creates a second one if its user changes.
        return {
            original: max(
                group,
                key=lambda resource: (
                    METRIC in resource['metrics'],
                    resource['started_at'],
                ),
            )
            for original, group in groups.items()
        }

    def _ensure_resource(self, probe: Probe) -> _Resource:
        kind = f'resource/{gnocchi.RESOURCE_TYPE}'
        name = gnocchi.resource_id(probe.id)
        attributes = probe._asdict() | {'id': name}
        resource = self._resources.get(name)
        if resource is None:
            resource = self._request('POST', kind, json=attributes)
        else:
            del attributes['id']
            changes = {
                key: value
                for key, value in attributes.items()
                if resource[key] != value
            }
            if changes:
                self._request(
                    'PATCH', f'{kind}/{resource["id"]}', json=changes
                )
        return resource

    def _read(self, metric: str, **parameters: int) -> list[tuple[int, int]]:
        rows = self._request(
            'GET',
            f'metric/{metric}/measures',
            params={'aggregation': 'sum', 'refresh': 'true', **parameters},
            **_WHILE_LOCKED,
        )
        return [
            (
                round(datetime.datetime.fromisoformat(start).timestamp()),
                round(value),
            )
            for start, _, value in rows
        ]

    def _request(
        self, method: str, path: str, **options: typing.Any
    ) -> typing.Any:
        try:
            response = self._client.request(
                f'/v1/{path}',
                method,
                # Each request can be repeated, or fails if it had succeeded.
                connect_retries=_CONNECT_RETRIES,
                **options,
            )
            return response.json() if response.content else None
        except keystone_exceptions.HttpError as error:
            raise exception.GnocchiRequestRejected(
                request=f'{method} {path}', reason=_explain(error)
            )
        except keystone_exceptions.ClientException as error:
            raise exception.GnocchiUnavailable(reason=error)
        except ValueError:
            raise exception.GnocchiUnavailable(
                reason=f'{method} {path}: the response is not JSON'
            )


def _explain(error: keystone_exceptions.HttpError) -> str:
    """Return an error with the cause that Gnocchi states, in one line."""
    response = error.response
    if response is None:
        return str(error)
    status = f'{response.reason} (HTTP {response.status_code})'
    try:
        text = str(response.json()['description'])
    except (ValueError, LookupError, TypeError):
        return status
    return f'{status}: {" ".join(text[:_MAX_TEXT_LENGTH].split())}'
