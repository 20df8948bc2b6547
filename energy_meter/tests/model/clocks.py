# SPDX-License-Identifier: Apache-2.0

"""Clocks of a machine."""

import bisect

from energy_meter.tests.model import spans


class Clock:
    """Wall clock, and clock since boot, of one machine.

    :param offset: difference in ms of the wall clock from the true time.
    :param synced: whether the kernel considers the wall clock synchronized.
    """

    def __init__(self, offset: int = 0, synced: bool = True) -> None:
        self._times = [-(2**62)]
        self._states = [(offset, synced)]
        self.pauses: list[spans.Span] = []

    def set(self, time: int, offset: int, synced: bool = True) -> None:
        """Set the wall clock, later than all times at which it was set."""
        self._times.append(time)
        self._states.append((offset, synced))

    def pause(self, span: spans.Span) -> None:
        """Stop the machine. Both clocks continue where they stopped."""
        self.pauses.append(span)
        offset, synced = self._states[-1]
        self.set(span.stop, offset - span.length, synced)

    @property
    def changes(self) -> list[int]:
        """Times at which the wall clock's offset changed."""
        return self._times[1:]

    def _state(self, time: int) -> tuple[int, bool]:
        return self._states[bisect.bisect_right(self._times, time) - 1]

    def offset(self, time: int) -> int:
        return self._state(time)[0]

    def synced(self, time: int) -> bool:
        return self._state(time)[1]

    def wall(self, time: int) -> int:
        return time + self.offset(time)

    def boot(self, time: int) -> int:
        """Return the time without pauses."""
        return time - sum(
            min(stop, time) - start
            for start, stop in self.pauses
            if start < time
        )

    def difference(self, time: int) -> int:
        """Return by how much the wall clock is ahead of the clock of boot."""
        return self.wall(time) - self.boot(time)
