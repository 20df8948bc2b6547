# SPDX-License-Identifier: Apache-2.0

"""What a tenant reads of her guests, from all services."""

import math
import typing

from benchmarks.guests import telemetry
from benchmarks.guests import tenants
from energy_meter.tests.functional.consumers import rating

_J_PER_KWH = 3_600_000
#: Gnocchi has floating-point numbers of kWh.
_PRECISION_KWH = 1e-9

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
        """Return the day of each guest that any service shows, by UUID."""
        resources = self.resources()
        charges = self._service.rate(
            self._tenant.owner.project, self._midnight
        )
        columns = (
            {
                uuid: int(each['total']['millijoules']) / 1000 / _J_PER_KWH
                for uuid, each in self.instances().items()
            },
            {
                each['Instance ID']: each['Energy (kWh)']
                for each in self._keep(self._tenant.run('instance', 'list'))
            },
            {
                uuid: self._measure(each, 'instance.energy', 'rate:sum')
                for uuid, each in resources.items()
            },
            {
                uuid: self._measure(each, 'instance.power', 'mean')
                * telemetry.DAY_S
                / _J_PER_KWH
                for uuid, each in resources.items()
            },
            {uuid: each.kwh for uuid, each in charges.items()},
            {uuid: each.price for uuid, each in charges.items()},
        )
        return {
            uuid: Day(*(column.get(uuid, math.nan) for column in columns))
            for uuid in set().union(*columns)
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
