# SPDX-License-Identifier: Apache-2.0

"""Queue of measurements that are not yet published."""

import collections.abc
import threading

from energy_meter import measurement
from energy_meter.telemetry import counters


class Backlog:
    """Bounded, thread-safe queue of measurements.

    When full, it keeps only the newest measurement of each register.
    Registers are cumulative, so no energy is lost, only resolution.

    :param limit: maximum number of measurements. One measurement of each
        register is kept even if there are more registers than that.
    :param counts: counters of the agent.
    """

    def __init__(self, limit: int, counts: counters.Counters) -> None:
        self._limit = self._full_at = limit
        self._counters = counts
        self._lock = threading.Lock()
        self._queue: list[measurement.Measurement] = []

    def __len__(self) -> int:
        return len(self._queue)

    def put(
        self, measurements: collections.abc.Iterable[measurement.Measurement]
    ) -> None:
        """Append measurements to the queue."""
        with self._lock:
            self._queue.extend(measurements)
            self._coalesce()

    def take(self, limit: int) -> list[measurement.Measurement]:
        """Remove and return up to ``limit`` of the oldest measurements."""
        with self._lock:
            taken = self._queue[:limit]
            del self._queue[:limit]
            return taken

    def requeue(self, measurements: list[measurement.Measurement]) -> None:
        """Return measurements that could not be sent to the front."""
        with self._lock:
            self._queue[:0] = measurements
            self._coalesce()

    def _coalesce(self) -> None:
        if len(self._queue) <= self._full_at:
            return
        newest: dict[measurement.RegisterKey, measurement.Measurement] = {}
        for queued in self._queue:
            previous = newest.get(queued.register)
            if previous is None or queued.elapsed >= previous.elapsed:
                newest[queued.register] = queued
        self._counters.count(
            'backlog_coalesced', len(self._queue) - len(newest)
        )
        self._queue = list(newest.values())
        # With nearly as many registers as the limit allows measurements,
        # every addition would coalesce again.
        self._full_at = max(self._limit, 2 * len(newest))
