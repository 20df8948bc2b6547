# SPDX-License-Identifier: Apache-2.0

"""Registers of all probes of one agent."""

import collections.abc
import contextlib
import logging
import secrets
import threading
import typing

from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter import register
from energy_meter.agent import clock
from energy_meter.agent import metering
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)


class State(typing.NamedTuple):
    """What a checkpoint saves of all registers.

    :ivar open: newest measurement of each open register, and the elapsed
        time of that register now, in ms.
    :ivar ended: the last register of each other probe.
    """

    open: list[tuple[measurement.Measurement, int]]
    ended: dict[str, measurement.Predecessor]


class Registers:
    """Registers of one agent; thread-safe.

    :param agent: UUID of the agent.
    :param ended: the last register of each probe, from the checkpoint.
    :param profile_interval: interval of the marks, in seconds.
    :param counts: counters of the agent.
    """

    def __init__(
        self,
        agent: str,
        ended: collections.abc.Mapping[str, measurement.Predecessor],
        profile_interval: int,
        counts: counters.Counters,
    ) -> None:
        self._agent = agent
        self._ended = dict(ended)
        self._profile_interval = profile_interval * 1000
        self._counters = counts
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._lock = threading.RLock()
        self._meterings: dict[str, metering.Metering] = {}
        self._has_unsaved = False

    def exclusive(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which no other thread uses the registers.

        For the readings of one wattmeter: hundreds of threads that took turns
        for each reading spent half of their time on that.
        """
        return self._lock

    def find(self, probe: str) -> metering.Metering | None:
        """Return the open register of a probe; None if it has none.

        To be called in :meth:`exclusive`.
        """
        return self._meterings.get(probe)

    def configure(
        self,
        settings: collections.abc.Iterable[metering.Settings],
        now: clock.Instant,
    ) -> list[measurement.Measurement]:
        """Open registers for new probes, and end those of other probes.

        The register of a probe that has one stays open. If the settings of
        the probe changed, the register gets a new accumulator.

        :param settings: settings of all probes to meter.
        :param now: time at which registers are opened.
        :returns: the final marks of the registers that ended.
        """
        with self._lock:
            previous, self._meterings = self._meterings, {}
            for wanted in settings:
                probe = wanted.probe.id
                kept = previous.pop(probe, None)
                if kept is None:
                    kept = self._open(wanted, now)
                elif kept.settings != wanted:
                    kept.change(wanted)
                self._meterings[probe] = kept
            return [
                mark
                for ended in previous.values()
                for mark in self._end(ended)
            ]

    def record(
        self, reading: measurement.Reading, at: clock.Instant
    ) -> list[measurement.Measurement]:
        """Add a valid reading to the register of its probe.

        If the wall clock has stepped, the register ends at its last reading,
        and this reading belongs to a new one that opens there.

        :param at: time of the reading.
        :returns: the marks that it makes, then the new measurement. There is
            no measurement if the probe has no register, or the reading is
            not newer than the last one.
        """
        with self._lock:
            found = self._meterings.get(reading.probe)
            if found is None:
                return []
            marks: list[measurement.Measurement] = []
            if not found.continues(reading, at):
                if not found.is_newer(at):
                    return []
                marks, found = self._end_if_due(found, reading, at)
            if found.latest is None:
                self._has_unsaved = True
            recorded = found.record(reading, at)
            return marks + recorded if marks else recorded

    def state(self, now: clock.Instant) -> State:
        """Return what a checkpoint saves, which must then be written."""
        with self._lock:
            self._has_unsaved = False
            measured = {
                probe: (found.latest, found.elapsed_at(now))
                for probe, found in self._meterings.items()
                if found.latest
            }
            return State(
                list(measured.values()),
                {
                    probe: last
                    for probe, last in self._ended.items()
                    if probe not in measured
                },
            )

    def has_unsaved(self) -> bool:
        """Return whether a register with readings is in no checkpoint."""
        return self._has_unsaved

    def _end_if_due(
        self,
        current: metering.Metering,
        reading: measurement.Reading,
        at: clock.Instant,
    ) -> tuple[list[measurement.Measurement], metering.Metering]:
        """End a register that a reading does not belong to.

        :returns: its final mark, and what the reading belongs to.
        """
        if current.generation != at.generation:
            self._throttled_log.warning(
                'generation',
                'The machine went back in time; registers end, and new ones '
                'are opened',
            )
            return self._replace(current, at)
        if current.is_of_other_quantity(reading):
            return self._replace(current, at)
        if not current.must_end(at):
            return [], current
        self._log_end(current.deviation(at))
        self._remember(current)
        return current.renew(self._new_key()), current

    def _new_key(self) -> measurement.RegisterKey:
        return measurement.RegisterKey(self._agent, secrets.token_hex(8))

    def _open(
        self, settings: metering.Settings, now: clock.Instant
    ) -> metering.Metering:
        return metering.Metering(
            settings,
            register.Register(
                self._new_key(),
                self._ended.get(settings.probe.id),
                now.boottime,
            ),
            self._profile_interval,
            now.generation,
        )

    def _replace(
        self, ended: metering.Metering, at: clock.Instant
    ) -> tuple[list[measurement.Measurement], metering.Metering]:
        """End a register, and open one that does not continue with it."""
        marks = self._end(ended)
        opened = self._open(ended.settings, at)
        self._meterings[ended.settings.probe.id] = opened
        return marks, opened

    def _end(self, ended: metering.Metering) -> list[measurement.Measurement]:
        self._remember(ended)
        return ended.end()

    def _remember(self, ended: metering.Metering) -> None:
        """Keep which register of a probe was the last.

        One without readings was never published, so nothing follows it.
        """
        if ended.latest is not None:
            self._ended[ended.settings.probe.id] = measurement.Predecessor(
                ended.latest.register.id, ended.latest.elapsed
            )

    def _log_end(self, deviation: float) -> None:
        if abs(deviation) <= metering.MAX_DEVIATION_S:
            return
        self._counters.count('clock_steps')
        self._throttled_log.warning(
            'step',
            'The wall clock stepped by %+.1f s; registers end, and new ones '
            'are opened',
            deviation,
        )
