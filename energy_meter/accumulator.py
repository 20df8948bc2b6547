# SPDX-License-Identifier: Apache-2.0

"""Accumulators: turn the readings of one probe into energy.

There is one for each kind of reading: :class:`PowerIntegrator` integrates
power over time, :class:`CounterAccumulator` follows a hardware energy counter,
and :class:`CoarseCounterAccumulator` follows a counter whose steps are so
large that integrated power has to fill them.

An accumulator has no clock and does no I/O. Times are passed in, in seconds
on a monotonic clock.
"""

import typing

from energy_meter import measurement

#: Largest counter step, in joules (10 Wh), that is not filled from power. With
#: larger steps, a counter reports the energy of an idle server hours late.
COARSE_STEP = 36_000.0

#: Number of consecutive plausible increases after which a counter that left
#: its baseline is accepted on its new one.
REBASE_CONFIRMATIONS = 3


class EnergyDelta(typing.NamedTuple):
    """Energy of one reading, in joules, and the seconds that it covers."""

    joules: float
    seconds: float


NOTHING = EnergyDelta(0.0, 0.0)


class Accumulator(typing.Protocol):
    """Turns the readings of one probe into increments of its register."""

    @property
    def watts(self) -> float | None:
        """Power derived from the energy counter, in W; None if unknown."""

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> EnergyDelta:
        """Return the energy since the last reading.

        :param monotonic: time of the reading, later than all before.
        """


class PowerIntegrator:
    """Integrates power over time by the trapezoidal rule.

    :param max_gap: maximum number of seconds between two readings; a longer
        gap is not billed.
    """

    #: Readings already contain the power; it is not derived from a counter.
    watts = None

    def __init__(self, max_gap: float) -> None:
        self._max_gap = max_gap
        self._watts: float | None = None
        self._read_at = 0.0

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> EnergyDelta:
        if reading.watts is None:
            return NOTHING
        previous, self._watts = self._watts, reading.watts
        seconds, self._read_at = monotonic - self._read_at, monotonic
        if previous is None or seconds > self._max_gap:
            return NOTHING
        return EnergyDelta((previous + reading.watts) / 2 * seconds, seconds)


class CounterAccumulator:
    """Follows a hardware energy counter, which also covers gaps.

    An increase is billed if the probe can have used that much energy since
    the counter last moved. Any other value starts a candidate baseline. If
    the counter returns to the old baseline, the candidate is discarded. If
    it stays on the candidate for ``max_gap`` seconds and
    :data:`REBASE_CONFIRMATIONS` increases, it was reset or replaced, and its
    increases on the candidate are billed.

    A value that fits both baselines belongs to the nearer one: the longer a
    counter stands still, the larger the jumps that are plausible.

    :param counter: how to read the counter.
    :param max_watts: maximum power of the probe, in watts.
    :param max_gap: minimum duration of a new baseline, in seconds.
    :ivar rebased: whether the last reading moved to a new baseline.
    """

    def __init__(
        self, counter: measurement.Counter, max_watts: float, max_gap: float
    ) -> None:
        self.watts: float | None = None
        self.rebased = False
        self._counter = counter
        self._max_watts = max_watts
        self._max_gap = max_gap
        self._baseline: _Baseline | None = None
        self._candidate: _Baseline | None = None

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> EnergyDelta:
        self.rebased = False
        if reading.ticks is None:
            return NOTHING
        if self._baseline is None:
            self._baseline = _Baseline(reading.ticks, monotonic)
            return NOTHING
        step = self._plausible_step(self._baseline, reading.ticks, monotonic)
        candidate_step = (
            None
            if self._candidate is None
            else self._plausible_step(
                self._candidate, reading.ticks, monotonic
            )
        )
        if step is not None and (
            candidate_step is None or step <= candidate_step
        ):
            self._candidate = None
            return self._advance(
                self._baseline, step, reading.ticks, monotonic
            )
        if self._candidate is None or candidate_step is None:
            self._candidate = _Baseline(reading.ticks, monotonic)
            return NOTHING
        return self._advance_candidate(
            self._candidate, candidate_step, reading.ticks, monotonic
        )

    def _plausible_step(
        self, baseline: '_Baseline', ticks: int, monotonic: float
    ) -> int | None:
        step = ticks - baseline.ticks
        if self._counter.rollover is not None:
            step %= self._counter.rollover
        limit = self._counter.resolution + self._max_watts * (
            monotonic - baseline.moved_at
        )
        return (
            step
            if 0 <= step * self._counter.joules_per_tick <= limit
            else None
        )

    def _advance(
        self, baseline: '_Baseline', step: int, ticks: int, monotonic: float
    ) -> EnergyDelta:
        delta = EnergyDelta(
            step * self._counter.joules_per_tick,
            monotonic - baseline.seen_at,
        )
        unchanged = monotonic - baseline.moved_at
        if step:
            # How long the counter stood still before its first increase is
            # unknown, so that increase yields no power.
            self.watts = (
                delta.joules / unchanged if baseline.increases else None
            )
        elif self.watts is not None and unchanged > self._max_gap:
            self.watts = min(self.watts, self._counter.resolution / unchanged)
        baseline.advance(ticks, step, monotonic)
        return delta

    def _advance_candidate(
        self, candidate: '_Baseline', step: int, ticks: int, monotonic: float
    ) -> EnergyDelta:
        candidate.advance(ticks, step, monotonic)
        if (
            candidate.increases < REBASE_CONFIRMATIONS
            or monotonic - candidate.started_at < self._max_gap
        ):
            return NOTHING
        self._baseline, self._candidate = candidate, None
        self.rebased = True
        return EnergyDelta(
            candidate.total * self._counter.joules_per_tick,
            monotonic - candidate.started_at,
        )


