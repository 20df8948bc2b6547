# SPDX-License-Identifier: Apache-2.0

"""Baselines: what an energy counter can have counted since it was last read.

A counter shows a multiple of its resolution, so the energy that it has not
shown yet is less than one resolution. From this follow two limits, which a
correct counter never exceeds:

* A step is at most one resolution, plus the maximum power times the time since
  the counter last moved. Some wattmeters update it only once a minute.
* All steps together are paid from a budget. It starts at one resolution and
  grows by the maximum power, or by what agrees with the power that was read if
  that is less. It does not grow beyond the energy of ``max_gap`` seconds, so
  that it does not accumulate while the probe uses little.

While a counter is silent, integrated power is billed in its place. A baseline
keeps what was billed, and its later increases pay for it first.
"""

import typing

from energy_meter import measurement

#: Number of increases after which a counter that left its baseline is accepted
#: on its new one.
REBASE_CONFIRMATIONS = 3

#: Maximum ratio between the energy of a counter and the integrated power. A
#: wrong unit is wrong by a factor of ten or more. A load that changes between
#: two readings of its power makes a difference of two to three.
MAX_RATIO = 4.0

#: Power in watts that a wattmeter can count but not show. PDUs that show
#: hundredths of a kilowatt, or that suppress small currents, show 0 W.
UNSEEN_WATTS = 20.0

#: Rounding errors, as a share of the resolution of the counter.
_TOLERANCE = 1e-6


class Limits(typing.NamedTuple):
    """What limits the steps of a counter.

    :ivar max_watts: maximum power of the probe, in watts.
    :ivar max_gap: maximum number of seconds over which power is integrated,
        and for which a counter may stand still between two updates.
    """

    counter: measurement.Counter
    max_watts: float
    max_gap: float

    def flow(
        self, seconds: float, before: float | None, after: float | None
    ) -> 'Flow':
        """Return the bounds of the energy between two readings.

        :param before: power at the first reading, in watts; None if unknown.
        :param after: power at the second reading, in watts.
        """
        possible = self.max_watts * seconds
        if before is None or after is None or seconds > self.max_gap:
            return Flow(possible, possible, 0.0)
        high = max(before, after)
        low = max(0.0, min(before, after) - UNSEEN_WATTS)
        return Flow(
            possible,
            min(possible, MAX_RATIO * (high + UNSEEN_WATTS) * seconds),
            low / MAX_RATIO * seconds,
        )


class Flow(typing.NamedTuple):
    """Bounds of the energy between two readings, in joules.

    :ivar possible: maximum at the maximum power of the probe.
    :ivar agreeing: maximum that agrees with the power at both readings, if
        it is known.
    :ivar expected: minimum that agrees with it; zero if it is unknown.
    """

    possible: float
    agreeing: float
    expected: float


