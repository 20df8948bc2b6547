# SPDX-License-Identifier: Apache-2.0

"""Energy of instances, or of projects, while that of their days is added."""

import bisect
import collections.abc

from energy_meter.billing import attribution
from energy_meter.db import attributed_days
from energy_meter.db import energies
from energy_meter.db import instance_days
from energy_meter.db import presences


class Sum:
    """A row while energy is added."""

    def __init__(self) -> None:
        self.part = attribution.Part()
        self.is_open = False
        self.version = 0

    def add(self, part: attribution.Part, version: int) -> None:
        """Add energy; version 0 is not closed."""
        # A quarter-hour has one part, unless the instance moved.
        self.part = self.part.plus(part) if any(self.part) else part
        self.is_open |= version == 0
        self.version = max(self.version, version)


class Member:
    """An instance or a project while energy is added."""

    def __init__(
        self,
        length: int,
        identity: attributed_days.Identity | None = None,
    ) -> None:
        self.sums = [Sum() for _ in range(length)]
        self.total = Sum()
        self.sources: set[instance_days.Source] = set()
        self.last: instance_days.Share | None = None
        self.identity = identity
        self.instances: set[str] = set()
        self._names: dict[str, tuple[int, int]] = {}

    def add_presence(self, presence: presences.Presence) -> None:
        """Add an instance of a project."""
        self.instances.add(presence.instance)
        name = presence.project_name
        last, first = self._names.get(name, (presence.last, presence.first))
        self._names[name] = (
            max(last, presence.last),
            min(first, presence.first),
        )

    @property
    def project_name(self) -> str:
        """Latest name of the project; empty if it is not known.

        Nova does not change the metadata of instances when their project is
        renamed. So of the names of the last day, the one that appeared last
        counts.
        """
        if self.identity is not None:
            return self.identity.project_name
        named = [(when, name) for name, when in self._names.items() if name]
        return max(named)[1] if named else ''


class Members:
    """Members by ID.

    :param period: whose dates are boundaries of quarter-hours.
    """

    def __init__(
        self, chosen: instance_days.Filter, period: energies.Period
    ) -> None:
        self._chosen = chosen
        self._period = period
        self._edges = period.edges
        self.by_id: dict[str, Member] = {}

    def add(
        self,
        share: instance_days.Share,
        parts: collections.abc.Iterable[tuple[int, attribution.Part]],
    ) -> Member:
        """Add the energy of an instance or a project on a host.

        :param parts: with the dates at which they begin.
        """
        key = self._chosen.key(share.instance, share.project)
        if key not in self.by_id:
            self.by_id[key] = Member(len(self._edges) - 1)
        member = self.by_id[key]
        present = []
        for date, part in parts:
            if not any(part):
                continue
            if self._period.start <= date < self._period.end:
                present.append(part)
            place = bisect.bisect_right(self._edges, date) - 1
            if 0 <= place < len(member.sums):
                member.sums[place].add(part, share.version)
        if present:
            member.total.add(attributed_days.total(present), share.version)
            member.sources.add(share.source)
            if member.last is None or share.day >= member.last.day:
                member.last = share
        return member

    def add_open(self, day: attributed_days.HostDay) -> bool:
        """Add a day that is not closed; return whether a member is on it."""
        header = day.header
        source = instance_days.Source(
            header.host, header.scope, header.method, header.method_version
        )
        is_present = False
        for uuid, identity in day.instances.items():
            if not self._chosen.matches(header.host, uuid, identity):
                continue
            share = instance_days.Share(
                header.day,
                0,
                uuid,
                identity.project,
                source,
                attribution.Part(),
            )
            parts = [
                (each.energy.start, each.instances[uuid])
                for each in day.intervals
                if uuid in each.instances
                and self._period.start <= each.energy.start < self._period.end
            ]
            if parts:
                is_present = True
                member = self.add(share, parts)
                if self._chosen.is_by_project:
                    member.add_presence(
                        presences.Presence(
                            identity.project,
                            identity.project_name,
                            uuid,
                            header.day,
                            header.day,
                        )
                    )
                else:
                    member.identity = identity
        return is_present
