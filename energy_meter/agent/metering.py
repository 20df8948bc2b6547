# SPDX-License-Identifier: Apache-2.0

"""Metering of one probe: its open register, and the marks of that."""

import math
import typing

from energy_meter import accumulator
from energy_meter import cpu_usage
from energy_meter import measurement
from energy_meter import register
from energy_meter.agent import clock
from energy_meter.agent import marker
from energy_meter.agent import vector

#: Difference in seconds between the wall clock and the elapsed time above
#: which the wall clock has stepped.
MAX_DEVIATION_S = 1.0
#: Minimum time in seconds between two steps that open a register.
_STEP_INTERVAL_S = 600.0
#: Energy in mJ at which a register ends, long before integers in messages.
MAX_MILLIJOULES = 2**52


class Settings(typing.NamedTuple):
    """Settings of one probe.

    :ivar max_watts: maximum power, in watts; readings above it are rejected.
    :ivar max_gap: maximum number of seconds to integrate over.
    :ivar energy: ``auto``, ``counter`` or ``integrate``.
    :ivar options: options of its wattmeter, by name.
    """

    probe: measurement.Probe
    max_watts: float
    max_gap: float
    energy: str
    options: dict[str, typing.Any]


class _Followed(typing.NamedTuple):
    """What an accumulator follows: a counter, that of a host with threads."""

    counter: measurement.Counter | None
    threads: int | None


