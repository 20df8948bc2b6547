# SPDX-License-Identifier: Apache-2.0

"""Setup of Gnocchi, for the samples of Ceilometer and for closed intervals.

Creates archive policies and a resource type; see "Archive Policy" and
"Resource types" in Gnocchi's API reference.
"""

import collections
import collections.abc
import datetime
import json
import typing
import uuid

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as keystone_exceptions
from openstack import connection

from energy_meter import exception

SERVICE_TYPE = 'metric'

RESOURCE_TYPE = 'energy_probe'
ENERGY_POLICY = 'energy-meter-energy'
POWER_POLICY = 'energy-meter-power'
INTERVAL_POLICY = 'energy-meter-interval'

_DAY = datetime.timedelta(days=1)
_HOUR = datetime.timedelta(hours=1)

#: Retention time by granularity.
_TIMESPANS = {
    datetime.timedelta(minutes=1): 30 * _DAY,
    _HOUR: 365 * _DAY,
    _DAY: 3650 * _DAY,
}
_INTERVAL_TIMESPANS = {
    datetime.timedelta(minutes=15): 365 * _DAY,
    _HOUR: 1095 * _DAY,
    _DAY: 3650 * _DAY,
}

#: Gnocchi drops measures that are older than this many periods of the largest
#: granularity, days, before the day of the latest one. Closed days change up
#: to 31 days later; the rest is time to repair a failing transfer.
_INTERVAL_BACK_WINDOW = 35


def _policy(
    name: str,
    methods: collections.abc.Sequence[str],
    timespans: collections.abc.Mapping[
        datetime.timedelta, datetime.timedelta
    ] = _TIMESPANS,
    back_window: int = 0,
) -> dict[str, typing.Any]:
    # The representation that Gnocchi returns, so that it can be compared.
    return {
        'name': name,
        'back_window': back_window,
        'aggregation_methods': [*methods],
        'definition': [
            {
                'granularity': str(granularity),
                'timespan': str(timespan),
                'points': timespan // granularity,
            }
            for granularity, timespan in timespans.items()
        ],
    }


#: By their collection in Gnocchi's API.
_RECORDS: list[tuple[str, dict[str, typing.Any]]] = [
    # The register at the end of a period, and its increase in the period.
    ('archive_policy', _policy(ENERGY_POLICY, ['last', 'rate:sum'])),
    ('archive_policy', _policy(POWER_POLICY, ['last', 'max', 'mean', 'min'])),
    (
        'archive_policy',
        _policy(
            INTERVAL_POLICY,
            ['sum'],
            _INTERVAL_TIMESPANS,
            _INTERVAL_BACK_WINDOW,
        ),
    ),
    (
        'resource_type',
        {
            'name': RESOURCE_TYPE,
            'attributes': {
                name: {
                    'type': 'string',
                    'required': True,
                    'min_length': 1,
                    'max_length': 255,
                }
                for name in ('scope', 'host', 'wattmeter')
            },
        },
    ),
]


def setup(
    cloud: connection.Connection,
    report: collections.abc.Callable[[str], object] = print,
) -> bool:
    """Create the records that are missing in Gnocchi.

    Existing records are not changed, so a second run changes nothing.

    :param cloud: connection of an administrator.
    :param report: called with a line for each record that exists or was
        created, and for each difference from the expected record.
    :returns: whether all records are as expected by this release.
    :raises GnocchiFailed: if Gnocchi is missing in Keystone's catalog, is
        unavailable or rejects a request.
    """
    client = connect(cloud)
    as_expected = True
    for kind, expected in _RECORDS:
        title = f'{kind.replace("_", " ")} {expected["name"]}'
        try:
            actual = _get(client, kind, expected['name'])
            if actual is None:
                client.post(f'/v1/{kind}', json=expected)
        except keystone_exceptions.ClientException as error:
            raise exception.GnocchiFailed(reason=f'{title}: {error}')
        except ValueError:
            raise exception.GnocchiFailed(
                reason=f'{title}: the response is not JSON; check that the '
                f'endpoint of type {SERVICE_TYPE} is that of Gnocchi'
            )
        if actual is None:
            report(f'created {title}')
            continue
        report(f'found {title}')
        for difference in _differences(actual, expected):
            report(f'{title}: {difference}')
            as_expected = False
    return as_expected


def connect(cloud: connection.Connection) -> adapter.Adapter:
    """Return a client of Gnocchi's API."""
    config = cloud.config
    return adapter.Adapter(
        cloud.session,
        service_type=SERVICE_TYPE,
        interface=config.get_interface(SERVICE_TYPE),
        region_name=config.get_region_name(SERVICE_TYPE),
        endpoint_override=config.get_endpoint(SERVICE_TYPE),
    )


def _get(
    client: adapter.Adapter, kind: str, name: str
) -> dict[str, typing.Any] | None:
    try:
        record: dict[str, typing.Any] = client.get(f'/v1/{kind}/{name}').json()
    except keystone_exceptions.NotFound:
        return None
    return record


def _differences(
    actual: dict[str, typing.Any],
    expected: dict[str, typing.Any],
) -> collections.abc.Iterator[str]:
    for key, value in expected.items():
        actual_text, expected_text = (
            _canonical(actual.get(key)),
            _canonical(value),
        )
        if actual_text != expected_text:
            yield f'{key} is {actual_text}, expected {expected_text}'


def _canonical(value: object) -> str:
    """Return the JSON of a value, with its lists sorted."""
    if isinstance(value, list):
        value = sorted(value, key=_canonical)
    return json.dumps(value, sort_keys=True)


def collisions(
    probes: collections.abc.Iterable[str],
) -> collections.abc.Iterator[tuple[str, list[str]]]:
    """Find probes that would share a resource in Gnocchi.

    :param probes: ids of probes, without duplicates.
    :returns: the id of each resource with several probes, and their ids.
    """
    resources = collections.defaultdict(list)
    for probe in probes:
        resources[resource_id(probe)].append(probe)
    for resource, group in sorted(resources.items()):
        if len(group) > 1:
            yield resource, sorted(group)


def resource_id(probe: str) -> str:
    """Return the id of a probe's resource in Gnocchi.

    Ceilometer replaces the slash, which Gnocchi rejects. Gnocchi normalizes
    ids that Python's uuid module can parse.
    """
    name = probe.replace('/', '_')
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return name
