# SPDX-License-Identifier: Apache-2.0

"""The energy register of one probe.

An electricity meter does not send consumption: it shows a register that only
grows, and whoever reads it, as seldom as they like, loses nothing. This
module is that register. It does no I/O and has no clock: every method is
told the time, in seconds on a monotonic clock.

What moves a register is its *feed*: power integrated over time
(:class:`PowerFeed`), a hardware energy counter (:class:`CounterFeed`), or a
counter with steps so coarse that power has to fill them
(:class:`CoarseFeed`). Replacing the feed re-bases the measuring, never the
register.
"""

import math
import typing

from energy_meter import measurement

#: A counter that moves in larger steps than this (10 Wh) shows the energy
#: of an idle server hours late: integrated power fills its steps.
COARSE_STEP = 36_000.0

#: How many plausible rises in a row, of a counter that left its old course,
#: make its new course believed.
RISES_TO_BELIEVE = 3


class Progress(typing.NamedTuple):
    """What one reading adds: energy in joules, and seconds accounted for."""

    joules: float
    seconds: float


NOTHING = Progress(0.0, 0.0)


class Feed(typing.Protocol):
    """Turns the readings of one probe into progress of its register."""

    @property
    def watts(self) -> float | None:
        """Power by the energy counter, W; None where it can't tell."""

    def read(self, reading: measurement.Reading, at: float) -> Progress:
        """Take a reading made at a later time than all before."""


def refusal(reading: measurement.Reading, max_watts: float) -> str | None:
    """Tell why a reading is impossible.

    :param max_watts: the most that the probe can draw, in watts.
    :returns: one word for the counters, or None for a possible reading.
    """
    if reading.watts is None and reading.ticks is None:
        return 'empty'
    if reading.at is not None and not math.isfinite(reading.at):
        return 'not-finite'
    for value in (reading.watts, reading.volts, reading.amperes):
        if value is not None and not math.isfinite(value):
            return 'not-finite'
        if value is not None and value < 0:
            return 'negative'
    if reading.ticks is not None and reading.ticks < 0:
        return 'negative'
    if reading.watts is not None and reading.watts > max_watts:
        return 'too-large'
    return None


class PowerFeed:
    """Integrates power over time by the trapezoidal rule.

    :param max_gap: a silence longer than this many seconds is not billed.
    """

    #: It knows no more than the readings say themselves.
    watts = None

    def __init__(self, max_gap: float) -> None:
        self._max_gap = max_gap
        self._watts: float | None = None
        self._at = 0.0

    def read(self, reading: measurement.Reading, at: float) -> Progress:
        if reading.watts is None:
            return NOTHING
        before, self._watts = self._watts, reading.watts
        seconds, self._at = at - self._at, at
        if before is None or seconds > self._max_gap:
            return NOTHING
        return Progress((before + reading.watts) / 2 * seconds, seconds)


class CounterFeed:
    """Follows a hardware energy counter, which bills across gaps.

    A step counts if the probe can have drawn that much since the counter
    last moved. Any other value begins a second course: should the counter
    come back to the first, nothing happened; should it keep to the second
    for ``max_gap``, it was reset or replaced, and what it shows from there
    on counts. A value that could belong to either goes with the one to which
    it is nearer: as time passes, every jump becomes possible.

    :param counter: how the counter is read.
    :param max_watts: the most that the probe can draw, in watts.
    :param max_gap: seconds for which a new course must last.
    """

    def __init__(
        self, counter: measurement.Counter, max_watts: float, max_gap: float
    ) -> None:
        self.watts: float | None = None
        self.rebased = False
        self._counter = counter
        self._max_watts = max_watts
        self._max_gap = max_gap
        self._course: _Course | None = None
        self._strange: _Course | None = None

    def read(self, reading: measurement.Reading, at: float) -> Progress:
        """Take a reading; ``rebased`` tells whether it changed course."""
        self.rebased = False
        if reading.ticks is None:
            return NOTHING
        if self._course is None:
            self._course = _Course(reading.ticks, at)
            return NOTHING
        step = self._plausible_step(self._course, reading.ticks, at)
        strange_step = (
            None
            if self._strange is None
            else self._plausible_step(self._strange, reading.ticks, at)
        )
        if step is not None and (strange_step is None or step <= strange_step):
            self._strange = None
            return self._follow(self._course, step, reading.ticks, at)
        if self._strange is None or strange_step is None:
            self._strange = _Course(reading.ticks, at)
            return NOTHING
        return self._follow_strange(
            self._strange, strange_step, reading.ticks, at
        )

    def _plausible_step(
        self, course: '_Course', ticks: int, at: float
    ) -> int | None:
        step = ticks - course.ticks
        if self._counter.size is not None:
            step %= self._counter.size
        limit = self._counter.resolution + self._max_watts * (
            at - course.moved_at
        )
        return step if 0 <= step * self._counter.joules <= limit else None

    def _follow(
        self, course: '_Course', step: int, ticks: int, at: float
    ) -> Progress:
        progress = Progress(step * self._counter.joules, at - course.seen_at)
        still = at - course.moved_at
        if step:
            # Before its first movement it may have stood still for any time.
            self.watts = progress.joules / still if course.rises else None
        elif self.watts is not None and still > self._max_gap:
            self.watts = min(self.watts, self._counter.resolution / still)
        course.go(ticks, step, at)
        return progress

    def _follow_strange(
        self, strange: '_Course', step: int, ticks: int, at: float
    ) -> Progress:
        strange.go(ticks, step, at)
        if (
            strange.rises < RISES_TO_BELIEVE
            or at - strange.began_at < self._max_gap
        ):
            return NOTHING
        self._course, self._strange, self.rebased = strange, None, True
        return Progress(
            strange.rise * self._counter.joules, at - strange.began_at
        )