class Metering:
    """The open register of one probe.

    :param opened: the register, without readings.
    :param profile_interval: interval of the marks, in ms.
    :param generation: generation of the clock when it was opened.
    :ivar latest: the newest measurement of the register; None before its
        first reading.
    """

    __slots__ = (
        '_followed',
        '_marker',
        '_profile_interval',
        '_register',
        '_stepped_at',
        '_vector',
        'generation',
        'latest',
        'settings',
    )

    def __init__(
        self,
        settings: Settings,
        opened: register.Register,
        profile_interval: int,
        generation: int,
    ) -> None:
        self.settings = settings
        self.generation = generation
        self.latest: measurement.Measurement | None = None
        self._register = opened
        self._profile_interval = profile_interval
        self._marker = marker.Marker(profile_interval, 0)
        # What the accumulator was made for.
        self._followed: _Followed | None = None
        self._vector: vector.Vector | None = None
        self._stepped_at = -math.inf

    def change(self, settings: Settings) -> None:
        """Meter with other settings, in the same register."""
        self.settings = settings
        self._register.accumulator = None

    def is_newer(self, at: clock.Instant) -> bool:
        """Return whether a time is later than that of the last reading."""
        if at.generation != self.generation:
            return at.generation > self.generation
        current = self._register
        return current.elapsed_at(at.boottime) > current.latest.elapsed

    def continues(
        self, reading: measurement.Reading, at: clock.Instant
    ) -> bool:
        """Return whether a reading belongs to the register, as most do.

        If not, it may be too old, or the register may end before it.
        """
        current = self._register
        return (
            at.generation == self.generation
            and current.elapsed_at(at.boottime) > current.latest.elapsed
            and (reading.usage is None) is (self._vector is None)
            and current.latest.millijoules < MAX_MILLIJOULES
            and -MAX_DEVIATION_S
            <= current.deviation(at.boottime, at.timestamp)
            <= MAX_DEVIATION_S
        )

    def elapsed_at(self, now: clock.Instant) -> int:
        """Return the elapsed time of the register, in ms."""
        return self._register.elapsed_at(now.boottime)

    def deviation(self, at: clock.Instant) -> float:
        """Return by how many seconds the wall clock has stepped."""
        return self._register.deviation(at.boottime, at.timestamp)

    def is_of_other_quantity(self, reading: measurement.Reading) -> bool:
        """Return whether a reading cannot belong to the register.

        Its driver was replaced by one that reads CPU time, or no longer does.
        """
        has_usage = reading.usage is not None
        if self._vector is not None:
            return not has_usage
        return self.latest is not None and has_usage

    def must_end(self, at: clock.Instant) -> bool:
        """Return whether the register ends at its last reading.

        It does if its energy grows too large, or the wall clock has stepped.
        A step soon after another one waits. If it is undone meanwhile, no
        register is needed.
        """
        if self._register.latest.millijoules >= MAX_MILLIJOULES:
            return True
        if (
            self.latest is None
            or abs(self.deviation(at)) <= MAX_DEVIATION_S
            or at.boottime - self._stepped_at < _STEP_INTERVAL_S
        ):
            return False
        self._stepped_at = at.boottime
        return True

    def renew(
        self, key: measurement.RegisterKey
    ) -> list[measurement.Measurement]:
        """End the register, and open one that continues at its last reading.

        :returns: the final mark of the register that ended.
        """
        marks = self.end()
        self._register = self._register.successor(key)
        self.latest = None
        if self._vector is not None:
            self._vector.restart()
        return marks

    def record(
        self, reading: measurement.Reading, at: clock.Instant
    ) -> list[measurement.Measurement]:
        """Add a valid reading.

        :returns: the marks that it makes, then the new measurement; nothing
            if the reading is not newer than the last one.
        """
        probe, current = self.settings.probe, self._register
        self._follow(reading)
        metered = current.latest.metered
        if not current.update(reading, at.boottime, at.timestamp):
            return []
        if self.latest is None:
            self._marker = marker.Marker(
                self._profile_interval,
                current.opened_timestamp,
                marker.MAX_OFF_GRID
                if reading.usage is None
                else marker.MAX_OFF_GRID_USAGE,
            )
        # While a second step waits, the register has a wrong date, whatever
        # the kernel says of the clock.
        synced = at.synced and abs(self.deviation(at)) <= MAX_DEVIATION_S
        instances, snapshot = self._vector, reading.usage
        usage = None
        if instances is None or snapshot is None:
            recorded = [
                current.mark(probe, synced, point)
                for point in self._marker.add(current.latest)
            ]
        else:
            is_metered = current.latest.metered > metered
            recorded = [
                current.mark(probe, synced, point, marked)
                for point, marked in self._mark(
                    instances, snapshot, is_metered
                )
            ]
            usage = instances.usage()
        self.latest = current.snapshot(probe, synced, usage)
        recorded.append(self.latest)
        return recorded

    def _mark(
        self,
        instances: vector.Vector,
        snapshot: cpu_usage.Snapshot,
        is_metered: bool,
    ) -> list[tuple[measurement.Point, cpu_usage.Usage]]:
        """Return the marks that the last reading of a host makes."""
        latest = self._register.latest
        is_changed = instances.add(snapshot, latest.elapsed, is_metered)
        points = self._marker.add(latest, is_changed)
        return list(zip(points, instances.mark(points), strict=True))

    def _follow(self, reading: measurement.Reading) -> None:
        """Make an accumulator, if the present one does not fit a reading.

        A counter that appears later, or changes its properties, starts from a
        new base.
        """
        settings, current = self.settings, self._register
        if current.accumulator is not None and reading.counter is None:
            return
        threads = reading.usage and reading.usage.layout.threads
        followed = _Followed(reading.counter, threads)
        if current.accumulator is not None and followed == self._followed:
            return
        self._followed = followed
        energy, max_watts = settings.energy, settings.max_watts
        if reading.usage is not None:
            if self._vector is None:
                self._vector = vector.Vector(reading.usage)
            else:
                self._vector.rebase(reading.usage)
            # So many CPUs can be busy.
            energy = 'counter'
            max_watts = min(
                max_watts, vector.TOLERANCE * reading.usage.layout.threads
            )
        current.accumulator = accumulator.make_accumulator(
            reading, energy, max_watts, settings.max_gap
        )

    def end(self) -> list[measurement.Measurement]:
        """Return the final mark of the register."""
        if self.latest is None:
            return []
        return [
            self._register.mark(
                self.latest.probe,
                self.latest.synced,
                point,
                self.latest.usage,
            )
            for point in self._marker.end()
        ]

    def distrust(self) -> str | None:
        """Return why the counter is not trusted; None if it is."""
        current = self._register.accumulator
        return None if current is None else current.distrust
