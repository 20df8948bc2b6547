# SPDX-License-Identifier: Apache-2.0


"""Where a chassis shows its power and energy.

Sources: DMTF DSP2046 (Redfish Resource and Schema Guide): Power (deprecated
since 2020.4, yet what most controllers have), EnvironmentMetrics,
PowerSupplyMetrics, Sensor.
"""

import collections.abc
import typing

from energy_meter.drivers.redfish import service

#: Stands for a property that the resource doesn't have.
MISSING: typing.Final = object()

#: The units of the energy sensors, by their ReadingType.
ENERGY_UNITS = {'EnergykWh': 'kWh', 'EnergyWh': 'Wh', 'EnergyJoules': 'J'}

#: Finds a number in a resource; null, or :data:`MISSING`, where it has none.
Finder = collections.abc.Callable[[service.Resource], object]


class Place(typing.NamedTuple):
    """One number in one resource.

    :ivar path: of the resource.
    :ivar unit: of an energy.
    """

    path: str
    find: Finder
    unit: str = 'kWh'


class Point(typing.NamedTuple):
    """Where the power and the energy of one outlet are."""

    watts: Place
    energy: Place | None = None


#: The points that a source found, by what the controller calls them.
Points = dict[str, Point]


def environment(
    controller: service.Service,
    chassis: service.Resource,
    names: collections.abc.Sequence[str],
) -> Points:
    """Find the whole chassis in its EnvironmentMetrics.

    There is nothing to choose from: with names it finds nothing.
    """
    path = service.link(chassis, 'EnvironmentMetrics')
    if names or path is None or 'PowerWatts' not in _get(controller, path):
        return {}
    return {
        service.last_word(path): Point(
            Place(path, _excerpt('PowerWatts')),
            Place(path, _excerpt('EnergykWh')),
        )
    }


def power_control(
    controller: service.Service,
    chassis: service.Resource,
    names: collections.abc.Sequence[str],
) -> Points:
    """Find the entries of PowerControl by MemberId, Name or index.

    They may be parts of one another, so none is chosen unasked where there
    are several.
    """
    path = service.link(chassis, 'Power')
    power = {} if path is None else _get(controller, path)
    known = [
        _name(entry, index)
        for index, entry in _entries(power)
        if 'PowerConsumedWatts' in entry
    ]
    if path is None or not known:
        return {}
    if not names and len(known) > 1:
        raise controller.error(
            f'several PowerControl entries: choose with outlets from '
            f'{", ".join(known)}'
        )
    return {
        name: Point(Place(path, find))
        for name in names or known
        if (find := _consumed(name))(power) is not MISSING
    }


def power_supplies(
    controller: service.Service,
    chassis: service.Resource,
    _names: collections.abc.Sequence[str],
) -> Points:
    """Find the power supplies in the PowerSubsystem by their ids."""
    subsystem = service.link(chassis, 'PowerSubsystem')
    supplies = subsystem and service.link(
        _get(controller, subsystem), 'PowerSupplies'
    )
    points: Points = {}
    for path in controller.members(supplies) if supplies else ():
        metrics = service.link(_get(controller, path), 'Metrics')
        if metrics is not None:
            points[service.last_word(path)] = Point(
                Place(metrics, _excerpt('InputPowerWatts')),
                Place(metrics, _excerpt('EnergykWh')),
            )
    return points


def power_sensors(
    controller: service.Service,
    chassis: service.Resource,
    names: collections.abc.Sequence[str],
) -> Points:
    """Find sensors of power by their ids."""
    paths = _sensors(controller, chassis)
    return {
        name: Point(Place(paths[name], _reading))
        for name in names
        if name in paths and _reading_type(controller, paths[name]) == 'Power'
    }


def energy_sensor(
    controller: service.Service, chassis: service.Resource, name: str
) -> Place:
    """Find a sensor of energy by its id.

    :raises ProtocolError: when there is none.
    """
    path = _sensors(controller, chassis).get(name)
    unit = path and ENERGY_UNITS.get(_reading_type(controller, path))
    if not (path and unit):
        raise controller.error(
            f'no sensor {name} of the types {", ".join(ENERGY_UNITS)}'
        )
    return Place(path, _reading, unit)


#: Sources by name. ``auto`` tries the first two, which are the whole
#: chassis.
SOURCES = {
    'environment': environment,
    'power-control': power_control,
    'power-supplies': power_supplies,
    'sensors': power_sensors,
}
WHOLE = ('environment', 'power-control')


def _get(controller: service.Service, path: str) -> service.Resource:
    """Fetch a resource that a link promises; firmware breaks promises."""
    try:
        return controller.get(path)
    except service.NoSuchResource:
        return {}


def _sensors(
    controller: service.Service, chassis: service.Resource
) -> dict[str, str]:
    path = service.link(chassis, 'Sensors')
    return {
        service.last_word(member): member
        for member in (controller.members(path) if path else ())
    }


def _reading_type(controller: service.Service, path: str) -> str:
    return str(controller.get(path).get('ReadingType'))


def _reading(sensor: service.Resource) -> object:
    return sensor.get('Reading', MISSING)


def _excerpt(name: str) -> Finder:
    """Find the reading in a sensor's excerpt."""

    def find(resource: service.Resource) -> object:
        value = resource.get(name, MISSING)
        return value.get('Reading') if isinstance(value, dict) else value

    return find


def _entries(power: service.Resource) -> list[tuple[int, service.Resource]]:
    entries = power.get('PowerControl')
    return [
        (index, entry)
        for index, entry in enumerate(
            entries if isinstance(entries, list) else ()
        )
        if isinstance(entry, dict)
    ]


def _name(entry: service.Resource, index: int) -> str:
    return str(entry.get('Name') or entry.get('MemberId') or index)


def _consumed(name: str) -> Finder:
    """Find the power of an entry by MemberId, Name or index."""

    def find(power: service.Resource) -> object:
        entries = _entries(power)
        for matches in (
            [entry for _, entry in entries if entry.get('MemberId') == name],
            [entry for _, entry in entries if entry.get('Name') == name],
            [entry for index, entry in entries if str(index) == name],
        ):
            if len(matches) == 1:
                return matches[0].get('PowerConsumedWatts', MISSING)
        return MISSING

    return find
