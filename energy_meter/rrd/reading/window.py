# SPDX-License-Identifier: Apache-2.0

"""Time windows of graphs."""

import hashlib
import math
import time
import typing

from energy_meter.conf import rrd as rrd_conf
from energy_meter.rrd.files import index
from energy_meter.rrd.files import layout

#: A probe is stale after this many of its usual intervals.
_STALE_AFTER_INTERVALS = 3


class Window(typing.NamedTuple):
    """Time window that consists of complete steps.

    :ivar start: seconds since the epoch; a multiple of ``step``.
    :ivar end: seconds since the epoch; a multiple of ``step``.
    :ivar has_extremes: whether files keep minima and maxima of the steps.
    :ivar tag: changes whenever the data in the window may have changed.
    """

    start: int
    end: int
    step: int
    has_extremes: bool
    tag: str


class WindowSelector:
    """Selects the time window for probes and a period.

    :param max_gap: maximum gap that a register fills, in seconds.
    :param flush_interval: seconds between two writes to the archive.
    """

    def __init__(self, max_gap: float, flush_interval: float) -> None:
        self._max_gap = max_gap
        self._flush_interval = flush_interval

    def select(
        self,
        entries: index.Entries,
        seconds: int,
        resolution: rrd_conf.Resolution,
    ) -> Window:
        """Return the newest window.

        It ends where the data of all probes ends. Stale probes do not hold it
        back; their power is unknown at the end of the window.

        :param entries: the probes to show.
        :param seconds: minimum length of the window.
        :param resolution: of its steps.
        """
        now = time.time()
        until = min(
            (
                entry.timestamp
                for entry in entries.values()
                if entry.timestamp is not None
                and now - entry.timestamp <= self._stale_after(entry)
            ),
            default=now,
        )
        step = resolution.step
        end = math.floor(until / step) * step
        start = end - math.ceil(seconds / step) * step
        data_ends = sorted(
            (probe, entry.timestamp and min(entry.timestamp, end))
            for probe, entry in entries.items()
        )
        content = repr((start, end, step, data_ends)).encode()
        return Window(
            start,
            end,
            step,
            layout.has_extremes(resolution),
            hashlib.blake2s(content, digest_size=16).hexdigest(),
        )

    def _stale_after(self, entry: index.Entry) -> float:
        """Return the age, in seconds, at which a probe counts as stale."""
        usual = min(
            _STALE_AFTER_INTERVALS * (entry.interval or 0), self._max_gap
        )
        return usual + 2 * self._flush_interval
