# SPDX-License-Identifier: Apache-2.0

"""The energy register of one probe.

An electricity meter does not report consumption. It shows a register that
only increases, so a client that reads it rarely, or misses readings, loses no
energy. This module implements that register. It has no clock and does no I/O:
times are passed in, in seconds on CLOCK_BOOTTIME.

A register is a curve: each reading adds a point, its elapsed time and energy.
An :class:`~energy_meter.accumulator.Accumulator` computes the energy to add.
Replacing the accumulator starts from a new base; the register continues.
"""

from energy_meter import accumulator
from energy_meter import cpu_usage
from energy_meter import measurement


class Register:
    """Energy of one probe since the register was opened; never decreases.

    :param key: identity of the register.
    :param after: register that this one follows; None if there is none.
    :param opened_at: boot time at which it was opened.
    :ivar latest: state after the last reading, at first
        :data:`~energy_meter.measurement.ORIGIN`.
    :ivar opened_timestamp: time on the wall clock, in ms, at which it was
        opened: the one offset between its clocks. The first reading sets it.
    :ivar accumulator: computes the energy of a reading; None until the first
        reading after the settings of the probe changed.
    """

    __slots__ = (
        '_metered_seconds',
        '_offset',
        '_opened_at',
        '_read_at',
        '_remainder',
        'accumulator',
        'after',
        'amperes',
        'key',
        'latest',
        'opened_timestamp',
        'volts',
        'watts',
    )

    def __init__(
        self,
        key: measurement.RegisterKey,
        after: measurement.Predecessor | None,
        opened_at: float,
    ) -> None:
        self.key = key
        self.after = after
        self.latest = measurement.ORIGIN
        self.opened_timestamp = 0
        self.accumulator: accumulator.Accumulator | None = None
        self.watts: float | None = None
        self.volts: float | None = None
        self.amperes: float | None = None
        self._opened_at = self._read_at = opened_at
        self._offset = self._remainder = 0.0
        self._metered_seconds = 0.0

    def elapsed_at(self, boottime: float) -> int:
        """Return the elapsed time at a boot time, in ms."""
        return round((boottime - self._opened_at) * 1000)

    def deviation(self, boottime: float, timestamp: float) -> float:
        """Return how far the wall clock moved against the elapsed time.

        :param timestamp: the wall clock at that boot time, in seconds.
        :returns: seconds since the first reading; positive if the wall clock
            was set forward.
        """
        return timestamp - boottime - self._offset

    def update(
        self, reading: measurement.Reading, boottime: float, timestamp: float
    ) -> bool:
        """Add the energy of a valid reading.

        :param boottime: time of the reading.
        :param timestamp: the same time on the wall clock, in seconds.
        :returns: False if the reading is not newer than the last one; it is
            ignored.
        """
        elapsed = self.elapsed_at(boottime)
        if elapsed <= self.latest.elapsed or self.accumulator is None:
            return False
        if self.latest is measurement.ORIGIN:
            self.opened_timestamp = round(timestamp * 1000) - elapsed
            self._offset = timestamp - boottime
        delta = self.accumulator.add(reading, boottime)
        self._read_at = boottime
        whole, self._remainder = divmod(
            self._remainder + delta.joules * 1000, 1
        )
        # A counter that was silent before the register was opened also
        # covers that time, in which this register did not exist.
        self._metered_seconds = min(
            self._metered_seconds + delta.seconds, elapsed / 1000
        )
        self.latest = measurement.Point(
            elapsed,
            self.latest.millijoules + int(whole),
            int(self._metered_seconds * 1000),
        )
        self.watts = (
            self.accumulator.watts if reading.watts is None else reading.watts
        )
        self.volts, self.amperes = reading.volts, reading.amperes
        return True

    def successor(self, key: measurement.RegisterKey) -> 'Register':
        """Return a register that opens at the last reading of this one.

        It continues with the same accumulator, so no energy between the last
        reading and the next is lost.
        """
        following = Register(
            key,
            measurement.Predecessor(self.key.id, self.latest.elapsed),
            self._read_at,
        )
        following.accumulator = self.accumulator
        following._remainder = self._remainder
        return following

    def snapshot(
        self,
        probe: measurement.Probe,
        synced: bool,
        usage: cpu_usage.Usage | None = None,
    ) -> measurement.Measurement:
        """Return the measurement of the last reading.

        :param synced: whether the wall clock was synchronized.
        :param usage: vector of a register of CPU time.
        """
        point = self.latest
        return measurement.Measurement(
            measurement.Series(probe, self.key, self.after, synced),
            self.opened_timestamp + point.elapsed,
            *point,
            self.watts,
            self.volts,
            self.amperes,
            usage=usage,
        )

    def mark(
        self,
        probe: measurement.Probe,
        synced: bool,
        point: measurement.Point,
        usage: cpu_usage.Usage | None = None,
    ) -> measurement.Measurement:
        """Return a point of this register's curve as a mark."""
        return measurement.Measurement(
            measurement.Series(probe, self.key, self.after, synced),
            self.opened_timestamp + point.elapsed,
            *point,
            is_mark=True,
            usage=usage,
        )
