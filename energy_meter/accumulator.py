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

from energy_meter import baseline
from energy_meter import measurement

#: Largest counter step, in joules (10 Wh), that is not filled from power. With
#: larger steps, a counter reports the energy of an idle server hours late.
COARSE_STEP = 36_000.0


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

    A step is billed if it is within the budgets of its baseline: the energy
    that the probe can have used since the last reading, and, where ``watts``
    is known, the energy that agrees with it. See
    :mod:`energy_meter.baseline`. In total, never more is billed than
    ``max_watts`` times the time, plus one step.

    Any other value starts a candidate baseline. If the counter returns to the
    old baseline, the candidate is discarded. If it stays on the candidate for
    ``max_gap`` seconds and three increases, the candidate becomes the
    baseline. A value that fits both belongs to the nearer one.

    What is billed, and which time is uncovered (``seconds`` stands still):

    * Gap without readings: the step is billed and the gap is covered.
    * Gap in which the counter can have passed its whole range (``rollover``)
      at ``max_watts``: nothing is billed, and the gap is uncovered.
    * Zero, stale or implausible values: nothing is billed. When the counter
      returns, its step is billed and the time covered.
    * Reset or replacement: the increases on the new baseline are billed. The
      jump is not billed, and the time since the last value of the old
      baseline is uncovered.
    * Increases above ``max_watts`` or the power, for example in another unit:
      nothing is billed, and the time is uncovered.
    * Increases too small for the power, or none: they are billed, but the time
      is uncovered, unless a later increase makes up for it.

    :param counter: how to read the counter.
    :param max_watts: maximum power of the probe, in watts.
    :param max_gap: minimum duration of a new baseline, in seconds. Also the
        maximum time over which the power between two readings is known.
    :param uses_power: whether the power of the readings limits the steps.
    :ivar rebased: whether the last reading moved to a new baseline.
    """

    def __init__(
        self,
        counter: measurement.Counter,
        max_watts: float,
        max_gap: float,
        uses_power: bool = True,
    ) -> None:
        self.watts: float | None = None
        self.rebased = False
        self._counter = counter
        self._max_gap = max_gap
        self._uses_power = uses_power
        self._limits = baseline.Limits(counter, max_watts, max_gap)
        self._baseline: baseline.Baseline | None = None
        self._candidate: baseline.Baseline | None = None
        self._read_at = 0.0
        self._read_watts: float | None = None

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> EnergyDelta:
        self.rebased = False
        if reading.ticks is None:
            return NOTHING
        watts = reading.watts if self._uses_power else None
        flow = self._limits.flow(
            monotonic - self._read_at, self._read_watts, watts
        )
        self._read_at, self._read_watts = monotonic, watts
        latest = baseline.Baseline(self._limits, reading.ticks, monotonic)
        current = self._baseline
        if current is None:
            self._baseline = latest
            return NOTHING
        current.elapse(flow)
        if self._candidate is not None:
            self._candidate.elapse(flow)
        if current.may_have_rolled_over():
            latest.inherit(current)
            self._baseline, self._candidate = latest, None
            self.watts = None
            return NOTHING
        return self._follow(current, latest, reading.ticks, monotonic)

    def _follow(
        self,
        current: baseline.Baseline,
        latest: baseline.Baseline,
        ticks: int,
        monotonic: float,
    ) -> EnergyDelta:
        """Add a value to the baseline to which it belongs.

        :param latest: a new candidate that starts with this value.
        """
        step = None if current.is_lost(monotonic) else current.step(ticks)
        candidate = self._candidate
        candidate_step = None if candidate is None else candidate.step(ticks)
        if step is not None and (
            candidate_step is None or step <= candidate_step
        ):
            self._candidate = None
            return self._advance(current, step, ticks, monotonic)
        if candidate_step != 0:
            current.contradictions += 1
        if (
            candidate is None
            or candidate_step is None
            or (candidate_step and candidate.understates(candidate_step))
        ):
            self._candidate = latest
            return NOTHING
        candidate.advance(ticks, candidate_step, monotonic)
        return self._confirm(current, candidate, monotonic)

    def _advance(
        self,
        current: baseline.Baseline,
        step: int,
        ticks: int,
        monotonic: float,
    ) -> EnergyDelta:
        joules = step * self._counter.joules_per_tick
        unchanged = monotonic - current.moved_at
        if step:
            # How long the counter stood still before its first increase is
            # unknown, so that increase yields no power.
            self.watts = joules / unchanged if current.increases else None
        elif self.watts is not None and unchanged > self._max_gap:
            self.watts = min(self.watts, self._counter.resolution / unchanged)
        return EnergyDelta(joules, current.advance(ticks, step, monotonic))

    def _confirm(
        self,
        current: baseline.Baseline,
        candidate: baseline.Baseline,
        monotonic: float,
    ) -> EnergyDelta:
        """Replace the baseline by its candidate once that is confirmed."""
        if not candidate.is_confirmed(monotonic) or not current.affords(
            candidate.joules
        ):
            return NOTHING
        candidate.inherit(current)
        self._baseline, self._candidate = candidate, None
        self.rebased = True
        return EnergyDelta(candidate.joules, monotonic - candidate.started_at)


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
    return CounterAccumulator(
        counter, max_watts, max_gap, uses_power=energy == 'auto'
    )
