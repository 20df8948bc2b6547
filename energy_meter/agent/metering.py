# SPDX-License-Identifier: Apache-2.0

"""Metering of one probe: its open register, and the marks of that."""

import math
import typing

from energy_meter import accumulator
from energy_meter import measurement
from energy_meter import register
from energy_meter.agent import clock
from energy_meter.agent import marker

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


class Metering:
    """The open register of one probe.

    :param opened: the register, without readings.
    :param profile_interval: interval of the marks, in ms.
    :param generation: generation of the clock when it was opened.
    :ivar latest: the newest measurement of the register; None before its
        first reading.
    """

    __slots__ = (
        '_counter',
        '_marker',
        '_profile_interval',
        '_register',
        '_stepped_at',
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
        self._counter: measurement.Counter | None = None
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

    def elapsed_at(self, now: clock.Instant) -> int:
        """Return the elapsed time of the register, in ms."""
        return self._register.elapsed_at(now.boottime)

    def deviation(self, at: clock.Instant) -> float:
        """Return by how many seconds the wall clock has stepped."""
        return self._register.deviation(at.boottime, at.timestamp)

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
        return marks

    def record(
        self, reading: measurement.Reading, at: clock.Instant
    ) -> list[measurement.Measurement]:
        """Add a valid reading.

        :returns: the marks that it makes, then the new measurement; nothing
            if the reading is not newer than the last one.
        """
        settings, current = self.settings, self._register
        # A counter that appears later, or changes its properties, starts
        # from a new base.
        if current.accumulator is None or (
            reading.counter not in (None, self._counter)
        ):
            self._counter = reading.counter
            current.accumulator = accumulator.make_accumulator(
                reading, settings.energy, settings.max_watts, settings.max_gap
            )
        if not current.update(reading, at.boottime, at.timestamp):
            return []
        if self.latest is None:
            self._marker = marker.Marker(
                self._profile_interval, current.opened_timestamp
            )
        # While a second step waits, the register has a wrong date, whatever
        # the kernel says of the clock.
        synced = at.synced and abs(self.deviation(at)) <= MAX_DEVIATION_S
        self.latest = current.snapshot(settings.probe, synced)
        recorded = [
            current.mark(settings.probe, synced, point)
            for point in self._marker.add(current.latest)
        ]
        recorded.append(self.latest)
        return recorded

    def end(self) -> list[measurement.Measurement]:
        """Return the final mark of the register."""
        if self.latest is None:
            return []
        return [
            self._register.mark(self.latest.probe, self.latest.synced, point)
            for point in self._marker.end()
        ]

    def distrust(self) -> str | None:
        """Return why the counter is not trusted; None if it is."""
        current = self._register.accumulator
        return None if current is None else current.distrust
