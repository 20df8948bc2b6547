# SPDX-License-Identifier: Apache-2.0

"""Ceilometer pollsters of the energy of instances, by UTC day.

A sample is published once its day is closed: what the instances of a host use
until then may still change. Its timestamp is the last second of the day, so
that aggregates of Gnocchi by day contain it.
"""

import abc
import collections.abc
import datetime
import typing

from ceilometer import sample
from ceilometer.polling import plugin_base

from energy_meter.clients import api
from energy_meter.clients import attributed
from energy_meter.clients import attribution
from energy_meter.clients import usage
from energy_meter.pollsters import probe
from energy_meter.pollsters import requests

_DAY = datetime.timedelta(days=1)
#: Days are not closed before this time after midnight.
_CLOSING = datetime.timedelta(hours=3)
_SECOND = datetime.timedelta(seconds=1)
_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)
_CLOSED = 'closed'
_MJ_PER_KWH = 3_600_000_000

_Instances = dict[str, attributed.Instance]


class InstancePollster(plugin_base.PollsterBase):
    """Base class of pollsters, for one meter of all instances.

    :cvar meter: name of the meter.
    :cvar kind: cumulative or gauge.
    :cvar unit: unit of the meter.
    """

    meter: typing.ClassVar[str]
    kind: typing.ClassVar[str]
    unit: typing.ClassVar[str]

    default_discovery = f'endpoint:{api.SERVICE_TYPE}'

    def __init__(self, conf: object) -> None:
        super().__init__(conf)
        # Last day and instances reported for it, by root of the API.
        self._reported: dict[str, tuple[datetime.datetime, set[str]]] = {}

    @abc.abstractmethod
    def values(
        self, fetch: requests.Fetch, closed: _Instances
    ) -> collections.abc.Iterator[
        tuple[attributed.Instance, datetime.datetime, float]
    ]:
        """Yield the values of the meter, with their instances and times.

        :param fetch: sends requests to the API.
        :param closed: instances with their energy on a closed day.
        """

    def get_samples(
        self,
        manager: typing.Any,
        cache: dict[str, typing.Any],
        resources: collections.abc.Iterable[str],
    ) -> collections.abc.Iterator[probe.MeasuredSample]:
        """Return the samples of all endpoints.

        :param manager: Ceilometer's polling manager; its Keystone session is
            used.
        :param cache: shared by the pollsters during a polling cycle.
        :param resources: URLs of the API, with or without ``/v1``.
        """
        end = _last_midnight()
        for root in {*map(api.root_url, resources)}:
            fetch = requests.Fetch(manager, cache, root)
            day = _read(fetch, end - _DAY, end)
            closed = {
                uuid: instance
                for uuid, instance in day.items()
                if instance.total.state == _CLOSED
            }
            for name in self._done(root, end):
                closed.pop(name, None)
            if closed:
                yield from self._publish(root, end, fetch, closed)

    def _publish(
        self,
        root: str,
        end: datetime.datetime,
        fetch: requests.Fetch,
        closed: _Instances,
    ) -> collections.abc.Iterator[probe.MeasuredSample]:
        for instance, date, value in self.values(fetch, closed):
            yield self._sample(instance, date, value)
            self._done(root, end).add(instance.instance_id)

    def _done(self, root: str, end: datetime.datetime) -> set[str]:
        """Return the instances that were reported for a day."""
        last, done = self._reported.get(root, (None, set()))
        if last != end:
            done = set()
            self._reported[root] = end, done
        return done

    def _sample(
        self,
        instance: attributed.Instance,
        date: datetime.datetime,
        value: float,
    ) -> probe.MeasuredSample:
        return probe.MeasuredSample(
            name=self.meter,
            type=self.kind,
            unit=self.unit,
            volume=value,
            user_id=instance.user_id,
            project_id=instance.project_id,
            resource_id=instance.instance_id,
            timestamp=date.isoformat(),
            # Neither the host nor a flavor: Ceilometer's own samples have
            # them in another form, and the resource would change each time.
            resource_metadata={'display_name': instance.name},
        )


class EnergyPollster(InstancePollster):
    """Energy since the instance was first metered, as far as it is closed."""

    meter = 'instance.energy'
    kind = sample.TYPE_CUMULATIVE
    unit = 'kWh'

    def values(
        self, fetch: requests.Fetch, closed: _Instances
    ) -> collections.abc.Iterator[
        tuple[attributed.Instance, datetime.datetime, float]
    ]:
        """Yield the energy at the start and the end of the day, kWh.

        Gnocchi computes the energy of a day from two values, but not from
        those of days that are apart: an instance may have been away.
        """
        end = next(iter(closed.values())).total.end
        known = _read(fetch, _EPOCH, end)
        for uuid, day in closed.items():
            instance = known.get(uuid)
            if instance is None or instance.total.state != _CLOSED:
                continue
            after = instance.total.millijoules
            before = after - day.total.millijoules
            yield instance, day.total.start, before / _MJ_PER_KWH
            yield instance, day.total.end - _SECOND, after / _MJ_PER_KWH


class PowerPollster(InstancePollster):
    """Mean power of a day, whether or not the instance ran all the time."""

    meter = 'instance.power'
    kind = sample.TYPE_GAUGE
    unit = 'W'

    def values(
        self, fetch: requests.Fetch, closed: _Instances
    ) -> collections.abc.Iterator[
        tuple[attributed.Instance, datetime.datetime, float]
    ]:
        """Yield the power, W, unless no energy is known."""
        for day in closed.values():
            total = day.total
            if total.quality != 'missing':
                seconds = (total.end - total.start).total_seconds()
                joules = total.millijoules / 1000
                yield day, total.end - _SECOND, joules / seconds


def _last_midnight() -> datetime.datetime:
    """Return the end of the last day that may be closed."""
    return (_now() - _CLOSING).replace(
        hour=0, minute=0, second=0, microsecond=0
    )


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _read(
    fetch: requests.Fetch, start: datetime.datetime, end: datetime.datetime
) -> _Instances:
    """Return the instances of a period; none if the request failed."""
    query = usage.Query(start, end)
    pages = fetch(
        f'instances {start} {end}',
        lambda client: [*attribution.instances(client, query)],
    )
    return {
        instance.instance_id: instance
        for page in pages or []
        for instance in page.members
    }
