# SPDX-License-Identifier: Apache-2.0


"""Which part of time a graph shows, and of which probes."""

import collections.abc
import hashlib
import math
import time
import typing

from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd import index
from energy_meter.rrd import layout

#: A probe that misses this many usual intervals is not waited for.
_PATIENCE = 3

#: Another scope of a host is taken for one that was silent so many seconds.
_GIVEN_UP = 3600.0


class Window(typing.NamedTuple):
    """A part of time in steps, all of which are over.

    :ivar start: seconds since the epoch; a multiple of ``step``.
    :ivar end: the same.
    :ivar extremes: whether files keep minima and maxima of the steps.
    :ivar tag: differs when what can be known of this time does.
    """

    start: int
    end: int
    step: int
    extremes: bool
    tag: str


class Clock:
    """Chooses windows.

    :param max_gap: longest gap that a register fills, in seconds.
    :param flush_interval: seconds between two writings of the archive.
    """

    def __init__(self, max_gap: float, flush_interval: float) -> None:
        self._max_gap = max_gap
        self._flush_interval = flush_interval

    @staticmethod
    def now() -> float:
        """Tell the time, in seconds since the epoch."""
        return time.time()

    def window(
        self,
        entries: index.Entries,
        seconds: int,
        resolution: rrd_conf.Resolution,
    ) -> Window:
        """Choose the newest window.

        It ends where all of the probes that are measured now are known. The
        others don't hold it up: that they are silent shall be seen.

        :param entries: the probes that are shown.
        :param seconds: least length of the window.
        :param resolution: of its steps.
        """
        now = self.now()
        until = min(
            (
                entry.word.time
                for entry in entries.values()
                if entry.word is not None
                and now - entry.word.time <= self._patience(entry)
            ),
            default=now,
        )
        step = resolution.step
        end = math.floor(until / step) * step
        start = end - math.ceil(seconds / step) * step
        known = sorted(
            (probe, entry.word and min(entry.word.time, end))
            for probe, entry in entries.items()
        )
        shown = repr((start, end, step, known)).encode()
        return Window(
            start,
            end,
            step,
            layout.has_extremes(resolution),
            hashlib.blake2s(shown, digest_size=16).hexdigest(),
        )

    def _patience(self, entry: index.Entry) -> float:
        usual = min(_PATIENCE * (entry.interval or 0), self._max_gap)
        return usual + 2 * self._flush_interval


def summed(
    entries: index.Entries, scopes: collections.abc.Sequence[str], since: float
) -> index.Entries:
    """Choose the probes whose sum is all power, nothing counted twice.

    Of each host these are the probes of one scope.

    :param scopes: the first counts that the host has, and that was not
        silent for an hour while others of the host were heard.
    :param since: probes that were silent since then don't count.
    """
    rank = {scope: number for number, scope in enumerate(scopes)}
    hosts: dict[str, dict[int, list[str]]] = {}
    for probe, entry in entries.items():
        host, scope = probe, ''
        if entry.word is not None:
            host, scope = entry.word.probe.host, entry.word.probe.scope
        hosts.setdefault(host, {}).setdefault(
            rank.get(scope, len(rank)), []
        ).append(probe)
    found: index.Entries = {}
    for groups in hosts.values():
        heard = {
            place: max(_heard(entries[probe]) for probe in probes)
            for place, probes in groups.items()
        }
        place = min(
            place
            for place, time in heard.items()
            if time >= max(heard.values()) - _GIVEN_UP
        )
        found |= {
            probe: entries[probe]
            for probe in groups[place]
            if _heard(entries[probe]) >= since
        }
    return found


def _heard(entry: index.Entry) -> float:
    """Tell when a probe was last heard of; never, if nobody knows."""
    return 0.0 if entry.word is None else entry.word.time
