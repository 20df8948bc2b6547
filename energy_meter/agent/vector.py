# SPDX-License-Identifier: Apache-2.0

"""CPU time of the instances of a host, beside the register of the host.

The counter of an instance is that of the process that runs it. It begins again
when the instance is restarted or migrated, so increases are added up here.
This module has no clock and does no I/O.
"""

import collections.abc
import typing

from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter.bus import layouts

#: Tolerance in what a host can have computed between two readings: a factor
#: and ms of each thread. Counters are not read at the same time.
TOLERANCE = 1.05
_TOLERANCE_MS = 1000


class _State(typing.NamedTuple):
    """Values at one reading, by the UUID of the instance.

    :ivar metered: elapsed time of the last reading that was metered.
    """

    elapsed: int
    metered: int
    layout: cpu_usage.Layout
    cpu: dict[str, int]

    def usage(self) -> cpu_usage.Usage:
        """Return the values in the order of the layout."""
        return cpu_usage.Usage(
            self.layout,
            tuple(self.cpu[each.uuid] for each in self.layout.instances),
        )


class Vector:
    """Values of one register, which opens at zero for all instances.

    The layout of a mark applies since the mark before it. If the layout
    changes but the reading before cannot be marked, both layouts are merged
    until the next mark, and no CPU time is lost.

    :param first: the first snapshot. What instances computed before is not
        known.
    """

    __slots__ = ('_begin', '_counters', '_end', '_marked', '_read')

    def __init__(self, first: cpu_usage.Snapshot) -> None:
        self._counters: dict[str, tuple[str, int]] = {}
        self._read = first.layout
        self._remember(first)
        self.restart()

    def restart(self) -> None:
        """Begin a register that opens at the last reading."""
        # Elapsed time of the last mark.
        self._marked = 0
        zeros = dict.fromkeys(_uuids(self._read), 0)
        self._begin = self._end = _State(0, 0, self._read, zeros)

    def rebase(self, snapshot: cpu_usage.Snapshot) -> None:
        """Skip what instances computed since the last reading."""
        self._remember(snapshot)

    def add(
        self, snapshot: cpu_usage.Snapshot, elapsed: int, is_metered: bool
    ) -> bool:
        """Add a reading, and return whether another layout applies before it.

        :param elapsed: later than that of the last reading.
        :param is_metered: whether the register of the host accepted it.
            Otherwise its CPU time is added with the next one.
        """
        self._begin = self._end
        if not is_metered:
            self._end = self._begin._replace(elapsed=elapsed)
            return False
        limit = (
            TOLERANCE * (elapsed - self._begin.metered) + _TOLERANCE_MS
        ) * snapshot.layout.threads
        cpu = {
            uuid: self._begin.cpu.get(uuid, 0)
            + self._increase(uuid, counter, limit)
            for uuid, counter in _counters(snapshot).items()
        }
        self._read = snapshot.layout
        self._remember(snapshot)
        self._end = _State(elapsed, elapsed, snapshot.layout, cpu)
        return self._begin.layout != snapshot.layout

    def mark(
        self, points: collections.abc.Iterable[measurement.Point]
    ) -> list[cpu_usage.Usage]:
        """Return the vectors of marks, in order.

        To be called once after each reading.

        :param points: marks that this reading makes: the opening, the reading
            before, and any between that and this one.
        """
        usages = []
        later = []
        for point in points:
            if point.elapsed > self._begin.elapsed:
                later.append(point.elapsed)
            else:
                usages.append(self._begin.usage())
                self._marked = point.elapsed
        end = self._end
        if self._marked < self._begin.metered:
            self._end = self._merged()
        for elapsed in later:
            usages.append(self._between(elapsed))
            self._marked = elapsed
            # From this mark on, only what is read now applies.
            self._end = end
        return usages

    def usage(self) -> cpu_usage.Usage:
        """Return the vector of the last reading."""
        return self._end.usage()

    def _remember(self, snapshot: cpu_usage.Snapshot) -> None:
        current = _counters(snapshot)
        # Instances may be missing in a reading, and return.
        if len(self._counters) > 2 * layouts.MAX_INSTANCES:
            self._counters.clear()
        self._counters.update(current)

    def _increase(
        self, uuid: str, counter: tuple[str, int], limit: float
    ) -> int:
        """Return what an instance computed since the last metered reading.

        All of a process that is new counts. One that computed more than the
        host can have since then is older, and begins now.
        """
        process, ticks = counter
        known, begun = self._counters.get(uuid, ('', 0))
        if process != known or ticks < begun:
            begun = 0
        return ticks - begun if ticks - begun <= limit else 0

    def _merged(self) -> _State:
        """Return the last reading with the instances that left before it.

        No instance has a device that changed hands, as it is not known when.
        """
        begin, end = self._begin, self._end
        devices = tuple(
            each
            if each in begin.layout.devices
            else each._replace(instance=None)
            for each in end.layout.devices
        )
        left = [
            each for each in begin.layout.instances if each.uuid not in end.cpu
        ][: layouts.MAX_INSTANCES - len(end.cpu) - len(end.layout.devices)]
        if not left and devices == end.layout.devices:
            return end
        return _State(
            end.elapsed,
            end.metered,
            end.layout._replace(
                instances=tuple(sorted((*end.layout.instances, *left))),
                devices=devices,
            ),
            end.cpu | {each.uuid: begin.cpu[each.uuid] for each in left},
        )

    def _between(self, elapsed: int) -> cpu_usage.Usage:
        """Return the vector between the last two readings."""
        begin, end = self._begin, self._end
        length = end.elapsed - begin.elapsed
        passed = elapsed - begin.elapsed
        cpu = {}
        for uuid, after in end.cpu.items():
            before = begin.cpu.get(uuid, 0)
            cpu[uuid] = before + (after - before) * passed // length
        return end._replace(cpu=cpu).usage()


def _uuids(layout: cpu_usage.Layout) -> collections.abc.Iterator[str]:
    return (each.uuid for each in layout.instances)


def _counters(snapshot: cpu_usage.Snapshot) -> dict[str, tuple[str, int]]:
    return dict(zip(_uuids(snapshot.layout), snapshot.counters, strict=True))
