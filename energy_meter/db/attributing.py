# SPDX-License-Identifier: Apache-2.0

"""Attributes the energy of hosts on UTC days to their instances.

The result depends only on what is known of the hosts' probes, so a day that is
closed and one that is computed for a request differ in nothing else.
"""

import collections.abc
import json
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
from energy_meter.db import host_energy
from energy_meter.db import host_probes
from energy_meter.db import idle_powers
from energy_meter.db import profiles
from energy_meter.db import subjects
from energy_meter.db import timelines
from energy_meter.db import usage_segments

_Hosts = collections.abc.Iterable[host_probes.Host]
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


class Inputs(typing.NamedTuple):
    """Probes of a host that count on a day.

    :ivar spans: those of its energy, and when they count.
    :ivar usage: ID of that of its CPU usage.
    :ivar is_final: whether all of the host's probes are closed on this day.
    :ivar versions: those of the closed days of the probes that count, as
        text.
    """

    host: host_probes.Host
    day: int
    scope: str
    spans: tuple[subjects.Span, ...]
    usage: str
    is_final: bool
    versions: str

    def energy(self) -> set[str]:
        """Return the IDs of the probes whose energy is that of the host."""
        return {span.probe for span in self.spans}


def inputs(
    connection: sa.Connection, hosts: _Hosts, day: int, precedence: list[str]
) -> list[Inputs]:
    """Return the probes of hosts that count on a day.

    :returns: those of hosts of which energy and usage are known at all.
    """
    found = []
    members = list(hosts)
    start, until = day * closed_days.DAY_MS, (day + 1) * closed_days.DAY_MS
    energies = profiles.load(
        connection,
        {name: (start, until) for each in members for name in each.probes()},
    )
    days = {
        name: _ProbeDay(
            each.profile.between(start, until).interval.metered,
            each.profile.between(start, until).version,
            each.final_until,
        )
        for name, each in energies.items()
    }
    for host in members:
        if chosen := _choose(host, day, days, precedence):
            found.append(chosen)
    return found


class _ProbeDay(typing.NamedTuple):
    """A day of a probe; see :class:`energy_meter.db.profiles.Energy`."""

    metered: int
    version: int | None
    final_until: int | None

    def is_final(self, until: int) -> bool:
        """Return whether the day before a date is closed.

        A probe that is new since has no days to be closed.
        """
        if self.final_until is None:
            return not self.metered
        return self.final_until >= until


def _choose(
    host: host_probes.Host,
    day: int,
    days: collections.abc.Mapping[str, _ProbeDay],
    precedence: list[str],
) -> Inputs | None:
    known = {name: days[name] for name in host.probes() if name in days}
    metered = {name for name, each in known.items() if each.metered}
    start, until = day * closed_days.DAY_MS, (day + 1) * closed_days.DAY_MS
    usage = [each.id for each in host.usage if each.id in metered]
    energy = host.select(metered, start, until, precedence)
    if not usage or not energy:
        return None
    # Several probes of a host's usage contain the same instances.
    best = max(usage, key=lambda name: known[name].metered)
    spans = tuple(span for each in energy for span in each.spans)
    counted = sorted({best, *(span.probe for span in spans)})
    return Inputs(
        host,
        day,
        energy[0].scope,
        spans,
        best,
        all(each.is_final(until) for each in known.values()),
        json.dumps({name: known[name].version for name in counted}),
    )


def attribute(
    connection: sa.Connection,
    chosen: collections.abc.Collection[Inputs],
    rules: Rules,
    previous: collections.abc.Mapping[tuple[int, str], attributed_days.Header],
) -> collections.abc.Iterator[attributed_days.HostDay]:
    """Yield the attributed days of hosts, as version 0.

    :param chosen: of the same day.
    :param previous: versions of these days, whose idle power stays, by day
        and host.
    """
    if not chosen:
        return
    day = next(iter(chosen)).day
    start, until = day * closed_days.DAY_MS, (day + 1) * closed_days.DAY_MS
    wanted = {name for each in chosen for name in {each.usage, *each.energy()}}
    runs = {name: [(start, until)] for name in wanted}
    lines = timelines.load(connection, runs, has_marks=True)
    usage = {each.usage: lines[each.usage] for each in chosen}
    segments = usage_segments.load(connection, usage, start, until)
    for each in chosen:
        known = segments[each.usage]
        layouts = [
            one.layout
            for one in known
            if start < one.until and one.start < until
        ]
        if layouts:
            old = previous.get((day, each.host.name))
            idle = _idle_power(connection, each, layouts[-1], old)
            header = _header(each, layouts[-1], rules.method, idle)
            yield _attribute(header, each, lines, known, rules.method)


def _header(
    chosen: Inputs,
    layout: cpu_usage.Layout,
    method: type[attribution_methods.Method],
    idle: idle_power.IdlePower,
) -> attributed_days.Header:
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
    chosen: Inputs,
    layout: cpu_usage.Layout,
    previous: attributed_days.Header | None,
) -> idle_power.IdlePower:
    configured = layout.idle_watts
    if configured is not None:
        return idle_power.IdlePower(configured, idle_power.Source.CONFIGURED)
    if previous is not None:
        return idle_power.IdlePower(
            previous.idle_watts, idle_power.Source(previous.idle_source)
        )
    return idle_powers.estimate(
        connection, chosen.energy(), chosen.usage, chosen.day
    )


def _attribute(
    header: attributed_days.Header,
    chosen: Inputs,
    lines: _Lines,
    segments: _Segments,
    method: type[attribution_methods.Method],
) -> attributed_days.HostDay:
    boundaries = day_packing.edges(chosen.day)
    start, until = boundaries[0], boundaries[-1]
    energy = host_energy.HostEnergy(
        [host_energy.Member(span, lines[span.probe]) for span in chosen.spans]
    )
    dates = {*boundaries, *energy.dates(start, until)}
    for each in segments:
        dates |= {each.start, each.until}
    within = sorted(date for date in dates if start <= date <= until)
    intervals = attribution.attribute(
        energy.edges(within),
        boundaries,
        segments,
        header.idle_watts,
        energy.clock,
        method,
    )
    return attributed_days.HostDay(
        header,
        tuple(intervals),
        _identities(intervals, segments),
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
