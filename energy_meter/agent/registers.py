# SPDX-License-Identifier: Apache-2.0

"""Registers of all probes of one agent."""

import collections.abc
import secrets
import threading
import typing

from energy_meter import accumulator
from energy_meter import measurement
from energy_meter import register

#: Seconds during which the final measurement of a closed register is
#: republished.
REPUBLISH_PERIOD_S = 86_400.0


class Settings(typing.NamedTuple):
    """Settings of one probe.

    :ivar max_watts: maximum power, in watts; readings above it are rejected.
    :ivar max_gap: maximum number of seconds to integrate over.
    :ivar energy: ``auto``, ``counter`` or ``integrate``.
    :ivar options: options of its wattmeter, by name.
    """

    probe: measurement.Probe
    max_watts: float
    max_gap: float
    energy: str
    options: dict[str, typing.Any]


class ClosedRegister(typing.NamedTuple):
    """Final measurement of a closed register.

    :ivar seconds_left: seconds left during which the final measurement is
        republished, on the monotonic clock.
    """

    final: measurement.Measurement
    seconds_left: float


class _Entry:
    __slots__ = ('counter', 'latest', 'register', 'settings')

    def __init__(self, settings: Settings, opened: register.Register) -> None:
        self.settings = settings
        self.register = opened
        self.counter: measurement.Counter | None = None
        self.latest: measurement.Measurement | None = None


class Registers:
    """Open and closed registers of one agent; thread-safe.

    :param agent: UUID of the agent.
    :param closed: registers of earlier incarnations.
    """

    def __init__(
        self, agent: str, closed: collections.abc.Iterable[ClosedRegister]
    ) -> None:
        self._agent = agent
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._closed = list(closed)

    def unknown(self, probes: collections.abc.Iterable[str]) -> list[str]:
        """Return the IDs of those probes that have no open register."""
        return [probe for probe in probes if probe not in self._entries]

    def settings(self, probe: str) -> Settings | None:
        """Return the settings of a probe; None if it has no open register."""
        with self._lock:
            entry = self._entries.get(probe)
            return None if entry is None else entry.settings

    def configure(
        self,
        settings: collections.abc.Iterable[Settings],
        incarnation: int,
        monotonic: float,
    ) -> None:
        """Open registers for new probes, and close those of other probes.

        The register of a probe that has one stays open. If the settings of
        the probe changed, the register gets a new accumulator.

        :param settings: settings of all probes to meter.
        :param incarnation: incarnation of the registers that are opened.
        :param monotonic: time at which they are opened.
        """
        with self._lock:
            previous, self._entries = self._entries, {}
            for wanted in settings:
                entry = previous.pop(wanted.probe.id, None)
                if entry is None:
                    key = measurement.RegisterKey(
                        self._agent, secrets.token_hex(8), incarnation
                    )
                    entry = _Entry(wanted, register.Register(key, monotonic))
                elif entry.settings != wanted:
                    entry.settings = wanted
                    entry.register.accumulator = None
                self._entries[wanted.probe.id] = entry
            self._closed += [
                ClosedRegister(entry.latest, REPUBLISH_PERIOD_S)
                for entry in previous.values()
                if entry.latest
            ]

    def record(
        self, reading: measurement.Reading, monotonic: float, timestamp: float
    ) -> measurement.Measurement | None:
        """Add a valid reading to the register of its probe.

        :param monotonic: time of the reading, on the monotonic clock.
        :param timestamp: the same time, in seconds since the epoch.
        :returns: the new measurement; None if the probe has no register, or
            the reading is not newer than the last one.
        """
        with self._lock:
            entry = self._entries.get(reading.probe)
            if entry is None or not self._update(entry, reading, monotonic):
                return None
            entry.latest = entry.register.snapshot(
                entry.settings.probe, timestamp
            )
            return entry.latest

    @staticmethod
    def _update(
        entry: _Entry, reading: measurement.Reading, monotonic: float
    ) -> bool:
        settings = entry.settings
        # A counter that appears later, or changes its properties, starts
        # from a new base.
        if entry.register.accumulator is None or (
            reading.counter not in (None, entry.counter)
        ):
            entry.counter = reading.counter
            entry.register.accumulator = accumulator.make_accumulator(
                reading, settings.energy, settings.max_watts, settings.max_gap
            )
        return entry.register.update(reading, monotonic)

    def distrust(self, probe: str) -> str | None:
        """Return why the counter of a probe is not trusted; None if it is."""
        with self._lock:
            entry = self._entries.get(probe)
            if entry is None or entry.register.accumulator is None:
                return None
            return entry.register.accumulator.distrust

    def measurements(self) -> list[measurement.Measurement]:
        """Return the newest measurement of each open register."""
        with self._lock:
            return [
                entry.latest
                for entry in self._entries.values()
                if entry.latest
            ]

    def closed(self) -> list[ClosedRegister]:
        """Return the closed registers that are still republished."""
        with self._lock:
            return list(self._closed)

    def expire(self, seconds: float) -> None:
        """Drop closed registers whose republication period has passed.

        :param seconds: time since the last call.
        """
        with self._lock:
            self._closed = [
                ClosedRegister(final, seconds_left - seconds)
                for final, seconds_left in self._closed
                if seconds_left > seconds
            ]
