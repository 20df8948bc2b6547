# SPDX-License-Identifier: Apache-2.0

"""Keeps one worker at every wattmeter."""

import collections.abc
import logging
import time

from energy_meter import complaint
from energy_meter import counters
from energy_meter.agent import health
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.agent import worker

LOG = logging.getLogger(__name__)

#: Given-up threads of one wattmeter that may hang at the same time. A device
#: that hangs its driver for good costs no more than these.
_MOST_HUNG = 3


class Supervisor:
    """Starts, watches, replaces and stops workers; never waits for one.

    :param hang_timeout: seconds after which a driver that does not come
        back is given up.
    :param backoff_max: longest pause after a failure, in seconds.
    """

    def __init__(
        self,
        sink: worker.Sink,
        adopt: worker.Adopt,
        hang_timeout: float,
        backoff_max: float,
        counts: counters.Counters,
    ) -> None:
        self._sink = sink
        self._adopt = adopt
        self._hang_timeout = hang_timeout
        self._backoff_max = backoff_max
        self._counters = counts
        self._complaints = complaint.Complaints(LOG)
        self._workers: dict[str, worker.Worker] = {}
        self._hung: list[worker.Worker] = []

    def retire(
        self, wanted: collections.abc.Collection[agent_wattmeter.Wattmeter]
    ) -> None:
        """Stop reading all wattmeters but these, as they are given here."""
        for name, running in list(self._workers.items()):
            if running.wattmeter not in wanted:
                LOG.info('Wattmeter %s is not read any longer as it was', name)
                running.stop()
                del self._workers[name]

    def engage(
        self, wanted: collections.abc.Iterable[agent_wattmeter.Wattmeter]
    ) -> None:
        """Start to read the wattmeters that are not read yet."""
        for item in wanted:
            if item.name not in self._workers:
                LOG.info('Reading wattmeter %s', item.name)
                self._start(item)

    def check(self) -> None:
        """Replace the workers whose driver hangs, and tell who is silent."""
        now = time.monotonic()
        self._hung = [item for item in self._hung if item.is_alive()]
        for name, running in list(self._workers.items()):
            limit = max(self._hang_timeout, 3 * running.wattmeter.interval)
            if running.busy_for(now) > limit:
                self._give_up(name, running, now)
            elif running.silent_for(now) > limit:
                # Not the driver's fault: 'na' is an honest answer.
                self._complaints.complain(
                    name,
                    'Wattmeter %s has shown no value for %.0f s',
                    name,
                    running.silent_for(now),
                )

    def healths(self) -> dict[str, health.Health]:
        """Tell how the wattmeters fare, by their names."""
        return {
            name: running.health
            for name, running in list(self._workers.items())
        }

    def stop(self) -> None:
        """Tell all workers to stop."""
        for running in self._workers.values():
            running.stop()
        self._workers.clear()

    def _start(self, item: agent_wattmeter.Wattmeter) -> None:
        started = self._workers[item.name] = worker.Worker(
            item, self._sink, self._adopt, self._backoff_max, self._complaints
        )
        started.start()

    def _count_hung(self, name: str) -> int:
        return sum(item.wattmeter.name == name for item in self._hung)

    def _give_up(self, name: str, running: worker.Worker, now: float) -> None:
        self._complaints.complain(
            f'hung {name}',
            'The driver of wattmeter %s has not come back for '
            '%.0f s and is given up',
            name,
            running.busy_for(now),
        )
        if self._count_hung(name) >= _MOST_HUNG:
            return
        self._counters.count('hangs', wattmeter=name)
        running.stop()
        running.health.fail('the driver hangs')
        self._hung.append(running)
        self._workers[name] = running.successor()
        self._workers[name].start()
