# SPDX-License-Identifier: Apache-2.0

"""Agents: processes that keep registers and publish their measurements."""

from collections.abc import Iterator
import dataclasses
import functools
import itertools
import typing

from energy_meter import measurement
from energy_meter.tests.model import clocks
from energy_meter.tests.model import power
from energy_meter.tests.model import readings
from energy_meter.tests.model import registers
from energy_meter.tests.model import spans

CHECKPOINT_INTERVAL = 10_000
#: A change of the clock's offset by more than this ends a register.
MAX_STEP = 1000
#: Time after a step during which a further one opens no register.
STEP_INTERVAL = 600_000
MAX_EXTRA_MARKS = 8


class Sent(typing.NamedTuple):
    """A measurement that an agent has to publish from ``time`` on."""

    time: int
    measurement: measurement.Measurement


class Checkpoint(typing.NamedTuple):
    """What an agent has saved of its last register.

    :ivar read: time of the last reading before it was saved.
    """

    register: registers.Register
    read: int
    saved: int

    @property
    def predecessor(self) -> measurement.Predecessor:
        elapsed = self.register.elapsed(self.saved)
        return measurement.Predecessor(self.register.key.id, elapsed)

    @property
    def marks(self) -> list[measurement.Measurement]:
        """Final marks that the next process publishes."""
        times = [self.read]
        if self.saved - self.read > CHECKPOINT_INTERVAL:
            times.append(self.saved)
        return [self.register.measure(time, is_mark=True) for time in times]


@dataclasses.dataclass
class Machine:
    """A machine whose agent meters a probe.

    :ivar ids: IDs of the registers that it will open.
    :ivar saved: checkpoint that the next process finds.
    :ivar idle: time in which an agent runs that only announces marks.
    """

    probe: str
    name: str
    uuid: str
    clock: clocks.Clock
    power: power.Power
    ids: Iterator[str]
    period: int
    publish_interval: int
    saved: Checkpoint | None = None
    idle: tuple[spans.Span, ...] = ()
    processes: list['Process'] = dataclasses.field(default_factory=list)

    def run(
        self,
        start: int,
        stop: int,
        gaps: tuple[spans.Span, ...] = (),
        killed: bool = False,
    ) -> 'Process':
        """Run the agent from ``start`` until ``stop``."""
        process = Process(self, start, stop, gaps, killed, self.saved)
        self.processes.append(process)
        self.saved = process.checkpoint(stop) or self.saved
        return process


