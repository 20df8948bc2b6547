# SPDX-License-Identifier: Apache-2.0

"""Path of a reading from its driver to the backlog and the marks."""

import collections.abc

from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.agent import clock as agent_clock
from energy_meter.agent import mark_buffer
from energy_meter.agent import registers as agent_registers
from energy_meter.agent import validation
from energy_meter.telemetry import counters

#: Minimum time in ms between two measurements of CPU time that are published,
#: besides the marks: a vector is as large as many measurements.
_USAGE_INTERVAL_MS = 60_000


class Recorder:
    """Validates readings, updates registers and queues the measurements.

    :param registers: registers of the agent.
    :param queue: receives the measurements.
    :param marks: receives the marks.
    :param clock: clock of the agent.
    :param counts: counters of the agent.
    """

    def __init__(
        self,
        registers: agent_registers.Registers,
        queue: backlog.Backlog,
        marks: mark_buffer.MarkBuffer,
        clock: agent_clock.Clock,
        counts: counters.Counters,
    ) -> None:
        self._registers = registers
        self._backlog = queue
        self._marks = marks
        self._clock = clock
        self._violations = validation.ViolationLog(counts)
        # By probe, the last measurement of CPU time that was queued.
        self._queued: dict[str, measurement.Measurement] = {}

    def record(
        self, readings: collections.abc.Iterable[measurement.Reading]
    ) -> None:
        """Record readings of one wattmeter.

        A reading with a time in the future gets the current time.
        """
        now = self._clock.now()
        recorded: list[measurement.Measurement] = []
        with self._registers.exclusive():
            at = now
            for reading in readings:
                # Most devices are read at once.
                if reading.monotonic != at.monotonic:
                    at = _instant(reading.monotonic, now)
                recorded += self._record(reading, at)
        # The marks first: they are published before the measurements.
        self._marks.put([each for each in recorded if each.is_mark])
        self._backlog.put(
            [
                each
                for each in recorded
                if not each.is_mark
                and (each.usage is None or self._is_due(each))
            ]
        )

    def _is_due(self, recorded: measurement.Measurement) -> bool:
        """Return whether a measurement of CPU time is to be published."""
        previous = self._queued.get(recorded.probe.id)
        if (
            previous is not None
            and previous.register == recorded.register
            and previous.elapsed // _USAGE_INTERVAL_MS
            == recorded.elapsed // _USAGE_INTERVAL_MS
        ):
            return False
        self._queued[recorded.probe.id] = recorded
        return True

    def _record(
        self, reading: measurement.Reading, at: agent_clock.Instant
    ) -> list[measurement.Measurement]:
        found = self._registers.find(reading.probe)
        if found is None:
            return []
        settings = found.settings
        violation = validation.validate(
            reading, settings.max_watts, settings.energy
        )
        if violation is not None:
            self._violations.record(reading.probe, violation)
            if violation.rejected:
                return []
        recorded = self._registers.record(reading, at)
        if violation is not None:
            return recorded
        if not recorded:
            self._violations.record_out_of_order()
        # A register that it replaced has nothing to do with this reading.
        elif found.latest is recorded[-1] and (reason := found.distrust()):
            self._violations.record(
                reading.probe, validation.distrust(reason, settings.max_watts)
            )
        return recorded


def _instant(
    monotonic: float | None, now: agent_clock.Instant
) -> agent_clock.Instant:
    """Return the instant of a reading, which is not after the current one."""
    if monotonic is None or not monotonic < now.monotonic:
        return now
    return now.before(now.monotonic - monotonic)
