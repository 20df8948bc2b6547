# SPDX-License-Identifier: Apache-2.0

"""What Gnocchi needs before Ceilometer can store probes in it.

Two archive policies and a resource type: see "Archive Policy" and
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

#: For how long periods of each length are kept.
_TIMESPANS = {
    datetime.timedelta(minutes=1): datetime.timedelta(days=30),
    datetime.timedelta(hours=1): datetime.timedelta(days=365),
    datetime.timedelta(days=1): datetime.timedelta(days=3650),
}


def _policy(name: str, *methods: str) -> dict[str, typing.Any]:
    # Written as Gnocchi gives it back.
    return {
        'name': name,
        'back_window': 0,
        'aggregation_methods': [*methods],
        'definition': [
            {
                'granularity': str(granularity),
                'timespan': str(timespan),
                'points': timespan // granularity,
            }
            for granularity, timespan in _TIMESPANS.items()
        ],
    }


#: What the API calls its kind, and the record.
_RECORDS: list[tuple[str, dict[str, typing.Any]]] = [
    # The register at the end of a period, and how much it grew in it.
    ('archive_policy', _policy(ENERGY_POLICY, 'last', 'rate:sum')),
    ('archive_policy', _policy(POWER_POLICY, 'last', 'max', 'mean', 'min')),
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
    say: collections.abc.Callable[[str], object] = print,
) -> bool:
    """Make what is missing in Gnocchi, and tell what was done.

    What is there already is left as it is. A second run changes nothing.

    :param cloud: an administrator's.
    :param say: takes one line for each thing that was found or made, and
        for each in which it differs from what this release makes.
    :returns: whether all is as this release makes it.
    :raises GnocchiFailed: when Gnocchi is not in Keystone's catalog, is away
        or refuses.
    """
    client = _client(cloud)
    same = True
    for kind, wanted in _RECORDS:
        what = f'{kind.replace("_", " ")} {wanted["name"]}'
        try:
            found = _find(client, kind, wanted['name'])
            if found is None:
                client.post(f'/v1/{kind}', json=wanted)
        except keystone_exceptions.ClientException as error:
            raise exception.GnocchiFailed(reason=f'{what}: {error}')
        except ValueError:
            raise exception.GnocchiFailed(
                reason=f'{what}: the answer is not JSON; does the endpoint '
                f'of type {SERVICE_TYPE} lead to Gnocchi?'
            )
        if found is None:
            say(f'created {what}')
            continue
        say(f'found {what}')
        for difference in _differences(found, wanted):
            say(f'{what}: {difference}')
            same = False
    return same


def _client(cloud: connection.Connection) -> adapter.Adapter:
    config = cloud.config
    return adapter.Adapter(
        cloud.session,
        service_type=SERVICE_TYPE,
        interface=config.get_interface(SERVICE_TYPE),
        region_name=config.get_region_name(SERVICE_TYPE),
        endpoint_override=config.get_endpoint(SERVICE_TYPE),
    )


def _find(
    client: adapter.Adapter, kind: str, name: str
) -> dict[str, typing.Any] | None:
    try:
        found: dict[str, typing.Any] = client.get(f'/v1/{kind}/{name}').json()
    except keystone_exceptions.NotFound:
        return None
    return found


def _differences(
    found: dict[str, typing.Any],
    wanted: dict[str, typing.Any],
) -> collections.abc.Iterator[str]:
    for key, value in wanted.items():
        actual, expected = _text(found.get(key)), _text(value)
        if actual != expected:
            yield f'{key} is {actual}, expected {expected}'


def _text(value: object) -> str:
    """Write a value of JSON, whose lists have no order, in one way."""
    if isinstance(value, list):
        value = sorted(value, key=_text)
    return json.dumps(value, sort_keys=True)


def collisions(
    probes: collections.abc.Iterable[str],
) -> collections.abc.Iterator[tuple[str, list[str]]]:
    """Give the probes that would be one resource in Gnocchi.

    :param probes: their ids, each once.
    :returns: the resource's id and the ids of its probes, of each resource
        that has several.
    """
    found = collections.defaultdict(list)
    for probe in probes:
        found[_resource_id(probe)].append(probe)
    for resource, group in sorted(found.items()):
        if len(group) > 1:
            yield resource, sorted(group)


def _resource_id(probe: str) -> str:
    """Give what Gnocchi tells resources of one creator apart by.

    Ceilometer replaces the slash, which Gnocchi refuses. What the uuid
    module reads as an UUID, Gnocchi takes as that UUID.
    """
    name = probe.replace('/', '_')
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return name