class Process:
    """One process of an agent, and the registers that it opens."""

    def __init__(
        self,
        machine: Machine,
        start: int,
        stop: int,
        gaps: tuple[spans.Span, ...],
        killed: bool,
        saved: Checkpoint | None,
    ) -> None:
        self.machine = machine
        self.span = spans.Span(start, stop)
        self.killed = killed
        self.saved = saved
        self.readings = readings.Readings(
            start, stop, machine.period, gaps, tuple(machine.clock.pauses)
        )
        self.runs = self.readings.runs()
        self.registers = self._registers()

    def _openings(self) -> list[tuple[int, int]]:
        """Return when registers open, and when the agent notices it."""
        if not self.runs:
            return []
        first, last = self.runs[0].start, self.runs[-1].stop
        clock = self.machine.clock
        openings = [(first, first)]
        stepped = -STEP_INTERVAL
        for change in clock.changes:
            earliest = max(change, stepped + STEP_INTERVAL, first + 1)
            noticed = self.readings.after(earliest)
            if noticed is None or noticed > last:
                break
            opened = self.readings.before(noticed - 1)
            assert opened is not None
            difference = clock.difference(openings[-1][1])
            step = clock.difference(noticed) - difference
            if abs(step) > MAX_STEP and noticed > openings[-1][1]:
                openings.append((opened, noticed))
                stepped = noticed
        return openings

    def _registers(self) -> list[registers.Register]:
        result: list[registers.Register] = []
        openings = self._openings()
        after = self.saved.predecessor if self.saved else None
        for index, (opened, noticed) in enumerate(openings):
            until = self.runs[-1].stop
            ended = None if self.killed else self.span.stop
            if index + 1 < len(openings):
                until, ended = openings[index + 1]
            register = registers.Register(
                self.machine.probe,
                measurement.RegisterKey(
                    self.machine.uuid, next(self.machine.ids)
                ),
                self.machine.name,
                after,
                opened,
                noticed,
                until,
                ended,
                tuple(spans.clip(self.runs, opened, until)),
                self.machine.clock,
                self.machine.power,
            )
            result.append(register)
            after = Checkpoint(register, until, until).predecessor
        return result

    def checkpoint(self, time: int) -> Checkpoint | None:
        """Return what was saved last at ``time``."""
        time = min(time, self.span.stop)
        opened = [r for r in self.registers if r.noticed <= time]
        if not opened:
            return self.saved
        if time >= self.span.stop and not self.killed:
            return Checkpoint(opened[-1], opened[-1].until, self.span.stop)
        start = self.span.start
        ticks = (time - start) // CHECKPOINT_INTERVAL
        saved = max(opened[-1].noticed, start + ticks * CHECKPOINT_INTERVAL)
        register = opened[-1]
        reading = self.readings.before(min(saved, register.until))
        assert reading is not None
        return Checkpoint(register, reading, max(saved, reading))

    @functools.cached_property
    def published(self) -> list[Sent]:
        """Measurements that are sent once, in the order of their times."""
        result: list[Sent] = []
        newest = None
        start, stop = self.span
        for tick in range(start, stop, self.machine.publish_interval):
            opened = [r for r in self.registers if r.noticed <= tick]
            reading = self.readings.before(tick)
            if opened and reading is not None and reading != newest:
                newest = reading
                result.append(Sent(tick, opened[-1].measure(reading)))
        return result

    @functools.cached_property
    def marks(self) -> list[Sent]:
        """Marks, with the times at which they are known."""
        result = []
        if self.saved:
            start = self.span.start
            result += [Sent(start, mark) for mark in self.saved.marks]
        for register in self.registers:
            result += self._marks_of(register)
        return sorted(result, key=lambda sent: sent.time)

    def _marks_of(self, register: registers.Register) -> list[Sent]:
        times = {register.opened: register.noticed}
        for before, after in itertools.pairwise(register.runs):
            times[before.stop] = times[after.start] = after.start
        result = []
        for boundary in self._boundaries(register):
            result += self._marks_at(register, boundary, times)
        if register.runs and register.runs[0].start > register.opened:
            times[register.runs[0].start] = register.runs[0].start
        times = _limited(register, times)
        if register.ended is not None:
            times[register.until] = register.ended
        return result + [
            Sent(known, register.measure(time, is_mark=True))
            for time, known in times.items()
        ]

    def _boundaries(self, register: registers.Register) -> list[int]:
        """Return when a boundary passes on the register's wall clock."""
        opened = register.timestamp(register.opened)
        interval = registers.PROFILE_INTERVAL
        first = -(-opened // interval)
        last = register.timestamp(register.until) // interval
        return [
            register.time(number * interval - opened)
            for number in range(first, last + 1)
        ]

    def _marks_at(
        self,
        register: registers.Register,
        boundary: int,
        times: dict[int, int],
    ) -> list[Sent]:
        """Return the mark of a boundary, or add readings around it."""
        before = self.readings.before(boundary)
        after = self.readings.after(boundary)
        if before is None or after is None or after > register.until:
            return []
        if before < register.opened or after - before > self.machine.period:
            return []
        if before == after or after - before > registers.MAX_INTERPOLATED:
            times.setdefault(before, after)
            times.setdefault(after, after)
            return []
        first, last = register.point(before), register.point(after)
        elapsed = register.elapsed(boundary)
        part, length = elapsed - first.elapsed, last.elapsed - first.elapsed
        joules, metered = (
            a + (b - a) * part // length
            for a, b in zip(first[1:], last[1:], strict=True)
        )
        point = measurement.Point(elapsed, joules, metered)
        mark = register.measure_point(boundary, point, is_mark=True)
        return [Sent(after, mark)]


def _limited(
    register: registers.Register, times: dict[int, int]
) -> dict[int, int]:
    """Return the marks without those too many in an interval."""
    counts: dict[int, int] = {}
    result = {}
    for time, known in sorted(times.items()):
        interval = register.timestamp(time) // registers.PROFILE_INTERVAL
        counts[interval] = counts.get(interval, 0) + 1
        if counts[interval] <= MAX_EXTRA_MARKS or time == register.opened:
            result[time] = known
    return result
