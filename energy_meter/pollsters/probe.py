# SPDX-License-Identifier: Apache-2.0

"""What Ceilometer polls: a sample of each meter for each probe.

The pollsters share one request per endpoint and polling cycle, through the
dictionary that Ceilometer hands to all pollsters of a cycle.
"""

import abc
import collections.abc
from concurrent import futures
import datetime
import typing

from ceilometer import sample
from ceilometer.polling import plugin_base
from keystoneauth1 import exceptions as keystone_exceptions
from oslo_log import log

from energy_meter import client
from energy_meter import exception

LOG = log.getLogger(__name__)


class MeasuredSample(sample.Sample):
    """A sample that keeps the time of its measurement.

    Ceilometer's polling manager sets the timestamp of every sample to the
    time of polling.
    """

    def set_timestamp(self, timestamp: str) -> None:
        """Ignore the time of polling."""


class ProbePollster(plugin_base.PollsterBase):
    """Base of the pollsters: one meter of every probe of every endpoint.

    A probe whose timestamp is still that of the last poll is left out, so
    that each measurement is reported once.

    :cvar meter: name of the meter.
    :cvar kind: cumulative or gauge.
    :cvar unit: unit of the meter.
    """

    meter: typing.ClassVar[str]
    kind: typing.ClassVar[str]
    unit: typing.ClassVar[str]

    default_discovery = f'endpoint:{client.SERVICE_TYPE}'

    def __init__(self, conf: object) -> None:
        super().__init__(conf)
        # By root of the API, the timestamp of each probe that it showed at
        # the last poll; probes that left are forgotten.
        self._polled: dict[str, dict[str, float]] = {}

    @abc.abstractmethod
    def volume(self, probe: client.Probe) -> float | None:
        """Give the meter's value; None where it isn't known."""

    def resource_id(self, probe: client.Probe) -> str:
        """Give the id of what the meter belongs to."""
        return probe.id

    def get_samples(
        self,
        manager: typing.Any,
        cache: dict[str, typing.Any],
        resources: collections.abc.Iterable[str],
    ) -> collections.abc.Iterator[MeasuredSample]:
        """Give the samples of all endpoints.

        :param manager: Ceilometer's; its Keystone session is used.
        :param cache: what the pollsters share in this polling cycle.
        :param resources: URLs of the API, with or without ``/v1``.
        """
        for root in map(client.root_url, resources):
            probes = _list(manager, cache, root)
            if probes is None:
                continue
            for probe in self._updated(root, probes):
                volume = self.volume(probe)
                if volume is not None:
                    yield self._sample(probe, volume)

    def _updated(
        self, root: str, probes: list[client.Probe]
    ) -> list[client.Probe]:
        before = self._polled.get(root, {})
        self._polled[root] = {probe.id: probe.timestamp for probe in probes}
        return [
            probe
            for probe in probes
            if probe.timestamp != before.get(probe.id)
        ]

    def _sample(self, probe: client.Probe, volume: float) -> MeasuredSample:
        measured_at = datetime.datetime.fromtimestamp(
            probe.timestamp, datetime.UTC
        )
        # Always the same keys: Ceilometer's Prometheus exporter makes labels
        # of metadata, and refuses a meter whose labels vary.
        return MeasuredSample(
            name=self.meter,
            type=self.kind,
            unit=self.unit,
            volume=volume,
            user_id=None,
            project_id=probe.project_id,
            resource_id=self.resource_id(probe),
            timestamp=measured_at.isoformat(),
            resource_metadata={
                'scope': probe.scope,
                'host': probe.host,
                'wattmeter': probe.wattmeter,
            },
        )


class EnergyPollster(ProbePollster):
    """Energy since the probe's first measurement."""

    meter = 'energy'
    kind = sample.TYPE_CUMULATIVE
    unit = 'kWh'

    def volume(self, probe: client.Probe) -> float:
        return probe.kwh


class PowerPollster(ProbePollster):
    """Power at the time of the measurement."""

    meter = 'power'
    kind = sample.TYPE_GAUGE
    unit = 'W'

    def volume(self, probe: client.Probe) -> float | None:
        return probe.watts


def _list(
    manager: typing.Any, cache: dict[str, typing.Any], root: str
) -> list[client.Probe] | None:
    """List the probes of an endpoint, asking it once per polling cycle.

    Ceilometer may run the pollsters of a cycle at the same time: the first
    one asks, the others wait for what it gets.

    :returns: None when the endpoint gave no usable answer.
    """
    answer: futures.Future[list[client.Probe] | None] = futures.Future()
    shared = cache.setdefault(f'energy_meter {root}', answer)
    if shared is answer:
        try:
            answer.set_result(_ask(manager, root))
        except Exception as error:
            answer.set_exception(error)
    return shared.result()


def _ask(manager: typing.Any, root: str) -> list[client.Probe] | None:
    try:
        session = manager.keystone.session
        return client.Client(
            session,
            endpoint_override=root,
            timeout=session.timeout or client.DEFAULT_TIMEOUT,
        ).probes()
    except (exception.APIError, keystone_exceptions.ClientException) as error:
        LOG.warning('No samples of energy_meter: %s', error)
        return None
