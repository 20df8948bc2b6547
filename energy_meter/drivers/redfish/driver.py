# SPDX-License-Identifier: Apache-2.0


"""Reads management controllers over Redfish."""

import collections.abc
import typing

from oslo_config import cfg
from oslo_log import log as logging

from energy_meter import exception
from energy_meter import measurement
from energy_meter.drivers import _probewise
from energy_meter.drivers import _quantity
from energy_meter.drivers import _web
from energy_meter.drivers import base
from energy_meter.drivers.redfish import places
from energy_meter.drivers.redfish import service

LOG = logging.getLogger(__name__)


class _Round:
    """The resources as they are in one round: each is fetched once.

    A controller that doesn't answer, or refuses the user, isn't asked again
    in the same round: each further try costs a timeout, or brings the
    account nearer to being locked.
    """

    def __init__(self, controller: service.Service) -> None:
        self._controller = controller
        self._resources: dict[str, service.Resource] = {}
        self._end: exception.DriverError | None = None

    def get(self, path: str) -> service.Resource:
        if self._end is not None:
            raise self._end
        if path not in self._resources:
            try:
                self._resources[path] = self._controller.get(path)
            except (
                exception.DeviceUnreachable,
                exception.AuthenticationFailed,
            ) as e:
                self._end = e
                raise
        return self._resources[path]


class Redfish(base.PolledDriver):
    """Reads one chassis, or parts of it."""

    opts = (
        cfg.StrOpt(
            'url',
            required=True,
            help='Address of the controller: https://HOST.',
        ),
        cfg.StrOpt(
            'chassis',
            help='Id of the chassis. The default is the only one that '
            'shows its power.',
        ),
        cfg.StrOpt(
            'source',
            default='auto',
            choices=[
                ('auto', 'environment, or else power-control.'),
                ('environment', 'EnvironmentMetrics: PowerWatts, EnergykWh.'),
                ('power-control', 'Power: the entries of PowerControl.'),
                (
                    'power-supplies',
                    'PowerSubsystem: the metrics of each power supply.',
                ),
                ('sensors', 'Sensors of the chassis.'),
            ],
            help='Where power and energy are read.',
        ),
        cfg.ListOpt(
            'outlets',
            default=[],
            help='What the controller calls what each probe '
            'measures, in their order: MemberId, Name or index '
            'of a PowerControl entry, id of a power supply or '
            'sensor. The default are all that there are.',
        ),
        cfg.ListOpt(
            'energy_sensors',
            default=[],
            help="Ids of the sensors that count the probes' energy, "
            'in their order, where the source has no counter.',
        ),
        cfg.FloatOpt(
            'energy_step',
            default=0.001,
            min=1e-9,
            help='Smallest movement of the energy counter, in its '
            'unit, which mostly is kWh.',
        ),
        *_web.OPTS,
    )

    def open(self) -> None:
        self._probewise = _probewise.Probewise(LOG)
        self._controller = service.Service(self.options)
        self._points = self._find()
        self._scales = {
            unit: _quantity.EnergyScale(unit, self.options.energy_step)
            for unit in places.ENERGY_UNITS.values()
        }

    @classmethod
    def scope_of(cls, chosen: typing.Any) -> str:
        return 'psu' if chosen.source == 'power-supplies' else cls.scope

    def outlets(self) -> collections.abc.Sequence[base.Outlet]:
        return base.number(self._names)

    def close(self) -> None:
        if hasattr(self, '_controller'):
            self._controller.close()

    def read(self) -> collections.abc.Iterable[measurement.Reading]:
        self._round = _Round(self._controller)
        return self._probewise.read(self._points, self._read_point)

    def _find(self) -> places.Points:
        """Tell where each probe's values are."""
        chassis, points = self._find_chassis()
        self._names = self.options.outlets or list(points)
        unknown = [name for name in self._names if name not in points]
        if unknown:
            raise self._controller.error(
                f'outlets: nothing called {", ".join(unknown)}'
            )
        chosen = _probewise.assign(
            'outlets', [points[name] for name in self._names], self.probes
        )
        return self._with_energy_sensors(chassis, chosen)

    def _find_chassis(self) -> tuple[service.Resource, places.Points]:
        """Find the one chassis that shows power, and where it does."""
        found = [
            (chassis, points)
            for chassis in self._chassis()
            if (points := self._points_of(chassis))
        ]
        if not found:
            raise self._controller.error(
                f'no chassis shows source = {self.options.source}'
                + (
                    f' for outlets = {", ".join(self.options.outlets)}'
                    if self.options.outlets
                    else ''
                )
            )
        if len(found) > 1:
            ids = ', '.join(str(chassis.get('Id')) for chassis, _ in found)
            raise self._controller.error(
                f'several chassis show power: set chassis to one of {ids}'
            )
        return found[0]

    def _chassis(self) -> list[service.Resource]:
        wanted = self.options.chassis
        paths = [
            path
            for path in self._controller.chassis()
            if wanted in (None, service.last_word(path))
        ]
        if not paths:
            raise self._controller.error(f'no chassis {wanted or ""}')
        return [self._controller.get(path) for path in paths]

    def _points_of(self, chassis: service.Resource) -> places.Points:
        source = self.options.source
        for name in places.WHOLE if source == 'auto' else (source,):
            points = places.SOURCES[name](
                self._controller, chassis, self.options.outlets
            )
            if points:
                return points
        return {}

    def _with_energy_sensors(
        self, chassis: service.Resource, points: places.Points
    ) -> places.Points:
        if not self.options.energy_sensors:
            return points
        names = _probewise.assign(
            'energy_sensors', self.options.energy_sensors, self.probes
        )
        return {
            probe: point._replace(
                energy=places.energy_sensor(
                    self._controller, chassis, names[probe]
                )
            )
            for probe, point in points.items()
        }

    def _read_point(
        self, probe: str, point: places.Point
    ) -> measurement.Reading | None:
        watts = self._value(point.watts)
        energy = self._value(point.energy)
        if watts is energy is places.MISSING:
            raise self._controller.error(
                f'{point.watts.path} does not show probe {probe} any more'
            )
        unit = point.energy.unit if point.energy else 'kWh'
        return self._scales[unit].reading(probe, watts, energy)

    def _value(self, place: places.Place | None) -> typing.Any:
        if place is None:
            return places.MISSING
        return place.find(self._round.get(place.path))
