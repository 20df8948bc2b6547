# SPDX-License-Identifier: Apache-2.0

"""Times at which an agent reads its wattmeter."""

import dataclasses

from energy_meter.tests.model import spans


@dataclasses.dataclass(frozen=True)
class Readings:
    """Readings every ``period`` from ``start`` until ``stop``.

    :ivar gaps: disjoint spans without readings, ascending. The agent does
        not know the energy of those.
    :ivar pauses: likewise, while the machine is paused. The agent does not
        notice them.
    """

    start: int
    stop: int
    period: int
    gaps: tuple[spans.Span, ...] = ()
    pauses: tuple[spans.Span, ...] = ()

    def before(self, time: int) -> int | None:
        """Return the time of the last reading until ``time``."""
        time = min(time, self.stop)
        for blind in sorted((*self.gaps, *self.pauses), reverse=True):
            time = self._aligned(time)
            if blind.start <= time < blind.stop:
                time = blind.start - 1
        time = self._aligned(time)
        return time if time >= self.start else None

    def after(self, time: int) -> int | None:
        """Return the time of the first reading from ``time`` on."""
        time = -self._aligned(-max(time, self.start), -self.start)
        for blind in sorted((*self.gaps, *self.pauses)):
            if blind.start <= time < blind.stop:
                time = -self._aligned(-blind.stop, -self.start)
        return time if time <= self.stop else None

    def _aligned(self, time: int, start: int | None = None) -> int:
        start = self.start if start is None else start
        return start + (time - start) // self.period * self.period

    def runs(self) -> list[spans.Span]:
        """Return spans from first to last of readings without a gap."""
        runs: list[spans.Span] = []
        begin = self.after(self.start)
        for gap in self.gaps:
            end, resumed = self.before(gap.start - 1), self.after(gap.stop)
            if begin is None or end is None or resumed is None:
                continue
            if resumed - end > self.period:
                runs.append(spans.Span(begin, end))
                begin = resumed
        end = self.before(self.stop)
        if begin is not None and end is not None and end >= begin:
            runs.append(spans.Span(begin, end))
        return runs
