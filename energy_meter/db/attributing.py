# SPDX-License-Identifier: Apache-2.0

"""Attributes the energy of hosts on UTC days to their instances.

The result depends only on what is known of the hosts' probes, so a day that is
closed and one that is computed for a request differ in nothing else.
"""

import collections.abc
import typing

from oslo_config import cfg
import sqlalchemy as sa

from energy_meter import cpu_usage
from energy_meter import exception
from energy_meter.billing import attribution
from energy_meter.billing import attribution_methods
from energy_meter.billing import host_usage
from energy_meter.billing import idle_power
from energy_meter.billing import timeline
from energy_meter.db import attributed_days
from energy_meter.db import closed_days
from energy_meter.db import day_packing
from energy_meter.db import host_devices
from energy_meter.db import host_energy
from energy_meter.db import host_inputs
from energy_meter.db import idle_powers
from energy_meter.db import timelines
from energy_meter.db import usage_segments

_Lines = collections.abc.Mapping[str, timeline.Timeline]
_Segments = collections.abc.Sequence[host_usage.Segment]


class Rules(typing.NamedTuple):
    """How energy is attributed.

    :ivar precedence: scopes in order of preference.
    """

    method: type[attribution_methods.Method]
    precedence: list[str]


def rules(conf: cfg.ConfigOpts) -> Rules:
    """Return how energy is attributed according to the configuration.

    :raises ConfigurationError: if no installed package has the method.
    """
    try:
        method = attribution_methods.load(conf.collector.attribution_method)
    except exception.AttributionMethodNotFound as error:
        raise exception.ConfigurationError(
            file='configuration',
            section='collector',
            option='attribution_method',
            reason=error,
        ) from None
    return Rules(method, conf.rrd.scope_precedence)


class _Host(typing.NamedTuple):
    """A host on a day.

    :ivar segments: its usage, with neighbors on both sides.
    :ivar layouts: those of the day, by date.
    :ivar devices: IDs of the probes of its devices.
    """

    inputs: host_inputs.Inputs
    segments: _Segments
    layouts: list[cpu_usage.Layout]
    devices: set[str]

    def probes(self) -> set[str]:
        """Return the IDs of all probes of energy."""
        return self.inputs.energy() | self.devices


def attribute(
    connection: sa.Connection,
    chosen: collections.abc.Collection[host_inputs.Inputs],
    rules: Rules,
    previous: collections.abc.Mapping[tuple[int, str], attributed_days.Header],
) -> collections.abc.Iterator[attributed_days.HostDay]:
    """Yield the attributed days of hosts, as version 0.

    :param chosen: of the same day.
    :param previous: versions of these days, whose idle power stays, by day
        and host.
    """
    hosts = _hosts(connection, chosen)
    probes = {
        name: each.inputs.day for each in hosts for name in each.probes()
    }
    lines = _lines(connection, probes)
    for each in hosts:
        old = previous.get((each.inputs.day, each.inputs.host.name))
        idle = _idle_power(connection, each, old)
        header = _header(each, rules.method, idle)
        yield _attribute(header, each, lines, rules.method)


def _hosts(
    connection: sa.Connection,
    chosen: collections.abc.Collection[host_inputs.Inputs],
) -> list[_Host]:
    """Return the hosts that have usage on a day."""
    if not chosen:
        return []
    start, until = _dates(next(iter(chosen)).day)
    usage = _lines(connection, {each.usage: each.day for each in chosen})
    segments = usage_segments.load(connection, usage, start, until)
    found = []
    for each in chosen:
        known = segments[each.usage]
        layouts = [
            one.layout
            for one in known
            if start < one.until and one.start < until
        ]
        devices = host_devices.used(layouts, each.devices)
        found.append(_Host(each, known, layouts, devices))
    return [each for each in found if each.layouts]


def _lines(
    connection: sa.Connection, probes: collections.abc.Mapping[str, int]
) -> _Lines:
    """Return what was billed of probes on a day each, with all marks."""
    runs = {name: [_dates(day)] for name, day in probes.items()}
    return timelines.load(connection, runs, has_marks=True) if runs else {}


def _dates(day: int) -> tuple[int, int]:
    """Return the dates between which a day is, in ms."""
    return day * closed_days.DAY_MS, (day + 1) * closed_days.DAY_MS


def _header(
    host: _Host,
    method: type[attribution_methods.Method],
    idle: idle_power.IdlePower,
) -> attributed_days.Header:
    chosen, layout = host.inputs, host.layouts[-1]
    return attributed_days.Header(
        chosen.day,
        chosen.host.name,
        0,
        0,
        chosen.versions,
        chosen.scope,
        method.name,
        method.version,
        layout.threads,
        layout.memory,
        idle.watts,
        idle.source,
    )


def _idle_power(
    connection: sa.Connection,
    host: _Host,
    previous: attributed_days.Header | None,
) -> idle_power.IdlePower:
    chosen, layout = host.inputs, host.layouts[-1]
    if layout.idle_watts is not None:
        return idle_power.IdlePower(
            layout.idle_watts, idle_power.Source.CONFIGURED
        )
    if previous is not None:
        return idle_power.IdlePower(
            previous.idle_watts, idle_power.Source(previous.idle_source)
        )
    devices = host_devices.used([layout], chosen.devices)
    return idle_powers.estimate(
        connection, chosen.energy(), devices, chosen.usage, chosen.day
    )


def _attribute(
    header: attributed_days.Header,
    host: _Host,
    lines: _Lines,
    method: type[attribution_methods.Method],
) -> attributed_days.HostDay:
    chosen, segments = host.inputs, host.segments
    boundaries = day_packing.edges(chosen.day)
    start, until = boundaries[0], boundaries[-1]
    energy = host_energy.HostEnergy(
        [host_energy.Member(span, lines[span.probe]) for span in chosen.spans]
    )
    devices = host_devices.energy(host.devices, lines)
    dates = {*boundaries}
    for known in (energy, *devices.values()):
        dates |= known.dates(start, until)
    for each in segments:
        dates |= {each.start, each.until}
    within = sorted(date for date in dates if start <= date <= until)
    edges = {name: known.edges(within) for name, known in devices.items()}
    intervals = attribution.attribute(
        energy.edges(within),
        boundaries,
        segments,
        header.idle_watts,
        energy.clock,
        method,
        None if chosen.devices is None else edges,
    )
    return attributed_days.HostDay(
        header,
        tuple(intervals),
        _identities(intervals, segments),
        frozenset(host.devices),
        frozenset(host_devices.named(host.layouts) - host.devices),
    )


def _identities(
    intervals: collections.abc.Iterable[attribution.Attributed],
    segments: _Segments,
) -> dict[str, attributed_days.Identity]:
    """Return the instances that were on the host, by UUID."""
    present = {uuid for each in intervals for uuid in each.instances}
    found = {
        each.uuid: attributed_days.Identity(
            each.name, each.project, each.project_name, each.user
        )
        for layout in dict.fromkeys(one.layout for one in segments)
        for each in layout.instances
        if each.uuid in present
    }
    return {uuid: found[uuid] for uuid in sorted(found)}
