# SPDX-License-Identifier: Apache-2.0

"""Claims about what tenants read of their guests, and what they do not."""

import collections.abc
import uuid as uuid_module

import prettytable

from benchmarks.guests import cloud
from benchmarks.guests import machine
from benchmarks.guests import reading
from benchmarks.guests import telemetry
from benchmarks.guests import tenants
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.services import base

_POLLED_S = 120
_REFUSED = {403, 404}


def wait(service: telemetry.Telemetry, guests: set[str]) -> None:
    """Wait until Gnocchi has the day of all guests."""
    base.wait_for(
        lambda: all(
            guests <= service.polled(meter) for meter in telemetry.METERS
        ),
        _POLLED_S,
        'samples of all guests',
    )
    client = service.gnocchi.client()

    def is_stored() -> bool:
        answer = client.get('/v1/resource/instance').json()
        return guests == {
            each['id']
            for each in answer
            if {*telemetry.METERS, 'cpu'} <= {*each['metrics']}
        }

    base.wait_for(is_stored, _POLLED_S, 'metrics of all guests')


def judge(
    service: telemetry.Telemetry,
    people: tenants.Tenants,
    owners: collections.abc.Mapping[str, machine.Owner],
    midnight: int,
) -> list[simulation.Claim]:
    """Print the day of each guest, and return the claims.

    :param owners: of the guests, by UUID.
    :param midnight: start of the day, in seconds since the epoch.
    """
    table = prettytable.PrettyTable(
        ['tenant', 'instance', *reading.Day._fields], align='r'
    )
    claims = []
    for name, tenant in people.items():
        reader = reading.Reader(service, tenant, midnight)
        days = reader.days()
        for uuid, each in reader.instances().items():
            row = (f'{kwh:.9f}' for kwh in days[uuid])
            table.add_row([name, each['name'], *row])
        others = {
            uuid: owner
            for uuid, owner in owners.items()
            if owner != tenant.owner
        }
        claims.append(
            (
                f'{name} reads the same of her guests, and of no others, from '
                'API, command line, Gnocchi and CloudKitty',
                days.keys() == owners.keys() - others.keys()
                and all(map(reading.Day.is_same, days.values()))
                and is_owned(reader, tenant.owner),
            )
        )
        claims += [
            (f'{name} {text}', holds)
            for text, holds in guard(service, tenant, reader.texts, others)
        ]
        simulation.report(f'{name} has read her day')
    print(table)
    return claims


def guard(
    service: telemetry.Telemetry,
    tenant: tenants.Tenant,
    texts: collections.abc.Iterable[str],
    others: collections.abc.Mapping[str, machine.Owner],
) -> list[simulation.Claim]:
    """Return the claims about what a tenant must not read.

    :param texts: of the answers that she got.
    :param others: guests that are not hers, by UUID, with their owners.
    """
    hidden = {cloud.HOST, *others}.union(*others.values())
    guest, owner = min(others.items())
    secrets = {
        'instance': guest,
        'project': owner.project,
        'host': cloud.HOST,
    }
    return [
        (
            'reads the name of no host and the ID of no other project',
            not any(each in text for text in texts for each in hidden),
        ),
        (
            'gets the same error for what is of others as for what is unknown',
            all(
                is_refused(service, tenant, *each) for each in secrets.items()
            ),
        ),
        (
            'gets nothing of others from Gnocchi',
            all(
                is_refused_by_gnocchi(service, tenant, uuid) for uuid in others
            ),
        ),
    ]


def is_owned(reader: reading.Reader, owner: machine.Owner) -> bool:
    """Return whether all guests of a reader have this owner everywhere."""
    documents = [*reader.instances().values(), *reader.resources().values()]
    return {(each['project_id'], each['user_id']) for each in documents} == {
        owner
    }


def is_refused(
    service: telemetry.Telemetry,
    tenant: tenants.Tenant,
    kind: str,
    secret: str,
) -> bool:
    """Return whether a tenant gets the same for this ID as for an unknown one.

    :param kind: instance, project or host.
    """
    unknown = str(uuid_module.uuid4())
    answers = [
        tenant.ask_api(service, f'{kind}s/{name}/energy')
        for name in (secret, unknown)
    ]
    outputs = [tenant.run(kind, 'show', name) for name in (secret, unknown)]
    return (
        answers[0].status in _REFUSED
        and outputs[0].status == 1
        and answers[0].hide(secret) == answers[1].hide(unknown)
        and outputs[0].hide(secret) == outputs[1].hide(unknown)
    )


def is_refused_by_gnocchi(
    service: telemetry.Telemetry, tenant: tenants.Tenant, uuid: str
) -> bool:
    """Return whether a tenant gets nothing of a guest from Gnocchi."""
    path = f'resource/instance/{uuid}'
    metrics = service.gnocchi.client().get(f'/v1/{path}').json()['metrics']
    return all(
        tenant.ask_gnocchi(service, each).status in _REFUSED
        for each in (
            path,
            *(f'metric/{metrics[name]}/measures' for name in telemetry.METERS),
        )
    )
