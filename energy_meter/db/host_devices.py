# SPDX-License-Identifier: Apache-2.0

"""Probes of devices that are passed through to the instances of a host."""

import collections.abc

from energy_meter import cpu_usage
from energy_meter.billing import timeline
from energy_meter.db import host_energy
from energy_meter.db import host_probes
from energy_meter.db import subjects

#: Scopes of probes that may measure a device. A probe of another scope
#: measures more of the host than one device, so no instance can have it.
_OF_DEVICES = frozenset({'gpu', 'other'})
#: Scopes in which the energy of a host contains that of its devices.
_WITH_DEVICES = frozenset(
    {'node', 'inlet', 'outlet', 'psu', 'ups', 'chassis', 'phase', 'circuit'}
)


def find(
    host: host_probes.Host,
    scope: str,
    spans: collections.abc.Iterable[subjects.Span],
    metered: collections.abc.Container[str],
) -> frozenset[str] | None:
    """Return the IDs of the probes that may measure a device of a host.

    :param scope: that of the host's energy.
    :param spans: of the probes whose energy is that of the host.
    :param metered: IDs of the probes that were metered.
    :returns: None if the host's energy does not contain that of devices.
    """
    if scope not in _WITH_DEVICES:
        return None
    return frozenset(
        each.id
        for each in host.energy
        if each.scope in _OF_DEVICES and not each.is_sum and each.id in metered
    ) - {span.probe for span in spans}


def named(layouts: collections.abc.Iterable[cpu_usage.Layout]) -> set[str]:
    """Return the IDs of the probes of devices in some layouts."""
    return {each.probe for layout in layouts for each in layout.devices}


def used(
    layouts: collections.abc.Iterable[cpu_usage.Layout],
    allowed: frozenset[str] | None,
) -> set[str]:
    """Return the IDs of the probes of devices in some layouts that count.

    :param allowed: probes that :func:`find` returned. A layout cannot give
        an instance the energy of another host, or that of the host.
    """
    return named(layouts) & (allowed or set())


def energy(
    probes: collections.abc.Iterable[str],
    lines: collections.abc.Mapping[str, timeline.Timeline],
) -> dict[str, host_energy.HostEnergy]:
    """Return the energy of devices by date, by probe."""
    return {
        probe: host_energy.HostEnergy(
            [
                host_energy.Member(
                    subjects.Span(probe, subjects.BEGINNING, subjects.END),
                    lines[probe],
                )
            ]
        )
        for probe in sorted(probes)
    }
