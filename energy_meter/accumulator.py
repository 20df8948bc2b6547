# SPDX-License-Identifier: Apache-2.0

"""Accumulators: turn the readings of one probe into energy.

There is one for each kind of reading:
:class:`~energy_meter.power_integrator.PowerIntegrator` integrates power over
time, :class:`~energy_meter.counter_accumulator.CounterAccumulator` follows a
hardware energy counter, and :class:`CoarseCounterAccumulator` follows a
counter whose steps are so large that integrated power has to fill them.

An accumulator has no clock and does no I/O. Times are passed in, in seconds
on a monotonic clock.
"""

import typing

from energy_meter import counter_accumulator
from energy_meter import measurement
from energy_meter import power_integrator

#: Largest counter step, in joules (10 Wh), that is not filled from power. With
#: larger steps, a counter reports the energy of an idle server hours late.
COARSE_STEP = 36_000.0


class Accumulator(typing.Protocol):
    """Turns the readings of one probe into increments of its register."""

    @property
    def watts(self) -> float | None:
        """Power derived from the energy counter, in W; None if unknown."""

    @property
    def distrust(self) -> str | None:
        """Why the last value of the counter is not trusted; None if it is.

        One of the reasons in :mod:`energy_meter.counter_accumulator`.
        """

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> measurement.EnergyDelta:
        """Return the energy since the last reading.

        :param monotonic: time of the reading, later than all before.
        """


class CoarseCounterAccumulator:
    """Follows a counter of large steps and fills the steps from power.

    Between two increases of the counter, integrated power is billed, but not
    more than one step. The first increase shows only where within its step
    the counter stood. Billing that step in full would charge for energy used
    before metering started.

    While the counter is silent, the limit of one step does not apply. If that
    happens before the first increase, the total can differ by one step: the
    counter returns at an unknown position.

    The parameters are those of
    :class:`~energy_meter.counter_accumulator.CounterAccumulator`.
    """

    def __init__(
        self, counter: measurement.Counter, max_watts: float, max_gap: float
    ) -> None:
        self._counter = counter_accumulator.CounterAccumulator(
            counter, max_watts, max_gap
        )
        self._power = power_integrator.PowerIntegrator(max_gap)
        self._step = counter.resolution
        self._aligned = False
        # In joules: counted up to the last increase of the counter,
        # integrated since then, and billed in total.
        self._counted = self._integrated = self._billed = 0.0

    @property
    def watts(self) -> float | None:
        return self._counter.watts

    @property
    def distrust(self) -> str | None:
        return self._counter.distrust

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> measurement.EnergyDelta:
        self._integrated += self._power.add(reading, monotonic).joules
        delta = self._counter.add(reading, monotonic)
        if reading.ticks is None:
            # Bridged since the last increase, which includes this integral.
            self._counted += delta.joules
            self._integrated = 0.0
        elif self._counter.rebased:
            self._rebase(delta.joules)
        elif delta.joules:
            self._count(delta.joules)
        previous = self._billed
        self._billed = max(
            self._billed, self._counted + min(self._integrated, self._step)
        )
        return measurement.EnergyDelta(self._billed - previous, delta.seconds)

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
        return power_integrator.PowerIntegrator(
            0.0 if energy == 'counter' else max_gap
        )
    if energy == 'auto' and counter.resolution > COARSE_STEP:
        return CoarseCounterAccumulator(counter, max_watts, max_gap)
    return counter_accumulator.CounterAccumulator(
        counter, max_watts, max_gap, uses_power=energy == 'auto'
    )
