# SPDX-License-Identifier: Apache-2.0

"""Outlets and circuits of PDUs, power shelves and other power equipment.

Reference: DMTF DSP0268 (Redfish Data Model Specification), schemas
PowerEquipment, PowerDistribution, PowerDistributionMetrics, Outlet and
Circuit; OCP Rack PDU profile, whose usage guide has example resources.

A Circuit may have PolyPhasePowerWatts instead of PowerWatts. Its values, from
line to line and from line to neutral, must not be added: it has no channel.
"""

import collections.abc

from energy_meter.drivers.redfish import service
from energy_meter.drivers.redfish import snapshot
from energy_meter.drivers.redfish import sources

#: Collections of PowerDistribution resources that PowerEquipment links.
COLLECTIONS = (
    'RackPDUs',
    'FloorPDUs',
    'PowerShelves',
    'ElectricalBuses',
    'Switchgear',
    'TransferSwitches',
)

#: Scopes by value of the ``source`` option.
SCOPES = {
    'outlets': 'outlet',
    'branches': 'circuit',
    'mains': 'inlet',
    'equipment': 'inlet',
}

_QUANTITIES = ('PowerWatts', 'EnergykWh')


def find(controller: snapshot.Snapshot) -> dict[str, str]:
    """Return the paths of all power equipment by collection and ID."""
    link = service.link(controller.root(), 'PowerEquipment')
    if link is None:
        return {}
    top = controller.get(link)
    return {
        f'{kind}/{service.resource_id(path)}': path
        for kind in COLLECTIONS
        for path in _linked_members(controller, top, kind)
    }


def _members(link: str) -> sources.Finder:
    """Return the finder of the measured members of a linked collection."""

    def find_members(
        controller: snapshot.Snapshot,
        unit: service.Resource,
        names: collections.abc.Sequence[str],
    ) -> sources.Channels:
        paths = {
            service.resource_id(path): path
            for path in _linked_members(controller, unit, link)
        }
        if names and paths.keys() >= set(names):
            return {name: _channel(paths[name]) for name in names}
        resources = {
            path: controller.get_if_available(path) for path in paths.values()
        }
        if names:
            return _select(paths, resources, names)
        return {
            member: _channel(path)
            for member, path in paths.items()
            if _is_measured(resources[path])
        }

    return find_members


def _linked_members(
    controller: snapshot.Snapshot, resource: service.Resource, link: str
) -> list[str]:
    """Return the paths of the members of a collection, if it exists.

    Some firmware has links without a target.
    """
    collection = service.link(resource, link)
    try:
        return [] if collection is None else controller.members(collection)
    except service.NoSuchResource:
        return []


def _select(
    paths: collections.abc.Mapping[str, str],
    resources: collections.abc.Mapping[str, service.Resource | None],
    names: collections.abc.Sequence[str],
) -> sources.Channels:
    """Return the channels with these IDs or unique names.

    :param paths: paths of the members by ID.
    :param resources: the members by path; None for one that failed.
    """
    channels = {}
    for name in names:
        matches = [paths[name]] if name in paths else []
        matches = matches or [
            path
            for path, resource in resources.items()
            if resource is not None and resource.get('Name') == name
        ]
        if len(matches) == 1:
            channels[name] = _channel(matches[0])
    return channels


def _is_measured(resource: service.Resource | None) -> bool:
    """Return whether a member has power or energy.

    One that fails now counts: probes are assigned to members in order.
    """
    return resource is None or any(name in resource for name in _QUANTITIES)


def _metrics(
    controller: snapshot.Snapshot,
    unit: service.Resource,
    names: collections.abc.Sequence[str],
) -> sources.Channels:
    """Return the channel of the whole equipment in its metrics.

    It cannot be selected by name: with names the result is empty.
    """
    path = service.link(unit, 'Metrics')
    if (
        names
        or path is None
        or not _is_measured(controller.get_if_available(path))
    ):
        return {}
    return {service.resource_id(path): _channel(path)}


def _channel(path: str) -> sources.Channel:
    watts, energy = (
        sources.Source(path, sources.excerpt(name)) for name in _QUANTITIES
    )
    return sources.Channel(watts, energy)


#: Finders of the sources of power equipment, by value of the ``source``
#: option.
FINDERS: dict[str, sources.Finder] = {
    'outlets': _members('Outlets'),
    'branches': _members('Branches'),
    'mains': _members('Mains'),
    'equipment': _metrics,
}
