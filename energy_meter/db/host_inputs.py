# SPDX-License-Identifier: Apache-2.0

"""Probes of hosts that count when energy is attributed."""

import collections.abc
import json
import typing

import sqlalchemy as sa

from energy_meter.db import closed_days
from energy_meter.db import host_devices
from energy_meter.db import host_probes
from energy_meter.db import profiles
from energy_meter.db import subjects

_Hosts = collections.abc.Iterable[host_probes.Host]


class Inputs(typing.NamedTuple):
    """Probes of a host that count on a day.

    :ivar spans: those of its energy, and when they count.
    :ivar usage: ID of that of its CPU usage.
    :ivar devices: IDs of those that may measure a device of the host; None if
        its energy does not contain that of its devices.
    :ivar is_final: whether all of the host's probes are closed on this day.
    :ivar versions: those of the closed days of the probes that count, as
        text.
    """

    host: host_probes.Host
    day: int
    scope: str
    spans: tuple[subjects.Span, ...]
    usage: str
    devices: frozenset[str] | None
    is_final: bool
    versions: str

    def energy(self) -> set[str]:
        """Return the IDs of the probes whose energy is that of the host."""
        return {span.probe for span in self.spans}


def load(
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
    scope = energy[0].scope
    devices = host_devices.find(host, scope, spans, metered)
    counted = sorted({best, *(devices or ()), *(span.probe for span in spans)})
    return Inputs(
        host,
        day,
        scope,
        spans,
        best,
        devices,
        all(each.is_final(until) for each in known.values()),
        json.dumps({name: known[name].version for name in counted}),
    )
