# SPDX-License-Identifier: Apache-2.0

"""Registers of agents, with the true times of their measurements."""

import dataclasses
import functools

from energy_meter import measurement
from energy_meter.tests.model import clocks
from energy_meter.tests.model import power
from energy_meter.tests.model import spans

PROFILE_INTERVAL = 900_000
#: Readings at most this far apart make one mark of a boundary between them.
MAX_INTERPOLATED = 10_000


@dataclasses.dataclass(frozen=True)
class Register:
    """A register, from ``opened`` until the last reading.

    :ivar noticed: time of the reading at which the agent opened it. It
        begins at the reading before if a step of the clock ended another.
    :ivar runs: spans between the first and the last reading of which the
        agent knows the energy.
    :ivar ended: time at which the agent knew that the register had ended;
        None if the agent was killed.
    """

    probe: str
    key: measurement.RegisterKey
    agent_name: str
    after: measurement.Predecessor | None
    opened: int
    noticed: int
    until: int
    ended: int | None
    runs: tuple[spans.Span, ...]
    clock: clocks.Clock
    power: power.Power

    @functools.cached_property
    def covered(self) -> list[spans.Span]:
        """True time in which it metered. A paused machine meters nothing."""
        return spans.subtract(self.runs, self.clock.pauses)

    def elapsed(self, time: int) -> int:
        return self.clock.boot(time) - self.clock.boot(self.opened)

    def time(self, elapsed: int) -> int:
        """Return the true time of an elapsed time."""
        time = self.opened + elapsed
        for start, stop in self.clock.pauses:
            if self.opened <= start < time:
                time += stop - start
        return time

    def timestamp(self, time: int) -> int:
        """Return the time on the wall clock as it was at the opening."""
        return self.clock.boot(time) + self.clock.difference(self.noticed)

    def point(self, time: int) -> measurement.Point:
        """Return the state of the register after a reading at ``time``."""
        parts = spans.clip(self.covered, self.opened, time)
        return measurement.Point(
            self.elapsed(time),
            self.power.energy(parts),
            sum(span.length for span in parts),
        )

    def measure(
        self, time: int, is_mark: bool = False
    ) -> measurement.Measurement:
        return self.measure_point(time, self.point(time), is_mark)

    def measure_point(
        self, time: int, point: measurement.Point, is_mark: bool
    ) -> measurement.Measurement:
        """Return the measurement of a point at ``time``."""
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    self.probe,
                    'node',
                    'host',
                    'meter',
                    'dummy',
                    self.agent_name,
                ),
                self.key,
                self.after,
                self.clock.synced(max(time, self.noticed)),
            ),
            self.timestamp(time),
            *point,
            None if is_mark else 100.0,
            is_mark=is_mark,
        )
