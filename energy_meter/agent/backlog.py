# SPDX-License-Identifier: Apache-2.0

"""Measurements that wait for the bus."""

import collections.abc
import threading

from energy_meter import counters
from energy_meter import measurement


class Backlog:
    """A bounded queue that loses detail rather than energy.

    When it is full, only the newest measurement of each register stays: a
    register says in one word what it said in all before.

    :param limit: most measurements that it holds; there may be one of each
        register in any case.
    """

    def __init__(self, limit: int, counts: counters.Counters) -> None:
        self._limit = self._full_at = limit
        self._counters = counts
        self._lock = threading.Lock()
        self._waiting: list[measurement.Measurement] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(
        self, items: collections.abc.Iterable[measurement.Measurement]
    ) -> None:
        """Add measurements behind those that wait."""
        with self._lock:
            self._waiting.extend(items)
            self._thin()

    def take(self, most: int) -> list[measurement.Measurement]:
        """Take the measurements that have waited longest."""
        with self._lock:
            taken = self._waiting[:most]
            del self._waiting[:most]
            return taken

    def give_back(self, items: list[measurement.Measurement]) -> None:
        """Put measurements back that were taken but not sent."""
        with self._lock:
            self._waiting[:0] = items
            self._thin()

    def _thin(self) -> None:
        if len(self._waiting) <= self._full_at:
            return
        newest: dict[measurement.RegisterKey, measurement.Measurement] = {}
        for item in self._waiting:
            known = newest.get(item.register)
            if known is None or item.elapsed >= known.elapsed:
                newest[item.register] = item
        self._counters.count('thinned', len(self._waiting) - len(newest))
        self._waiting = list(newest.values())
        # With nearly as many registers as there are places, each addition
        # would thin again.
        self._full_at = max(self._limit, 2 * len(newest))
