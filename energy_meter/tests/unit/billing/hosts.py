# SPDX-License-Identifier: Apache-2.0

"""Hosts whose energy and usage are known, for tests of attribution."""

import types

from energy_meter import cpu_usage
from energy_meter.billing import attribution
from energy_meter.billing import attribution_methods
from energy_meter.billing import host_usage
from energy_meter.billing import profile

NONE = profile.Clock(0)
#: 4 threads and 8 GiB.
HOST = cpu_usage.Layout(4, 8192, None, ())
#: Energy of no device is known.
MISSING = types.MappingProxyType({})


def instance(uuid, vcpus=1, memory=1024, is_reserved=True):
    return cpu_usage.Instance(
        uuid,
        f'name of {uuid}',
        'project',
        'name of project',
        'user',
        vcpus,
        memory,
        is_reserved,
    )


def segment(start, until, busy, *used, host=HOST, estimated=False):
    """Return usage; each of ``used`` is an instance and its CPU time."""
    used = sorted(used)
    return host_usage.Segment(
        start,
        until,
        busy,
        host._replace(instances=tuple(each for each, _ in used)),
        tuple(cpu for _, cpu in used),
        estimated,
    )


def edges(watts, dates, gaps=()):
    """Return the energy of a host with the same power at all times.

    :param gaps: starts of those times between dates that were not metered.
    """
    found = []
    energy = metered = 0
    for date, until in zip(dates, [*dates[1:], dates[-1]], strict=True):
        found.append(profile.Edge(date, energy, metered, 0))
        if date not in gaps:
            energy += watts * (until - date)
            metered += until - date
    return found


def attribute(some_edges, boundaries, usage, idle_watts=0.0, devices=MISSING):
    """Attribute energy; ``devices`` are edges by probe, or None."""
    return attribution.attribute(
        some_edges,
        boundaries,
        usage,
        idle_watts,
        lambda _start, _until: NONE,
        attribution_methods.ReservedAndCPU,
        devices,
    )


def total(attributed):
    """Return the sum of all to which energy is attributed, in mJ."""
    return (
        sum(part.millijoules for part in attributed.instances.values())
        + attributed.overhead
        + attributed.unallocated
        + attributed.unattributed
    )
