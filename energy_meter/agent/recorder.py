# SPDX-License-Identifier: Apache-2.0

"""Path of a reading from its driver to the backlog."""

import collections.abc
import time

from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import registers as agent_registers
from energy_meter.agent import validation
from energy_meter.telemetry import counters


class Recorder:
    """Validates readings, updates registers and queues the measurements.

    :param registers: registers of the agent.
    :param queue: receives the measurements.
    :param counts: counters of the agent.
    """

    def __init__(
        self,
        registers: agent_registers.Registers,
        queue: backlog.Backlog,
        counts: counters.Counters,
    ) -> None:
        self._registers = registers
        self._backlog = queue
        self._violations = validation.ViolationLog(counts)

    def record(
        self, readings: collections.abc.Iterable[measurement.Reading]
    ) -> None:
        """Record readings of one wattmeter.

        A reading with a time in the future gets the current time.
        """
        monotonic_now, timestamp_now = time.monotonic(), time.time()
        measurements = []
        for reading in readings:
            monotonic = (
                monotonic_now
                if reading.monotonic is None
                else min(reading.monotonic, monotonic_now)
            )
            timestamp = timestamp_now - (monotonic_now - monotonic)
            latest = self._record(reading, monotonic, timestamp)
            if latest is not None:
                measurements.append(latest)
        self._backlog.put(measurements)

    def _record(
        self, reading: measurement.Reading, monotonic: float, timestamp: float
    ) -> measurement.Measurement | None:
        settings = self._registers.settings(reading.probe)
        if settings is None:
            return None
        violation = validation.validate(
            reading, settings.max_watts, settings.energy
        )
        if violation is not None:
            self._violations.record(reading.probe, violation)
            if violation.rejected:
                return None
        latest = self._registers.record(reading, monotonic, timestamp)
        if violation is None and latest is None:
            self._violations.record_out_of_order()
        elif violation is None and (
            reason := self._registers.distrust(reading.probe)
        ):
            self._violations.record(
                reading.probe, validation.distrust(reason, settings.max_watts)
            )
        return latest
