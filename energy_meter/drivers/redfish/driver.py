# SPDX-License-Identifier: Apache-2.0

"""Driver that reads chassis and power equipment over Redfish."""

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
from energy_meter.drivers.redfish import equipment
from energy_meter.drivers.redfish import service
from energy_meter.drivers.redfish import snapshot
from energy_meter.drivers.redfish import sources

LOG = logging.getLogger(__name__)

_FINDERS = sources.FINDERS | equipment.FINDERS

_SCOPES = {'power-supplies': 'psu', **equipment.SCOPES}


class Redfish(base.Driver):
    """Driver for one chassis or power equipment, or parts of it."""

    opts = (
        cfg.StrOpt(
            'url',
            required=True,
            help='URL of the management controller or PDU: https://HOST.',
        ),
        cfg.StrOpt(
            'chassis',
            help='ID of the chassis. The default is the only chassis that '
            'reports power.',
        ),
        cfg.StrOpt(
            'equipment',
            help='ID of the power equipment, for example 1 or RackPDUs/1. The '
            'default is the only one that has the source.',
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
                ('outlets', 'Outlets of the power equipment.'),
                ('branches', 'Branch circuits of the power equipment.'),
                ('mains', 'Input circuits of the power equipment.'),
                ('equipment', 'Metrics of the whole power equipment.'),
            ],
            help='Resources that contain power and energy.',
        ),
        cfg.ListOpt(
            'channels',
            default=[],
            help='Channels to read, one for each probe, in the order of '
            'probes: MemberId, Name or index of a PowerControl entry, ID of '
            'a power supply or sensor, or ID or Name of an outlet or '
            'circuit. The default is all channels.',
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
        cfg.StrOpt(
            'authentication',
            default='auto',
            choices=[
                ('auto', 'session if the service has sessions, or basic.'),
                ('session', 'Redfish session.'),
                ('basic', 'HTTP basic authentication.'),
            ],
            help='How to log in.',
        ),
        *http.OPTS,
    )

    def __init__(
        self, options: typing.Any, probes: collections.abc.Sequence[str | None]
    ) -> None:
        super().__init__(options, probes)
        self._service: service.Service | None = None
        self._names: collections.abc.Sequence[str] = ()
        self._channels: sources.Channels = {}
        self._probe_reader = per_probe.ProbeReader(LOG)
        self._scales = {
            unit: units.EnergyScale(unit, options.energy_step)
            for unit in sources.ENERGY_UNITS.values()
        }

    def open(self) -> None:
        self._check_options()
        self._service = service.Service(self.options)
        controller = snapshot.Snapshot(self._service)
        unit, channels = self._find_unit(controller)
        self._names = self.options.channels or list(channels)
        unknown = [name for name in self._names if name not in channels]
        if unknown:
            raise controller.error(
                f'channels: {", ".join(unknown)} not found in the '
                f'{self._unit_option}'
            )
        selected = per_probe.assign(
            'channels', [channels[name] for name in self._names], self.probes
        )
        per_probe.check_distinct(
            'channels',
            {
                probe: channel.watts.location
                for probe, channel in selected.items()
            },
        )
        self._channels = self._with_energy_sensors(controller, unit, selected)

    @classmethod
    def scope_of(cls, chosen: typing.Any) -> str:
        return _SCOPES.get(chosen.source, cls.scope)

    def channels(self) -> collections.abc.Sequence[base.Channel]:
        return base.number(self._names)

    def close(self) -> None:
        if self._service is not None:
            self._service.close()

    def abort(self) -> None:
        if self._service is not None:
            self._service.abort()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        if self._service is None:
            raise exception.DriverError(reason='the driver is not open')
        controller = snapshot.Snapshot(self._service)

        def read_channel(
            probe: str, channel: sources.Channel
        ) -> measurement.Reading | None:
            watts, energy = (
                sources.MISSING
                if source is None
                else source.extract(controller.get(source.path))
                for source in channel
            )
            if watts is energy is sources.MISSING:
                raise controller.error(
                    f'{channel.watts.path} has no value for probe {probe}'
                )
            unit = channel.energy.unit if channel.energy else 'kWh'
            return self._scales[unit].reading(probe, watts, energy)

        return self._probe_reader.read(self._channels, read_channel)

    @property
    def _unit_option(self) -> str:
        """Name of the option that selects what contains the channels."""
        return (
            'equipment'
            if self.options.source in equipment.FINDERS
            else 'chassis'
        )

    def _check_options(self) -> None:
        unused = {'chassis', 'equipment'} - {self._unit_option}
        for name in unused:
            if getattr(self.options, name) is not None:
                raise exception.DriverError(
                    reason=f'{name} has no effect with source = '
                    f'{self.options.source}'
                )

    def _find_unit(
        self, controller: snapshot.Snapshot
    ) -> tuple[service.Resource, sources.Channels]:
        """Return the only unit that has the source, and its channels."""
        candidates = [
            (name, unit, channels)
            for name, unit in self._units(controller).items()
            if (channels := self._find_channels(controller, unit))
        ]
        if not candidates:
            raise controller.error(
                f'no {self._unit_option} has source = {self.options.source}'
                + (
                    f' for channels = {", ".join(self.options.channels)}'
                    if self.options.channels
                    else ''
                )
            )
        if len(candidates) > 1:
            raise controller.error(
                f'several {self._unit_option} report power: set '
                f'{self._unit_option} to one of '
                f'{", ".join(name for name, _, _ in candidates)}'
            )
        return candidates[0][1:]

    def _units(
        self, controller: snapshot.Snapshot
    ) -> dict[str, service.Resource]:
        """Return the chassis or power equipment that may be meant."""
        wanted = getattr(self.options, self._unit_option)
        paths = (
            equipment.find(controller)
            if self.options.source in equipment.FINDERS
            else {
                service.resource_id(path): path
                for path in controller.chassis()
            }
        )
        selected = {
            name: controller.get(path)
            for name, path in paths.items()
            if wanted in (None, name, service.resource_id(path))
        }
        if not selected:
            raise controller.error(
                f'the service has no {self._unit_option}'
                + (f' {wanted}' if wanted else '')
            )
        return selected

    def _find_channels(
        self, controller: snapshot.Snapshot, unit: service.Resource
    ) -> sources.Channels:
        source, names = self.options.source, self.options.channels
        if source != 'auto':
            return _FINDERS[source](controller, unit, names)
        first: sources.Channels = {}
        for each in sources.WHOLE:
            try:
                channels = _FINDERS[each](controller, unit, names)
            except exception.ProtocolError:
                if first:
                    break
                raise
            if sources.has_value(controller, channels):
                return channels
            first = first or channels
        return first

    def _with_energy_sensors(
        self,
        controller: snapshot.Snapshot,
        unit: service.Resource,
        channels: sources.Channels,
    ) -> sources.Channels:
        if not self.options.energy_sensors:
            return channels
        names = per_probe.assign(
            'energy_sensors', self.options.energy_sensors, self.probes
        )
        per_probe.check_distinct('energy_sensors', names)
        return {
            probe: channel._replace(
                energy=sources.energy_sensor(controller, unit, names[probe])
            )
            for probe, channel in channels.items()
        }
