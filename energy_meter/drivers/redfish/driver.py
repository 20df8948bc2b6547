# SPDX-License-Identifier: Apache-2.0

"""Driver that reads chassis from management controllers over Redfish."""

import collections.abc
import typing

from oslo_config import cfg
from oslo_log import log as logging

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import base
from energy_meter.drivers.common import http
from energy_meter.drivers.common import per_probe
from energy_meter.drivers.common import units
from energy_meter.drivers.redfish import service
from energy_meter.drivers.redfish import sources

LOG = logging.getLogger(__name__)


class _Resources:
    """Cache that fetches each resource once per reading.

    After a timeout or a rejected login it makes no more requests: each would
    cost another timeout, or might lock the account.
    """

    def __init__(self, controller: service.Service) -> None:
        self._controller = controller
        self._resources: dict[str, service.Resource] = {}
        self._fatal_error: exception.DriverError | None = None

    def get(self, path: str) -> service.Resource:
        """Return a resource.

        :raises DriverError: if this or an earlier request failed.
        """
        if self._fatal_error is not None:
            raise self._fatal_error
        if path not in self._resources:
            try:
                self._resources[path] = self._controller.get(path)
            except (
                exception.DeviceUnreachable,
                exception.AuthenticationFailed,
            ) as e:
                self._fatal_error = e
                raise
        return self._resources[path]

    def value(self, source: sources.Source | None) -> object:
        """Return the value of a source, or MISSING."""
        if source is None:
            return sources.MISSING
        return source.extract(self.get(source.path))


class Redfish(base.Driver):
    """Driver for one chassis, or parts of it."""

    opts = (
        cfg.StrOpt(
            'url',
            required=True,
            help='URL of the management controller: https://HOST.',
        ),
        cfg.StrOpt(
            'chassis',
            help='ID of the chassis. The default is the only chassis that '
            'reports power.',
        ),
        cfg.StrOpt(
            'source',
            default='auto',
            choices=[
                ('auto', 'environment if available, or power-control.'),
                ('environment', 'EnvironmentMetrics: PowerWatts, EnergykWh.'),
                ('power-control', 'Power: the entries of PowerControl.'),
                (
                    'power-supplies',
                    'PowerSubsystem: the metrics of each power supply.',
                ),
                ('sensors', 'Sensors of the chassis.'),
            ],
            help='Resources that contain power and energy.',
        ),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Channels to read, one for each probe, in the order of '
            'probes: MemberId, Name or index of a PowerControl entry, or ID '
            'of a power supply or sensor. The default is all channels.',
        ),
        cfg.ListOpt(
            'energy_sensors',
            default=[],
            help='IDs of energy sensors, one for each probe, in the order of '
            'probes, if the source has no energy counter.',
        ),
        cfg.FloatOpt(
            'energy_step',
            default=0.001,
            min=1e-9,
            help='Smallest increment of the energy counter, in its unit, '
            'usually kWh.',
        ),
        *http.OPTS,
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._controller: service.Service | None = None
        self._names: collections.abc.Sequence[str] = ()
        self._channels: sources.Channels = {}
        self._probewise = per_probe.ProbeReader(LOG)
        self._scales = {
            unit: units.EnergyScale(unit, options.energy_step)
            for unit in sources.ENERGY_UNITS.values()
        }

    def open(self) -> None:
        controller = self._controller = service.Service(self.options)
        chassis, channels = self._find_chassis(controller)
        self._names = self.options.channels or list(channels)
        unknown = [name for name in self._names if name not in channels]
        if unknown:
            raise controller.error(
                f'channels: {", ".join(unknown)} not found in the chassis'
            )
        selected = per_probe.assign(
            'channels', [channels[name] for name in self._names], self.probes
        )
        self._channels = self._with_energy_sensors(
            controller, chassis, selected
        )

    @classmethod
    def scope_of(cls, chosen: typing.Any) -> str:
        return 'psu' if chosen.source == 'power-supplies' else cls.scope

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(self._names)

    def close(self) -> None:
        if self._controller is not None:
            self._controller.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        controller = self._controller
        if controller is None:
            raise exception.DriverError(reason='the driver is not open')
        resources = _Resources(controller)

        def read_channel(
            probe: str, channel: sources.Channel
        ) -> measurement.Reading | None:
            watts = resources.value(channel.watts)
            energy = resources.value(channel.energy)
            if watts is energy is sources.MISSING:
                raise controller.error(
                    f'{channel.watts.path} has no value for probe {probe}'
                )
            unit = channel.energy.unit if channel.energy else 'kWh'
            return self._scales[unit].reading(probe, watts, energy)

        return self._probewise.read(self._channels, read_channel)

    def _find_chassis(
        self, controller: service.Service
    ) -> tuple[service.Resource, sources.Channels]:
        """Return the only chassis that reports power, and its channels."""
        candidates = [
            (chassis, channels)
            for chassis in self._list_chassis(controller)
            if (channels := self._find_channels(controller, chassis))
        ]
        if not candidates:
            raise controller.error(
                f'no chassis has source = {self.options.source}'
                + (
                    f' for channels = {", ".join(self.options.channels)}'
                    if self.options.channels
                    else ''
                )
            )
        if len(candidates) > 1:
            ids = ', '.join(
                str(chassis.get('Id')) for chassis, _ in candidates
            )
            raise controller.error(
                f'several chassis report power: set chassis to one of {ids}'
            )
        return candidates[0]

    def _list_chassis(
        self, controller: service.Service
    ) -> list[service.Resource]:
        chassis_id = self.options.chassis
        paths = [
            path
            for path in controller.chassis()
            if chassis_id in (None, service.resource_id(path))
        ]
        if not paths:
            raise controller.error(
                'the controller has no chassis'
                + (f' {chassis_id}' if chassis_id else '')
            )
        return [controller.get(path) for path in paths]

    def _find_channels(
        self, controller: service.Service, chassis: service.Resource
    ) -> sources.Channels:
        source = self.options.source
        for name in sources.WHOLE if source == 'auto' else (source,):
            channels = sources.FINDERS[name](
                controller, chassis, self.options.channels
            )
            if channels:
                return channels
        return {}

    def _with_energy_sensors(
        self,
        controller: service.Service,
        chassis: service.Resource,
        channels: sources.Channels,
    ) -> sources.Channels:
        if not self.options.energy_sensors:
            return channels
        names = per_probe.assign(
            'energy_sensors', self.options.energy_sensors, self.probes
        )
        return {
            probe: channel._replace(
                energy=sources.energy_sensor(controller, chassis, names[probe])
            )
            for probe, channel in channels.items()
        }
