# SPDX-License-Identifier: Apache-2.0

"""A clock that tests move."""

from energy_meter.agent import clock

#: Boot time and wall clock of a :class:`Clock` at its start, in seconds.
BOOTTIME = 1000.0
TIMESTAMP = 1.7e9


class Clock(clock.Clock):
    """Clock of the agent that stands still until it is moved.

    :ivar monotonic: seconds on CLOCK_MONOTONIC.
    :ivar boottime: seconds on CLOCK_BOOTTIME.
    :ivar timestamp: seconds since the epoch.
    """

    def __init__(self) -> None:
        super().__init__('synced')
        self.monotonic = 500.0
        self.boottime, self.timestamp = BOOTTIME, TIMESTAMP
        self.synced = True
        self.generation = 0

    def now(self) -> clock.Instant:
        return clock.Instant(
            self.monotonic,
            self.boottime,
            self.timestamp,
            self.synced,
            self.generation,
        )

    def advance(self, seconds: float) -> clock.Instant:
        """Advance all clocks, and return the current instant."""
        self.monotonic += seconds
        self.boottime += seconds
        self.timestamp += seconds
        return self.now()

    def suspend(self, seconds: float) -> None:
        """Advance the clocks that run while the machine is suspended."""
        self.boottime += seconds
        self.timestamp += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self.timestamp += seconds

    def restore(self, boottime: float) -> None:
        """Continue on a machine with an earlier boot time."""
        self.boottime = boottime
        self.generation += 1
