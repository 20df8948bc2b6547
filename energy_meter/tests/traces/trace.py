# SPDX-License-Identifier: Apache-2.0

"""Traces: what machines see that read a meter, and the true energy.

All times are integers in seconds since the epoch. Times without another name
are true times.
"""

import collections.abc
import dataclasses
import datetime
import functools
import itertools
import random
import typing
import zoneinfo

from energy_meter import measurement

HOUR = 3600
#: Time that is recorded before and after the day.
MARGIN = HOUR

#: The load changes at these multiples. Neither the ends of quarter-hours nor
#: the readings next to them are near a change, so what is interpolated there
#: is exact.
_CHANGE_INTERVAL, _CHANGE_PHASE = 420, 100
_MIN_WATTS, _MAX_WATTS = 150, 450
#: Second of the minute at which meters are read.
_PHASE = 4
#: Seconds by which each further machine reads later.
_STAGGER = 2


class Span(typing.NamedTuple):
    """Time in seconds since the start of the day."""

    start: int
    until: int

    def __contains__(self, time: object) -> bool:
        return isinstance(time, int) and self.start <= time < self.until


NEVER = Span(0, 0)

#: Counter of joules that does not wrap.
JOULES = measurement.Counter(1.0)


class Sample(typing.NamedTuple):
    """Attempt of a machine to read the meter.

    :ivar machine: name of the machine.
    :ivar process: number of its process that reads, from 0.
    :ivar timestamp: time on its clock.
    :ivar ticks: value of the counter; None if the meter did not answer.
    :ivar copies: how often the result reaches the other side.
    """

    machine: str
    process: int
    time: int
    timestamp: int
    ticks: int | None
    copies: int


class Load:
    """Load that changes every seven minutes.

    :param first: time of the first record.
    :param until: end of the last record.
    :param seed: each has another load.
    """

    def __init__(self, first: int, until: int, seed: int) -> None:
        generator = random.Random(seed)
        start = first - first % _CHANGE_INTERVAL + _CHANGE_PHASE
        self._first = start - _CHANGE_INTERVAL
        count = (until - self._first) // _CHANGE_INTERVAL + 1
        self._watts = [
            generator.randint(_MIN_WATTS, _MAX_WATTS) for _ in range(count)
        ]
        self._joules = [
            watts * _CHANGE_INTERVAL
            for watts in itertools.accumulate(self._watts, initial=0)
        ]

    def joules(self, time: int) -> int:
        """Return the energy until a time, from an arbitrary origin."""
        number, seconds = divmod(time - self._first, _CHANGE_INTERVAL)
        return self._joules[number] + self._watts[number] * seconds


@dataclasses.dataclass(frozen=True)
class Trace:
    """One day of a load, and what went wrong.

    :ivar day: the day, which begins at midnight in ``zone``.
    :ivar counter: properties of the counter of the meter.
    :ivar first_ticks: value of the counter at the first record.
    :ivar machines: names of the machines that read the meter.
    :ivar glitch: when the counter shows 0.
    :ivar unreachable: when the meter does not answer.
    :ivar stopped: when the process that reads does not run.
    :ivar wrong: when it reads another meter, because it is configured so; it
        is restarted before and after.
    :ivar clock: when the clock of the machines is wrong.
    :ivar clock_offset: by how many seconds.
    :ivar lost: share of the samples that get lost on the way.
    :ivar copies: how often the others arrive.
    """

    name: str
    day: datetime.date = datetime.date(2025, 6, 10)
    zone: str = 'UTC'
    counter: measurement.Counter = JOULES
    first_ticks: int = 8_640_000_000
    machines: tuple[str, ...] = ('a',)
    glitch: Span = NEVER
    unreachable: Span = NEVER
    stopped: Span = NEVER
    wrong: Span = NEVER
    clock: Span = NEVER
    clock_offset: int = 0
    lost: float = 0.0
    copies: int = 1

    @functools.cached_property
    def start(self) -> int:
        """Start of the day."""
        return self._midnight(self.day)

    @functools.cached_property
    def until(self) -> int:
        """End of the day."""
        return self._midnight(self.day + datetime.timedelta(days=1))

    @property
    def hours(self) -> list[int]:
        """The ends of all hours of the day, and its start."""
        return list(range(self.start, self.until + 1, HOUR))

    def joules(self, start: int, until: int) -> int:
        """Return the true energy between two times."""
        return self._load.joules(until) - self._load.joules(start)

    def samples(self, period: int) -> collections.abc.Iterator[Sample]:
        """Yield all samples in the order of their times.

        :param period: seconds between two samples of a machine.
        """
        generator = random.Random(period)
        first = self.start - MARGIN + _PHASE
        for time in range(first, self.until + MARGIN, period):
            for number, machine in enumerate(self.machines):
                is_lost = generator.random() < self.lost
                sample = self._sample(machine, time + number * _STAGGER)
                if sample is not None:
                    yield sample._replace(copies=0 if is_lost else self.copies)

    def _sample(self, machine: str, time: int) -> Sample | None:
        since = time - self.start
        if since in self.stopped:
            return None
        offset = self.clock_offset if since in self.clock else 0
        restarts = (self.stopped.until, self.wrong.start, self.wrong.until)
        return Sample(
            machine,
            sum(0 < restart <= since for restart in restarts),
            time,
            time + offset,
            self._ticks(since),
            1,
        )

    def _ticks(self, since: int) -> int | None:
        if since in self.unreachable:
            return None
        if since in self.glitch:
            return 0
        load = self._wrong_load if since in self.wrong else self._load
        origin = 0 if since in self.wrong else self.first_ticks
        joules = load.joules(self.start + since) - load.joules(self._first)
        ticks = origin + round(joules / self.counter.joules_per_tick)
        rollover = self.counter.rollover
        return ticks if rollover is None else ticks % rollover

    @property
    def _first(self) -> int:
        return self.start - MARGIN

    @functools.cached_property
    def _load(self) -> Load:
        return Load(self._first, self.until + MARGIN + HOUR, seed=1)

    @functools.cached_property
    def _wrong_load(self) -> Load:
        return Load(self._first, self.until + MARGIN + HOUR, seed=2)

    def _midnight(self, day: datetime.date) -> int:
        zone = zoneinfo.ZoneInfo(self.zone)
        midnight = datetime.datetime.combine(day, datetime.time(), zone)
        return int(midnight.timestamp())
