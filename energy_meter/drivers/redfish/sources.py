# SPDX-License-Identifier: Apache-2.0

"""Properties of a chassis that contain power and energy.

Reference: DMTF DSP2046 (Redfish Resource and Schema Guide), resources Power
(deprecated since 2020.4, but supported by most controllers),
EnvironmentMetrics, PowerSupplyMetrics and Sensor.
"""

import collections.abc
import typing

from energy_meter.drivers.common import units
from energy_meter.drivers.redfish import service
from energy_meter.drivers.redfish import snapshot

#: Value of a property that the resource does not have.
MISSING: typing.Final = object()

#: Units of energy sensors by ReadingType.
ENERGY_UNITS = {'EnergykWh': 'kWh', 'EnergyWh': 'Wh', 'EnergyJoules': 'J'}

#: Returns a property of a resource: a number, None or :data:`MISSING`.
Extractor = collections.abc.Callable[[service.Resource], object]


class Source(typing.NamedTuple):
    """Property of a resource that contains a power or an energy.

    :ivar path: path of the resource.
    :ivar extract: returns the property's value.
    :ivar unit: unit of an energy.
    :ivar entry: index of the property's entry in a list of the resource.
    """

    path: str
    extract: Extractor
    unit: str = 'kWh'
    entry: int | None = None

    @property
    def location(self) -> tuple[str, int | None]:
        """What identifies the measuring point: two may share a resource."""
        return self.path, self.entry


class Channel(typing.NamedTuple):
    """Sources of the power and the energy of one measuring point."""

    watts: Source
    energy: Source | None = None


#: Channels by the controller's names for them.
Channels = dict[str, Channel]


def environment(
    controller: snapshot.Snapshot,
    chassis: service.Resource,
    names: collections.abc.Sequence[str],
) -> Channels:
    """Return the channel of the whole chassis in its EnvironmentMetrics.

    It cannot be selected by name: with names the result is empty.
    """
    path = service.link(chassis, 'EnvironmentMetrics')
    if names or path is None or 'PowerWatts' not in _get(controller, path):
        return {}
    return {
        service.resource_id(path): Channel(
            Source(path, excerpt('PowerWatts')),
            Source(path, excerpt('EnergykWh')),
        )
    }


def power_control(
    controller: snapshot.Snapshot,
    chassis: service.Resource,
    names: collections.abc.Sequence[str],
) -> Channels:
    """Return the PowerControl entries with a MemberId, Name or index.

    One entry may include others, so names are required if there are several.

    :raises ProtocolError: if there are several entries and no names.
    """
    path = service.link(chassis, 'Power')
    power = {} if path is None else _get(controller, path)
    available = [
        _name(entry, index)
        for index, entry in _entries(power)
        if 'PowerConsumedWatts' in entry
    ]
    if path is None or not available:
        return {}
    if not names and len(available) > 1:
        raise controller.error(
            'several PowerControl entries: set channels to some of '
            f'{", ".join(available)}'
        )
    return {
        name: Channel(Source(path, extract, entry=_find_entry(power, name)[0]))
        for name in names or available
        if (extract := _consumed_watts(name))(power) is not MISSING
    }


def power_supplies(
    controller: snapshot.Snapshot,
    chassis: service.Resource,
    _names: collections.abc.Sequence[str],
) -> Channels:
    """Return the power supplies in the PowerSubsystem by ID.

    One that fails keeps its place, because probes are assigned in order. Its
    metrics have the URI that DSP0268 defines.
    """
    subsystem = service.link(chassis, 'PowerSubsystem')
    supplies = subsystem and service.link(
        _get(controller, subsystem), 'PowerSupplies'
    )
    channels: Channels = {}
    for path in controller.members(supplies) if supplies else ():
        supply = controller.get_if_available(path)
        metrics = (
            f'{path.rstrip("/")}/Metrics'
            if supply is None
            else service.link(supply, 'Metrics')
        )
        if metrics is not None:
            channels[service.resource_id(path)] = Channel(
                Source(metrics, excerpt('InputPowerWatts')),
                Source(metrics, excerpt('EnergykWh')),
            )
    return channels


def power_sensors(
    controller: snapshot.Snapshot,
    chassis: service.Resource,
    names: collections.abc.Sequence[str],
) -> Channels:
    """Return the power sensors with these IDs."""
    paths = _sensors(controller, chassis)
    return {
        name: Channel(Source(paths[name], _reading))
        for name in names
        if name in paths and _reading_type(controller, paths[name]) == 'Power'
    }


def energy_sensor(
    controller: snapshot.Snapshot, chassis: service.Resource, name: str
) -> Source:
    """Return the energy sensor with this ID.

    :raises ProtocolError: if there is none.
    """
    path = _sensors(controller, chassis).get(name)
    unit = path and ENERGY_UNITS.get(_reading_type(controller, path))
    if not (path and unit):
        raise controller.error(
            f'no sensor {name} of type {" or ".join(ENERGY_UNITS)}'
        )
    return Source(path, _reading, unit)


#: Finds the channels of a chassis or of power equipment, by their names.
Finder = collections.abc.Callable[
    [snapshot.Snapshot, service.Resource, collections.abc.Sequence[str]],
    Channels,
]

#: Finders of the sources of chassis, by value of the ``source`` option.
FINDERS: dict[str, Finder] = {
    'environment': environment,
    'power-control': power_control,
    'power-supplies': power_supplies,
    'sensors': power_sensors,
}

#: Sources that measure the whole chassis; ``auto`` tries these.
WHOLE = ('environment', 'power-control')


def has_value(controller: snapshot.Snapshot, channels: Channels) -> bool:
    """Return whether any of these channels has a power or an energy now."""
    return any(
        units.number(source.extract(controller.get(source.path))) is not None
        for channel in channels.values()
        for source in channel
        if source is not None
    )


def _get(controller: snapshot.Snapshot, path: str) -> service.Resource:
    """Fetch a linked resource; some firmware has links without a target."""
    try:
        return controller.get(path)
    except service.NoSuchResource:
        return {}


def _sensors(
    controller: snapshot.Snapshot, chassis: service.Resource
) -> dict[str, str]:
    path = service.link(chassis, 'Sensors')
    return {
        service.resource_id(member): member
        for member in (controller.members(path) if path else ())
    }


def _reading_type(controller: snapshot.Snapshot, path: str) -> str:
    return str(controller.get(path).get('ReadingType'))


def _reading(sensor: service.Resource) -> object:
    return sensor.get('Reading', MISSING)


def excerpt(name: str) -> Extractor:
    """Return the extractor of a sensor excerpt's reading."""

    def extract(resource: service.Resource) -> object:
        value = resource.get(name, MISSING)
        return value.get('Reading') if isinstance(value, dict) else value

    return extract


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


def _consumed_watts(name: str) -> Extractor:
    """Return the extractor of an entry's power.

    :param name: MemberId, Name or index of the entry.
    """

    def extract(power: service.Resource) -> object:
        _, entry = _find_entry(power, name)
        return entry.get('PowerConsumedWatts', MISSING)

    return extract


def _find_entry(
    power: service.Resource, name: str
) -> tuple[int | None, service.Resource]:
    """Return the index and the entry with a MemberId, Name or index.

    :returns: None and an empty entry if there is none, or several.
    """
    entries = _entries(power)
    for matches in (
        [each for each in entries if each[1].get('MemberId') == name],
        [each for each in entries if each[1].get('Name') == name],
        [each for each in entries if str(each[0]) == name],
    ):
        if len(matches) == 1:
            return matches[0]
    return None, {}
