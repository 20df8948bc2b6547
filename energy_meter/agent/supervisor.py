# SPDX-License-Identifier: Apache-2.0

"""Runs one worker for each wattmeter."""

import collections.abc
import logging
import time

from energy_meter import log_throttle
from energy_meter.agent import health
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.agent import worker
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Maximum number of abandoned threads of one wattmeter. A device that hangs
#: its driver permanently costs no more than these.
MAX_HUNG = 3


class Supervisor:
    """Starts, monitors, replaces and stops workers; never waits for one.

    :param sink: receives the readings.
    :param register_probes: receives a wattmeter whose channels have become
        known.
    :param hang_timeout: seconds after which a driver call that has not
        returned is abandoned.
    :param max_backoff: maximum pause after a failure, in seconds.
    :param counts: counters of the agent.
    """

    def __init__(
        self,
        sink: worker.Sink,
        register_probes: collections.abc.Callable[
            [agent_wattmeter.Wattmeter], None
        ],
        hang_timeout: float,
        max_backoff: float,
        counts: counters.Counters,
    ) -> None:
        self._sink = sink
        self._register_probes = register_probes
        self._hang_timeout = hang_timeout
        self._max_backoff = max_backoff
        self._counters = counts
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._workers: dict[str, worker.Worker] = {}
        self._hung: list[worker.Worker] = []

    def stop_removed(
        self, wanted: collections.abc.Collection[agent_wattmeter.Wattmeter]
    ) -> None:
        """Stop the workers of wattmeters that were removed or reconfigured.

        :param wanted: all wattmeters of the new configuration.
        """
        for name, running in list(self._workers.items()):
            if running.wattmeter not in wanted:
                LOG.info(
                    'Wattmeter %s was removed or reconfigured; stopping its '
                    'driver',
                    name,
                )
                running.stop()
                del self._workers[name]

    def start_added(
        self, wanted: collections.abc.Iterable[agent_wattmeter.Wattmeter]
    ) -> None:
        """Start workers for those wattmeters that have none."""
        for wattmeter in wanted:
            if wattmeter.name not in self._workers:
                LOG.info('Reading wattmeter %s', wattmeter.name)
                self._start(wattmeter)

    def check(self) -> None:
        """Replace workers whose driver hangs, and log missing values."""
        monotonic = time.monotonic()
        self._hung = [hung for hung in self._hung if hung.is_alive()]
        for name, running in list(self._workers.items()):
            limit = max(self._hang_timeout, 3 * running.wattmeter.interval)
            if running.busy_for(monotonic) > limit:
                self._abandon(name, running, monotonic)
            elif running.silent_for(monotonic) > limit:
                # The driver works: some devices answer, but without a value.
                self._throttled_log.warning(
                    name,
                    'No value from wattmeter %s for %.0f s',
                    name,
                    running.silent_for(monotonic),
                )

    def healths(self) -> dict[str, health.Health]:
        """Return the health of each wattmeter, by name."""
        return {
            name: running.health
            for name, running in list(self._workers.items())
        }

    def stop(self) -> None:
        """Ask all workers to stop."""
        for running in self._workers.values():
            running.stop()
        self._workers.clear()

    def _start(self, wattmeter: agent_wattmeter.Wattmeter) -> None:
        # Its series exists from the start, so that increase() sees the first
        # hang.
        self._counters.count('driver_hangs', 0, wattmeter=wattmeter.name)
        started = self._workers[wattmeter.name] = worker.Worker(
            wattmeter,
            self._sink,
            self._register_probes,
            self._max_backoff,
            self._throttled_log,
        )
        started.start()

    def _count_hung(self, name: str) -> int:
        return sum(hung.wattmeter.name == name for hung in self._hung)

    def _abandon(
        self, name: str, running: worker.Worker, monotonic: float
    ) -> None:
        self._throttled_log.warning(
            f'hung {name}',
            'Driver of wattmeter %s hung for %.0f s; abandoning its thread',
            name,
            running.busy_for(monotonic),
        )
        if self._count_hung(name) >= MAX_HUNG:
            return
        self._counters.count('driver_hangs', wattmeter=name)
        running.abandon()
        running.health.fail()
        self._hung.append(running)
        self._workers[name] = running.replacement()
        self._workers[name].start()
