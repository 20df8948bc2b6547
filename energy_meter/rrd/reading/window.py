# SPDX-License-Identifier: Apache-2.0

"""Time windows of graphs."""

import hashlib
import math
import time
import typing

from energy_meter.rrd.files import index
from energy_meter.rrd.files import layout as rrd_layout
from energy_meter.rrd.reading import periods

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

    @property
    def steps(self) -> int:
        """Number of steps."""
        return (self.end - self.start) // self.step


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
        period: periods.Period,
        layout: rrd_layout.Layout,
    ) -> Window:
        """Return the window of complete steps that covers a period.

        It has the finest resolution that reaches back to its start. If the
        period ends now, it ends where the data of all probes ends.

        :param entries: the probes to show.
        """
        now = time.time()
        resolution = layout.resolution(period.reach(now))
        step = resolution.step
        if period.end is None:
            end = math.floor(self._data_end(entries, now) / step) * step
            start = end - math.ceil(period.seconds / step) * step
        else:
            start = (period.end - period.seconds) // step * step
            # Without the future, which can have any number of steps.
            end = math.ceil(min(period.end, now) / step) * step
            end = max(end, start + step)
        data_ends = sorted(
            (probe, entry.timestamp and min(entry.timestamp, end))
            for probe, entry in entries.items()
        )
        content = repr((start, end, step, data_ends)).encode()
        return Window(
            start,
            end,
            step,
            rrd_layout.has_extremes(resolution),
            hashlib.blake2s(content, digest_size=16).hexdigest(),
        )

    def _data_end(self, entries: index.Entries, now: float) -> float:
        """Return where the data of all probes ends.

        Stale probes do not hold it back; their power is unknown at the end of
        the window.
        """
        end = math.inf
        for entry in entries.values():
            timestamp = entry.timestamp
            if (
                timestamp is not None
                and timestamp < end
                and now - timestamp <= self._stale_after(entry)
            ):
                end = timestamp
        return now if end == math.inf else end

    def _stale_after(self, entry: index.Entry) -> float:
        """Return the age, in seconds, at which a probe counts as stale."""
        usual = min(
            _STALE_AFTER_INTERVALS * (entry.interval or 0), self._max_gap
        )
        return usual + 2 * self._flush_interval
