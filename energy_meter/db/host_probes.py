# SPDX-License-Identifier: Apache-2.0

"""Probes of the hosts of which the CPU usage is known."""

import collections.abc
import typing

import sqlalchemy as sa

from energy_meter import totals
from energy_meter.db import memberships
from energy_meter.db import schema
from energy_meter.db import subjects

_PROBE, _REGISTER, _SUM = schema.probe, schema.register, schema.sum_probe
_MEMBER = schema.membership


class UsageProbe(typing.NamedTuple):
    """A probe of the CPU usage of a host.

    :ivar first: about when it was first metered, in ms.
    :ivar last: about when it was last metered.
    """

    id: str
    first: int
    last: int


class EnergyProbe(typing.NamedTuple):
    """A probe, or a sum, of the energy of a host.

    :ivar spans: the time of the probe, or of the parts of the sum.
    """

    id: str
    scope: str
    is_sum: bool
    spans: tuple[subjects.Span, ...]


class Host(typing.NamedTuple):
    """A host whose CPU usage is known.

    :ivar usage: in order of their IDs; at least one.
    """

    name: str
    usage: tuple[UsageProbe, ...]
    energy: tuple[EnergyProbe, ...]

    def probes(self) -> set[str]:
        """Return the IDs of all its probes, and those of parts of sums."""
        return {each.id for each in self.usage} | {
            span.probe for each in self.energy for span in each.spans
        }

    def select(
        self,
        metered: collections.abc.Container[str],
        start: int,
        until: int,
        precedence: list[str],
    ) -> list[EnergyProbe]:
        """Return the probes whose energy is that of the host in some time.

        :param metered: IDs of the probes that were metered in that time.
        :param start: date in ms.
        :param precedence: scopes in order of preference.
        :returns: with the spans in that time only.
        """
        counting = [
            each._replace(
                spans=tuple(
                    span
                    for span in each.spans
                    if span.probe in metered
                    and span.since < until
                    and start < span.until
                )
            )
            for each in self.energy
        ]
        candidates = [
            totals.Candidate(
                each.id,
                self.name,
                each.scope,
                [span.probe for span in each.spans] if each.is_sum else (),
            )
            for each in counting
            if each.spans
        ]
        if not candidates:
            return []
        chosen = totals.select(candidates, precedence)
        return [each for each in counting if each.spans and each.id in chosen]


def load(
    connection: sa.Connection,
    names: collections.abc.Collection[str] | None = None,
) -> dict[str, Host]:
    """Return the hosts whose CPU usage is known, by name.

    :param names: only these hosts; by default all.
    """
    used = {
        name: probes
        for name, probes in usage(connection).items()
        if names is None or name in names
    }
    energy: dict[str, list[EnergyProbe]] = {name: [] for name in used}
    for each in _sums(connection) + _probes(connection, used):
        if each.host in energy:
            energy[each.host].append(each.probe)
    return {
        name: Host(name, tuple(used[name]), tuple(energy[name]))
        for name in sorted(used)
    }


def usage(connection: sa.Connection) -> dict[str, list[UsageProbe]]:
    """Return the probes of CPU usage, by host."""
    found: dict[str, list[UsageProbe]] = {}
    for row in connection.execute(_usage()):
        probe = UsageProbe(row.id, row.first, row.last)
        found.setdefault(row.host, []).append(probe)
    return found


class _Placed(typing.NamedTuple):
    host: str
    probe: EnergyProbe


def _shown() -> sa.Join:
    """Return the probes, each with the register whose host is shown."""
    displayed = sa.func.coalesce(_PROBE.c.tip, _PROBE.c.displayed)
    return _PROBE.join(_REGISTER, _REGISTER.c.number == displayed)


def _usage() -> sa.Select[typing.Any]:
    other = _REGISTER.alias()
    return (
        sa.select(
            _PROBE.c.id,
            _REGISTER.c.host,
            sa.func.min(other.c.first_timestamp - other.c.first_elapsed).label(
                'first'
            ),
            sa.func.max(other.c.last_seen_at).label('last'),
        )
        .select_from(_shown().join(other, other.c.probe == _PROBE.c.id))
        .where(_PROBE.c.quantity == schema.Quantity.CPU_TIME)
        .group_by(_PROBE.c.id, _REGISTER.c.host)
        .order_by(_PROBE.c.id)
    )


def _probes(
    connection: sa.Connection, hosts: collections.abc.Container[str]
) -> list[_Placed]:
    query = (
        sa.select(_PROBE.c.id, _REGISTER.c.host, _REGISTER.c.scope)
        .select_from(_shown())
        .where(_PROBE.c.quantity == schema.Quantity.ENERGY)
        .order_by(_PROBE.c.id)
    )
    found = []
    # All rows at once, which is much faster than row by row.
    for row in connection.execute(query).all():
        if row.host not in hosts:
            continue
        span = subjects.Span(row.id, subjects.BEGINNING, subjects.END)
        probe = EnergyProbe(row.id, row.scope, False, (span,))
        found.append(_Placed(row.host, probe))
    return found


def _sums(connection: sa.Connection) -> list[_Placed]:
    query = (
        sa.select(
            _SUM.c.id,
            _SUM.c.host,
            _MEMBER.c.member,
            _MEMBER.c.since,
            sa.func.coalesce(_MEMBER.c.until, subjects.END),
        )
        .join(
            _MEMBER,
            sa.and_(
                _MEMBER.c.whole == _SUM.c.id,
                _MEMBER.c.kind == memberships.Kind.SUM,
            ),
        )
        .order_by(_SUM.c.id, _MEMBER.c.member, _MEMBER.c.since)
    )
    spans: dict[tuple[str, str], list[subjects.Span]] = {}
    for name, host, *span in connection.execute(query):
        spans.setdefault((name, host), []).append(subjects.Span(*span))
    return [
        _Placed(
            host, EnergyProbe(name, subjects.SUM_SCOPE, True, tuple(parts))
        )
        for (name, host), parts in spans.items()
    ]
