# SPDX-License-Identifier: Apache-2.0

"""What tenants read of their guests everywhere, and what they do not."""

import collections.abc
import typing
import uuid as uuid_module

import prettytable

from benchmarks.guests import cloud
from benchmarks.guests import machine
from benchmarks.guests import telemetry
from benchmarks.guests import tenants
from energy_meter.tests.functional import simulation
from energy_meter.tests.functional.consumers import rating
from energy_meter.tests.functional.services import base

_J_PER_KWH = 3_600_000
#: Gnocchi has floating-point numbers of kWh.
_PRECISION_KWH = 1e-9
_POLLED_S = 120
_REFUSED = {403, 404}

_Document = dict[str, typing.Any]


class Day(typing.NamedTuple):
    """Energy of a guest on a day in kWh, as its tenant reads it.

    :ivar api: from the API of energy_meter; the others should equal it.
    :ivar command: from the command line.
    :ivar gnocchi: increase of ``instance.energy``.
    :ivar power: mean of ``instance.power``, multiplied by the day.
    :ivar rated: what CloudKitty charges for.
    """

    api: float
    command: float
    gnocchi: float
    power: float
    rated: float
    price: float

    def is_same(self) -> bool:
        """Return whether all services have the same energy."""
        price = self.rated * rating.PRICE
        return abs(self.price - price) < _PRECISION_KWH and all(
            abs(each - self.api) < _PRECISION_KWH
            for each in (self.command, self.gnocchi, self.power, self.rated)
        )


class Reader:
    """Reads a day as a tenant, and keeps the text of all answers.

    :param midnight: start of the day, in seconds since the epoch.
    """

    def __init__(
        self,
        service: telemetry.Telemetry,
        tenant: tenants.Tenant,
        midnight: int,
    ) -> None:
        self.texts: list[str] = []
        self._service, self._tenant = service, tenant
        self._midnight = midnight

    def days(self) -> dict[str, Day]:
        """Return the day of each guest that the tenant sees, by UUID."""
        commanded = {
            each['Instance ID']: each['Energy (kWh)']
            for each in self._keep(self._tenant.run('instance', 'list'))
        }
        resources = self.resources()
        rated = self._service.rate(self._tenant.owner.project, self._midnight)
        return {
            uuid: Day(
                int(each['total']['millijoules']) / 1000 / _J_PER_KWH,
                commanded[uuid],
                self._measure(resources[uuid], 'instance.energy', 'rate:sum'),
                self._measure(resources[uuid], 'instance.power', 'mean')
                * telemetry.DAY_S
                / _J_PER_KWH,
                rated[uuid].kwh,
                rated[uuid].price,
            )
            for uuid, each in self.instances().items()
        }

    def instances(self) -> dict[str, _Document]:
        """Return the answers of the API for each guest, by UUID."""
        listed = self._api('instances')['instances']
        return {
            each['instance_id']: self._api(
                f'instances/{each["instance_id"]}/energy'
            )
            for each in listed
        }

    def resources(self) -> dict[str, _Document]:
        """Return the resources of guests in Gnocchi, by UUID."""
        answer = self._tenant.ask_gnocchi(self._service, 'resource/instance')
        return {each['id']: each for each in answer.json()}

    def _api(self, path: str) -> _Document:
        end = self._midnight + telemetry.DAY_S
        answer = self._tenant.ask_api(
            self._service, path, start=str(self._midnight), end=str(end)
        )
        return dict(self._keep(answer))

    def _measure(
        self, resource: _Document, meter: str, aggregation: str
    ) -> float:
        """Return the value of the day."""
        answer = self._tenant.ask_gnocchi(
            self._service,
            f'metric/{resource["metrics"][meter]}/measures',
            aggregation=aggregation,
            granularity=telemetry.DAY_S,
            refresh='true',
        )
        ((_, _, value),) = answer.json()
        return float(value)

    def _keep(self, answer: tenants.Answer) -> typing.Any:
        self.texts.append(answer.text)
        return answer.json()


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
        ['tenant', 'instance', *Day._fields], align='r'
    )
    claims = []
    for name, tenant in people.items():
        reader = Reader(service, tenant, midnight)
        days = reader.days()
        for uuid, day in days.items():
            table.add_row([name, uuid[:8], *(f'{each:.9f}' for each in day)])
        own = {uuid for uuid in owners if owners[uuid] == tenant.owner}
        foreign = owners.keys() - own
        hidden = {cloud.HOST, *foreign}
        hidden.update(*(owners[uuid] for uuid in foreign))
        claims += [
            (
                f'{name}: API, command line, Gnocchi and CloudKitty have the '
                'same energy of her guests, and of no others',
                days.keys() == own
                and all(map(Day.is_same, days.values()))
                and is_owned(reader, tenant.owner),
            ),
            (
                f'{name}: answers name neither the host nor another project',
                not any(
                    each in text for text in reader.texts for each in hidden
                ),
            ),
            (
                f'{name}: what is of others is refused like what is unknown',
                all(
                    is_refused(service, tenant, kind, secret)
                    for kind, secret in (
                        *(('instance', uuid) for uuid in foreign),
                        ('project', owners[min(foreign)].project),
                        ('host', cloud.HOST),
                    )
                ),
            ),
            (
                f'{name}: Gnocchi refuses what is of others',
                all(
                    is_refused_by_gnocchi(service, tenant, uuid)
                    for uuid in foreign
                ),
            ),
        ]
    print(table)
    return claims


def is_owned(reader: Reader, owner: machine.Owner) -> bool:
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