class _Baseline:
    """A series of counter values, each a plausible step from the last.

    :ivar total: sum of its increases, in ticks.
    :ivar increases: number of its increases.
    """

    __slots__ = (
        'increases',
        'moved_at',
        'seen_at',
        'started_at',
        'ticks',
        'total',
    )

    def __init__(self, ticks: int, monotonic: float) -> None:
        self.ticks = ticks
        self.started_at = self.moved_at = self.seen_at = monotonic
        self.total = self.increases = 0

    def advance(self, ticks: int, step: int, monotonic: float) -> None:
        self.ticks = ticks
        self.seen_at = monotonic
        if step:
            self.moved_at = monotonic
            self.total += step
            self.increases += 1


class CoarseCounterAccumulator:
    """Follows a counter of large steps and fills the steps from power.

    Between two increases of the counter, integrated power is billed, but not
    more than one step. The first increase shows only where within its step
    the counter stood. Billing that step in full would charge for energy used
    before metering started.

    The parameters are those of :class:`CounterAccumulator`.
    """

    def __init__(
        self, counter: measurement.Counter, max_watts: float, max_gap: float
    ) -> None:
        self._counter = CounterAccumulator(counter, max_watts, max_gap)
        self._power = PowerIntegrator(max_gap)
        self._step = counter.resolution
        self._aligned = False
        # In joules: counted up to the last increase of the counter,
        # integrated since then, and billed in total.
        self._counted = self._integrated = self._billed = 0.0

    @property
    def watts(self) -> float | None:
        return self._counter.watts

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> EnergyDelta:
        self._integrated += self._power.add(reading, monotonic).joules
        delta = self._counter.add(reading, monotonic)
        if self._counter.rebased:
            self._rebase(delta.joules)
        elif delta.joules:
            self._count(delta.joules)
        previous = self._billed
        self._billed = max(
            self._billed, self._counted + min(self._integrated, self._step)
        )
        return EnergyDelta(self._billed - previous, delta.seconds)

    def _count(self, joules: float) -> None:
        if not self._aligned:
            joules += min(self._integrated, self._step) - self._step
            self._aligned = True
        self._counted += joules
        self._integrated = 0.0

    def _rebase(self, joules: float) -> None:
        # Neither the position within the last step of the old baseline nor
        # that within the first step of the new one is known. Integrated
        # power decides, within the limits that the counter sets.
        self._counted += min(
            max(self._integrated, joules - self._step), joules + self._step
        )
        self._integrated = 0.0
        self._aligned = False


def make_accumulator(
    reading: measurement.Reading, energy: str, max_watts: float, max_gap: float
) -> Accumulator:
    """Return the accumulator that fits the first reading of a probe.

    :param energy: ``counter`` or ``integrate`` to use nothing else, ``auto``
        to prefer the energy counter.
    :param max_watts: maximum power of the probe, in watts.
    :param max_gap: maximum gap to integrate over, in seconds.
    """
    counter = reading.counter
    if energy == 'integrate' or counter is None:
        # A maximum gap of zero bills nothing: with energy = counter, power
        # must not replace a missing counter.
        return PowerIntegrator(0.0 if energy == 'counter' else max_gap)
    if energy == 'auto' and counter.resolution > COARSE_STEP:
        return CoarseCounterAccumulator(counter, max_watts, max_gap)
    return CounterAccumulator(counter, max_watts, max_gap)
