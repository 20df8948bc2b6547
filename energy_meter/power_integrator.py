# SPDX-License-Identifier: Apache-2.0

"""Accumulator of power."""

from energy_meter import measurement


class PowerIntegrator:
    """Integrates power over time by the trapezoidal rule.

    :param max_gap: maximum number of seconds between two readings; a longer
        gap is not billed.
    """

    #: Readings already contain the power; it is not derived from a counter.
    watts = None
    distrust = None

    def __init__(self, max_gap: float) -> None:
        self._max_gap = max_gap
        self._watts: float | None = None
        self._read_at = 0.0

    def add(
        self, reading: measurement.Reading, monotonic: float
    ) -> measurement.EnergyDelta:
        if reading.watts is None:
            return measurement.NO_ENERGY
        previous, self._watts = self._watts, reading.watts
        seconds, self._read_at = monotonic - self._read_at, monotonic
        if previous is None or seconds > self._max_gap:
            return measurement.NO_ENERGY
        return measurement.EnergyDelta(
            (previous + reading.watts) / 2 * seconds, seconds
        )
