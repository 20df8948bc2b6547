# SPDX-License-Identifier: Apache-2.0

"""All registers of one agent."""

import collections.abc
import secrets
import threading
import typing

from energy_meter import counters
from energy_meter import measurement
from energy_meter import register
from energy_meter.agent import doubt

#: Seconds for which the last word of an ended register is announced.
ANNOUNCED_FOR = 86_400.0


class Settings(typing.NamedTuple):
    """How a probe is metered.

    :ivar max_watts: the most that it can draw; larger readings are refused.
    :ivar max_gap: longest silence, in seconds, that is integrated over.
    :ivar energy: ``auto``, ``counter`` or ``integrate``.
    :ivar options: how its wattmeter is read.
    """

    probe: measurement.Probe
    max_watts: float
    max_gap: float
    energy: str
    options: dict[str, typing.Any]


class Ended(typing.NamedTuple):
    """The last word of a register that ended.

    :ivar left: seconds for which it is still announced; counted by running
        time, as wall clocks step.
    """

    word: measurement.Measurement
    left: float


class _Entry:
    __slots__ = ('settings', 'register', 'counter', 'word')

    def __init__(self, settings: Settings, opened: register.Register) -> None:
        self.settings = settings
        self.register = opened
        self.counter: measurement.Counter | None = None
        self.word: measurement.Measurement | None = None


class Ledger:
    """Keeps the registers; safe to be used from several threads.

    :param agent: uuid of the agent.
    :param ended: registers of earlier incarnations.
    """

    def __init__(
        self,
        agent: str,
        ended: collections.abc.Iterable[Ended],
        counts: counters.Counters,
    ) -> None:
        self._agent = agent
        self._doubts = doubt.Doubts(counts)
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._ended = list(ended)

    def missing(self, probes: collections.abc.Iterable[str]) -> list[str]:
        """Tell which probes have no register."""
        return [probe for probe in probes if probe not in self._entries]

    def set_up(
        self,
        settings: collections.abc.Iterable[Settings],
        incarnation: int,
        now: float,
    ) -> None:
        """Open registers for these probes, and end those of all others.

        A probe that has one keeps it; other settings only re-base what
        feeds it.

        :param incarnation: of the registers that are opened.
        :param now: the monotonic clock.
        """
        with self._lock:
            before, self._entries = self._entries, {}
            for wanted in settings:
                entry = before.pop(wanted.probe.id, None)
                if entry is None:
                    key = measurement.RegisterKey(
                        self._agent, secrets.token_hex(8), incarnation
                    )
                    entry = _Entry(wanted, register.Register(key, now))
                elif entry.settings != wanted:
                    entry.settings = wanted
                    entry.register.feed = None
                self._entries[wanted.probe.id] = entry
            self._ended += [
                Ended(entry.word, ANNOUNCED_FOR)
                for entry in before.values()
                if entry.word
            ]

    def read(
        self, reading: measurement.Reading, at: float, wall: float
    ) -> measurement.Measurement | None:
        """Let a reading move the register of its probe.

        :param at: when it was made, on the monotonic clock.
        :param wall: the same moment on the wall clock.
        :returns: what the register shows; None if the reading was refused.
        """
        with self._lock:
            entry = self._entries.get(reading.probe)
            if entry is None:
                return None
            settings = entry.settings
            found = doubt.find(reading, settings.max_watts, settings.energy)
            moved = (found is None or not found.refused) and self._move(
                entry, reading, at
            )
            if moved:
                entry.word = entry.register.show(settings.probe, wall)
            word = entry.word if moved else None
        # Not under the lock: logs may be slow.
        if found is not None:
            self._doubts.note(reading.probe, found)
        elif not moved:
            self._doubts.note_late()
        return word

    @staticmethod
    def _move(entry: _Entry, reading: measurement.Reading, at: float) -> bool:
        settings = entry.settings
        # A counter that shows up later, or is read differently from now on,
        # is a new base.
        if entry.register.feed is None or (
            reading.counter not in (None, entry.counter)
        ):
            entry.counter = reading.counter
            entry.register.feed = register.feed_for(
                reading, settings.energy, settings.max_watts, settings.max_gap
            )
        return entry.register.read(reading, at)

    def words(self) -> list[measurement.Measurement]:
        """Give the last word of each register that is open."""
        with self._lock:
            return [
                entry.word for entry in self._entries.values() if entry.word
            ]

    def ended(self) -> list[Ended]:
        """Give the last words of registers that ended within a day."""
        with self._lock:
            return list(self._ended)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the announcing of ended registers."""
        with self._lock:
            self._ended = [
                Ended(word, left - seconds)
                for word, left in self._ended
                if left > seconds
            ]
