# SPDX-License-Identifier: Apache-2.0

"""Accumulator of a hardware energy counter."""

from energy_meter import baseline
from energy_meter import measurement
from energy_meter import power_integrator

#: Reasons for distrust: the counter left its baseline for more than
#: ``max_gap``, or stays behind the power that was read.
IMPLAUSIBLE = 'implausible_counter'
#: The counter can have passed its whole range since the last reading.
AMBIGUOUS = 'ambiguous_rollover'


class CounterAccumulator:
    """Follows a hardware energy counter, which also covers gaps.

    A step is billed if it is within the limits of its baseline (see
    :mod:`energy_meter.baseline`): what the probe can have used, and what
    agrees with its power, if that is known. In total, at most ``max_watts``
    times the time, plus one step, is billed.

    Any other value starts a candidate baseline. If the counter returns to the
    old baseline, the candidate is discarded. If it stays on the candidate for
    ``max_gap`` seconds and three increases, the candidate becomes the
    baseline. A value that fits both belongs to the nearer one.

    While the counter is silent (``ticks`` is None), integrated power is billed
    in its place, beginning at its last increase: a driver may repeat the last
    ticks before it reports silence. As long as power agreed that the counter
    stood still, at most one resolution is billed for the time up to its last
    value; it was covered by the counter.
    When the counter is back on its baseline, its increases are billed as far
    as they exceed the energy billed from power. A candidate is discarded by
    silence, so that none of its increases is billed twice. If the counter
    returns reset, the energy billed from power stays, and the time between
    the last reading in silence and the first value is uncovered.

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
    * Increases too small for the power, or none: they are billed. The time is
      uncovered, unless a later increase makes up for it.

    :param counter: how to read the counter.
    :param max_watts: maximum power of the probe, in watts.
    :param max_gap: minimum duration of a new baseline, and maximum time over
        which the power between two readings is known, in seconds.
    :param uses_power: whether the power of the readings limits the steps, and
        is billed while the counter is silent.
    :ivar watts: power derived from the counter, in W; None if unknown.
    :ivar distrust: why the last value is not trusted; None if it is.
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
        self.distrust: str | None = None
        self.rebased = False
        self._counter = counter
        self._max_gap = max_gap
        self._uses_power = uses_power
        self._limits = baseline.Limits(counter, max_watts, max_gap)
        self._baseline: baseline.Baseline | None = None
        self._candidate: baseline.Baseline | None = None
        self._read_at = 0.0
        self._read_watts: float | None = None
        self._power = power_integrator.PowerIntegrator(max_gap)

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> measurement.EnergyDelta:
        self.rebased = False
        if reading.ticks is None and not self._uses_power:
            return measurement.NO_ENERGY
        self.distrust = None
        integrated = self._elapse(reading, monotonic)
        current = self._baseline
        if reading.ticks is None:
            self._candidate = self.watts = None
            if current is None:
                return integrated
            return current.bridge()
        latest = baseline.Baseline(self._limits, reading.ticks, monotonic)
        if current is None:
            self._baseline = latest
            return measurement.NO_ENERGY
        if current.may_have_rolled_over():
            latest.inherit(current)
            self._baseline, self._candidate = latest, None
            self.watts, self.distrust = None, AMBIGUOUS
            return measurement.NO_ENERGY
        return self._follow(current, latest, reading.ticks, monotonic)

    def _elapse(
        self, reading: measurement.Reading, monotonic: float
    ) -> measurement.EnergyDelta:
        """Add the time since the last reading to the baselines.

        :returns: the energy by the power at both readings.
        """
        watts, integrated = None, measurement.NO_ENERGY
        if self._uses_power:
            watts = reading.watts
            integrated = self._power.add(reading, monotonic)
        flow = self._limits.flow(
            monotonic - self._read_at, self._read_watts, watts
        )
        self._read_at, self._read_watts = monotonic, watts
        for series in (self._baseline, self._candidate):
            if series is not None:
                series.elapse(flow, integrated)
        return integrated

    def _follow(
        self,
        current: baseline.Baseline,
        latest: baseline.Baseline,
        ticks: int,
        monotonic: float,
    ) -> measurement.EnergyDelta:
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
        if monotonic - current.seen_at > self._max_gap:
            self.watts, self.distrust = None, IMPLAUSIBLE
        if (
            candidate is None
            or candidate_step is None
            or (candidate_step and candidate.understates(candidate_step))
        ):
            self._candidate = latest
            return measurement.NO_ENERGY
        candidate.advance(ticks, candidate_step, monotonic)
        return self._confirm(current, candidate, monotonic)

    def _advance(
        self,
        current: baseline.Baseline,
        step: int,
        ticks: int,
        monotonic: float,
    ) -> measurement.EnergyDelta:
        joules = step * self._counter.joules_per_tick
        unchanged = monotonic - current.moved_at
        if step:
            # How long the counter stood still before its first increase is
            # unknown, so that increase yields no power.
            self.watts = joules / unchanged if current.increases else None
        elif self.watts is not None and unchanged > self._max_gap:
            self.watts = min(self.watts, self._counter.resolution / unchanged)
        delta = current.advance(ticks, step, monotonic)
        if not delta.seconds:
            self.distrust = IMPLAUSIBLE
        return delta

    def _confirm(
        self,
        current: baseline.Baseline,
        candidate: baseline.Baseline,
        monotonic: float,
    ) -> measurement.EnergyDelta:
        """Replace the baseline by its candidate once that is confirmed."""
        if not candidate.is_confirmed(monotonic) or not current.affords(
            candidate.joules
        ):
            return measurement.NO_ENERGY
        candidate.inherit(current)
        self._baseline, self._candidate = candidate, None
        self.distrust, self.rebased = None, True
        return measurement.EnergyDelta(
            candidate.joules, monotonic - candidate.started_at
        )
