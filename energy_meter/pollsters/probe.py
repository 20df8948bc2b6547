# SPDX-License-Identifier: Apache-2.0

"""Ceilometer pollsters that return a sample of a meter for each probe.

They share one request per endpoint and polling cycle.
"""

import abc
import collections.abc
import datetime
import typing

from ceilometer import sample
from ceilometer.polling import plugin_base

from energy_meter.clients import api
from energy_meter.pollsters import requests


class MeasuredSample(sample.Sample):
    """A sample that keeps the timestamp of its measurement.

    Ceilometer's polling manager sets the timestamps of all samples to the
    time of polling.
    """

    def set_timestamp(self, timestamp: str) -> None:
        """Do nothing, so that the time of polling is ignored."""


class ProbePollster(plugin_base.PollsterBase):
    """Base class of pollsters, for one meter of all probes.

    Probes whose timestamp has not changed since the last poll are skipped, so
    that each measurement is reported once.

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
        # Timestamps of the last poll, by root of the API and id of the probe.
        self._polled: dict[str, dict[str, float]] = {}

    @abc.abstractmethod
    def volume(self, probe: api.Probe) -> float | None:
        """Return the value of the meter; None if it is unknown."""

    def resource_id(self, probe: api.Probe) -> str:
        """Return the id of the resource that the meter belongs to."""
        return probe.id

    def get_samples(
        self,
        manager: typing.Any,
        cache: dict[str, typing.Any],
        resources: collections.abc.Iterable[str],
    ) -> collections.abc.Iterator[MeasuredSample]:
        """Return the samples of all endpoints.

        :param manager: Ceilometer's polling manager; its Keystone session is
            used.
        :param cache: shared by the pollsters during a polling cycle.
        :param resources: URLs of the API, with or without ``/v1``.
        """
        for root in map(api.root_url, resources):
            fetch = requests.Fetch(manager, cache, root)
            probes = fetch('probes', api.Client.probes)
            if probes is None:
                continue
            for probe in self._updated(root, probes):
                volume = self.volume(probe)
                if volume is not None:
                    yield self._sample(probe, volume)

    def _updated(self, root: str, probes: list[api.Probe]) -> list[api.Probe]:
        previous = self._polled.get(root, {})
        self._polled[root] = {probe.id: probe.timestamp for probe in probes}
        return [
            probe
            for probe in probes
            if probe.timestamp != previous.get(probe.id)
        ]

    def _sample(self, probe: api.Probe, volume: float) -> MeasuredSample:
        timestamp = datetime.datetime.fromtimestamp(
            probe.timestamp, datetime.UTC
        )
        # The keys must not vary: Ceilometer's Prometheus exporter turns
        # metadata into labels, and rejects a meter whose labels differ.
        return MeasuredSample(
            name=self.meter,
            type=self.kind,
            unit=self.unit,
            volume=volume,
            user_id=None,
            project_id=probe.project_id,
            resource_id=self.resource_id(probe),
            timestamp=timestamp.isoformat(),
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

    def volume(self, probe: api.Probe) -> float:
        """Return the energy, kWh."""
        return probe.kwh


class PowerPollster(ProbePollster):
    """Power at the time of the measurement."""

    meter = 'power'
    kind = sample.TYPE_GAUGE
    unit = 'W'

    def volume(self, probe: api.Probe) -> float | None:
        """Return the power, W; None if it is unknown."""
        return probe.watts