class _Course:
    """A run of counter values that follow from one another."""

    __slots__ = ('ticks', 'began_at', 'moved_at', 'seen_at', 'rise', 'rises')

    def __init__(self, ticks: int, at: float) -> None:
        self.ticks = ticks
        self.began_at = self.moved_at = self.seen_at = at
        self.rise = self.rises = 0

    def go(self, ticks: int, step: int, at: float) -> None:
        self.ticks = ticks
        self.seen_at = at
        if step:
            self.moved_at = at
            self.rise += step
            self.rises += 1


class CoarseFeed:
    """Follows a counter of coarse steps and fills them from power.

    Between two movements of the counter the register shows what was
    integrated since, but never more than one step. The first movement only
    tells where in its step the counter stood: to bill it whole would charge
    for energy used before the metering began.

    The parameters are those of :class:`CounterFeed`.
    """

    def __init__(
        self, counter: measurement.Counter, max_watts: float, max_gap: float
    ) -> None:
        self._counter = CounterFeed(counter, max_watts, max_gap)
        self._power = PowerFeed(max_gap)
        self._step = counter.resolution
        self._phase_known = False
        self._anchor = self._integrated = self._shown = 0.0

    @property
    def watts(self) -> float | None:
        return self._counter.watts

    def read(self, reading: measurement.Reading, at: float) -> Progress:
        self._integrated += self._power.read(reading, at).joules
        moved = self._counter.read(reading, at)
        if self._counter.rebased:
            self._change_course(moved.joules)
        elif moved.joules:
            self._move(moved.joules)
        before = self._shown
        self._shown = max(
            self._shown, self._anchor + min(self._integrated, self._step)
        )
        return Progress(self._shown - before, moved.seconds)

    def _move(self, joules: float) -> None:
        if not self._phase_known:
            joules += min(self._integrated, self._step) - self._step
            self._phase_known = True
        self._anchor += joules
        self._integrated = 0.0

    def _change_course(self, risen: float) -> None:
        # Where in their steps the old course ended and the new one began
        # isn't known: power tells, as far as the counter bears it out.
        self._anchor += min(
            max(self._integrated, risen - self._step), risen + self._step
        )
        self._integrated = 0.0
        self._phase_known = False


def feed_for(
    reading: measurement.Reading, energy: str, max_watts: float, max_gap: float
) -> Feed:
    """Choose the feed that suits a probe's first reading.

    :param energy: ``counter`` or ``integrate`` to insist on one of them,
        ``auto`` for the counter where there is one.
    """
    counter = reading.counter
    if energy == 'integrate' or counter is None:
        # While a counter that is insisted on is missing, nothing is billed.
        return PowerFeed(0.0 if energy == 'counter' else max_gap)
    if energy == 'auto' and counter.resolution > COARSE_STEP:
        return CoarseFeed(counter, max_watts, max_gap)
    return CounterFeed(counter, max_watts, max_gap)


class Register:
    """Energy of one probe since the register was opened; it only grows.

    :param key: which register it is.
    :param opened: when it was opened.
    """

    __slots__ = (
        'key',
        'feed',
        'watts',
        'volts',
        'amperes',
        '_opened',
        '_read_at',
        '_millijoules',
        '_remainder',
        '_metered',
    )

    def __init__(self, key: measurement.RegisterKey, opened: float) -> None:
        self.key = key
        self.feed: Feed | None = None
        self.watts: float | None = None
        self.volts: float | None = None
        self.amperes: float | None = None
        self._opened = self._read_at = opened
        self._millijoules = 0
        self._remainder = 0.0
        self._metered = 0.0

    def read(self, reading: measurement.Reading, at: float) -> bool:
        """Let a possible reading move the register.

        :param at: when the reading was made.
        :returns: False for one that is not newer than the last: it is
            dropped.
        """
        if at <= self._read_at or self.feed is None:
            return False
        progress = self.feed.read(reading, at)
        self._read_at = at
        whole, self._remainder = divmod(
            self._remainder + progress.joules * 1000, 1
        )
        self._millijoules += int(whole)
        self._metered += progress.seconds
        self.watts = (
            self.feed.watts if reading.watts is None else reading.watts
        )
        self.volts, self.amperes = reading.volts, reading.amperes
        return True

    def show(
        self, probe: measurement.Probe, wall: float
    ) -> measurement.Measurement:
        """Give what the register showed at its last reading.

        :param wall: the wall clock at that reading, seconds since the epoch.
        """
        return measurement.Measurement(
            probe,
            self.key,
            wall,
            self._read_at - self._opened,
            self._millijoules,
            self._metered,
            self.watts,
            self.volts,
            self.amperes,
        )