class Baseline:
    """A series of counter values, each a plausible step from the last.

    :ivar started_at: time of its first value.
    :ivar seen_at: time of its last value.
    :ivar moved_at: time of its last increase.
    :ivar joules: sum of its increases.
    :ivar increases: number of its increases.
    :ivar contradictions: number of other values that the counter has shown
        since it last showed a value of this baseline.
    """

    __slots__ = (
        '_agreed',
        '_bridged',
        '_bridged_seconds',
        '_budget',
        '_covered_at',
        '_expected',
        '_integrated',
        '_integrated_seconds',
        '_limits',
        '_ticks',
        '_unseen',
        'contradictions',
        'increases',
        'joules',
        'moved_at',
        'seen_at',
        'started_at',
    )

    def __init__(self, limits: Limits, ticks: int, monotonic: float) -> None:
        self.started_at = self.moved_at = self.seen_at = monotonic
        self.joules = 0.0
        self.increases = self.contradictions = 0
        self._limits = limits
        self._ticks = ticks
        self._covered_at = monotonic
        # In joules: the budget that is left, the energy that is possible since
        # the last value, and that is expected since the last increase.
        self._budget = limits.counter.resolution
        self._unseen = self._expected = 0.0
        # Integrated power: in joules since the last increase, and in seconds
        # since the time up to which the counter covers. Of both, the part
        # that was billed.
        self._integrated = self._integrated_seconds = 0.0
        self._bridged = self._bridged_seconds = 0.0
        # Integrated up to the last value, if power agreed that the counter
        # stood still.
        self._agreed = 0.0

    def elapse(self, flow: Flow, integrated: measurement.EnergyDelta) -> None:
        """Add the time since the last reading.

        :param integrated: energy by the power at both readings.
        """
        self._budget += flow.agreeing
        self._unseen += flow.possible
        self._expected += flow.expected
        self._integrated += integrated.joules
        self._integrated_seconds += integrated.seconds

    def bridge(self) -> measurement.EnergyDelta:
        """Return the energy to bill while the counter is silent.

        Power replaces the counter from its last increase on, less what power
        was billed for before. If the counter stood still and power agreed, it
        withheld at most one resolution up to its last value. An idle outlet
        that shows 15 W of noise for a year must not be billed for them.
        """
        resolution = self._limits.counter.resolution
        self._integrated -= max(0.0, self._agreed - resolution)
        self._agreed = 0.0
        billed = max(0.0, self._integrated - self._bridged)
        seconds = self._integrated_seconds - self._bridged_seconds
        # Not increased by the differences, whose rounding errors would add up.
        self._bridged = max(self._bridged, self._integrated)
        self._bridged_seconds = self._integrated_seconds
        # A budget that was cut to max_gap does not run into debt: the time
        # of this energy has passed.
        self._budget = max(0.0, self._budget - billed)
        return measurement.EnergyDelta(billed, seconds)

    def step(self, ticks: int) -> int | None:
        """Return the step to a value; None if it is implausible."""
        counter, max_watts, _ = self._limits
        step = ticks - self._ticks
        if counter.rollover is not None:
            step %= counter.rollover
        joules = step * counter.joules_per_tick
        still = self.seen_at - self.moved_at
        limit = counter.resolution + max_watts * still + self._unseen
        if (
            step < 0
            or joules > limit + _TOLERANCE * counter.resolution
            or not self.affords(joules - self._bridged)
        ):
            return None
        return step

    def affords(self, joules: float) -> bool:
        """Return whether the budget pays for this energy."""
        tolerance = _TOLERANCE * self._limits.counter.resolution
        return joules <= self._budget + tolerance

    def may_have_rolled_over(self) -> bool:
        """Return whether the counter can have passed its whole range unseen.

        Its step is then unknown, however plausible it looks.
        """
        counter = self._limits.counter
        return (
            counter.rollover is not None
            and self._unseen >= counter.rollover * counter.joules_per_tick
        )

    def understates(self, step: int) -> bool:
        """Return whether a step is less than the power that was read."""
        counter = self._limits.counter
        joules = step * counter.joules_per_tick
        return self._expected > joules + counter.resolution

    def is_confirmed(self, monotonic: float) -> bool:
        """Return whether the counter can be assumed to stay on it."""
        return (
            self.increases >= REBASE_CONFIRMATIONS
            and monotonic - self.started_at >= self._limits.max_gap
        )

    def is_lost(self, monotonic: float) -> bool:
        """Return whether the counter can be assumed not to return to it.

        While other values contradict the baseline, its budget grows until
        any value is plausible, so it must not be resumed for ever.
        """
        return (
            self.contradictions >= REBASE_CONFIRMATIONS
            and monotonic - self.seen_at > self._limits.max_gap
        )

    def advance(
        self, ticks: int, step: int, monotonic: float
    ) -> measurement.EnergyDelta:
        """Add a value to the baseline.

        :returns: the energy of the step that was not billed from power yet,
            and the seconds since the last value for which the energy is
            known. They are zero if the counter stands still for more than
            ``max_gap`` although the power does not agree, until a later
            increase makes up for it.
        """
        counter, max_watts, max_gap = self._limits
        joules = step * counter.joules_per_tick
        billed = max(0.0, joules - self._bridged)
        self._bridged -= joules - billed
        contradicted = self.understates(step)
        understated = contradicted and (
            step > 0 or monotonic - self.moved_at > max_gap
        )
        seconds = 0.0
        if not understated:
            unmetered = monotonic - self._covered_at - self._bridged_seconds
            seconds = max(0.0, unmetered)
        self._budget = min(
            self._budget - billed, counter.resolution + max_watts * max_gap
        )
        self._unseen = 0.0
        self._ticks, self.seen_at = ticks, monotonic
        self.contradictions = 0
        if step or not understated:
            self._covered_at = monotonic
            self._integrated_seconds = self._bridged_seconds = 0.0
        if step:
            self._expected = self._integrated = 0.0
            self.moved_at = monotonic
            self.joules += joules
            self.increases += 1
        self._agreed = 0.0 if contradicted else self._integrated
        return measurement.EnergyDelta(billed, seconds)

    def inherit(self, previous: 'Baseline') -> None:
        """Replace another baseline, whose budget pays for this one."""
        self._budget = min(self._budget, previous._budget - self.joules)
