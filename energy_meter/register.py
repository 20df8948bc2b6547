# SPDX-License-Identifier: Apache-2.0

"""The energy register of one probe.

An electricity meter does not report consumption. It shows a register that
only increases, so a client that reads it rarely, or misses readings, loses no
energy. This module implements that register. It has no clock and does no I/O:
times are passed in, in seconds on a monotonic clock.

An :class:`~energy_meter.accumulator.Accumulator` computes the energy to add.
Replacing the accumulator starts from a new base; the register continues.
"""

from energy_meter import accumulator
from energy_meter import measurement


class Register:
    """Energy of one probe since the register was opened; never decreases.

    :param key: identity of the register.
    :param opened_at: monotonic time at which it was opened.
    :ivar accumulator: computes the energy of a reading; None until the first
        reading after the settings of the probe changed.
    """

    __slots__ = (
        '_metered_seconds',
        '_millijoules',
        '_opened_at',
        '_read_at',
        '_remainder',
        'accumulator',
        'amperes',
        'key',
        'volts',
        'watts',
    )

    def __init__(self, key: measurement.RegisterKey, opened_at: float) -> None:
        self.key = key
        self.accumulator: accumulator.Accumulator | None = None
        self.watts: float | None = None
        self.volts: float | None = None
        self.amperes: float | None = None
        self._opened_at = self._read_at = opened_at
        self._millijoules = 0
        self._remainder = 0.0
        self._metered_seconds = 0.0

    def update(self, reading: measurement.Reading, monotonic: float) -> bool:
        """Add the energy of a valid reading.

        :param monotonic: time of the reading.
        :returns: False if the reading is not newer than the last one; it is
            ignored.
        """
        if monotonic <= self._read_at or self.accumulator is None:
            return False
        delta = self.accumulator.add(reading, monotonic)
        self._read_at = monotonic
        whole, self._remainder = divmod(
            self._remainder + delta.joules * 1000, 1
        )
        self._millijoules += int(whole)
        self._metered_seconds += delta.seconds
        self.watts = (
            self.accumulator.watts if reading.watts is None else reading.watts
        )
        self.volts, self.amperes = reading.volts, reading.amperes
        return True

    def snapshot(
        self, probe: measurement.Probe, timestamp: float
    ) -> measurement.Measurement:
        """Return the measurement of the last reading.

        :param timestamp: wall-clock time of that reading, in seconds since
            the epoch.
        """
        return measurement.Measurement(
            probe,
            self.key,
            timestamp,
            self._read_at - self._opened_at,
            self._millijoules,
            self._metered_seconds,
            self.watts,
            self.volts,
            self.amperes,
        )
