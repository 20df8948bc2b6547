# SPDX-License-Identifier: Apache-2.0

"""Thread that reads one wattmeter."""

import collections.abc
import logging
import random
import threading
import time
import typing

from energy_meter import attempt
from energy_meter import exception
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import driving
from energy_meter.agent import health
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

T = typing.TypeVar('T')

#: Called with the readings of a wattmeter.
Sink = collections.abc.Callable[
    [collections.abc.Iterable[measurement.Reading]], None
]
#: Called with a wattmeter whose probes a pattern has named.
RegisterProbes = collections.abc.Callable[[agent_wattmeter.Wattmeter], None]

INITIAL_BACKOFF_S = 1.0
#: Pause after a read of a self-paced driver that returned nothing, so that a
#: driver that does not wait for its device cannot occupy a processor.
EMPTY_READ_PAUSE_S = 0.05
#: A driver that ran for longer than this is stable: its failures are reset.
STABLE_AFTER_S = 60.0


class Worker(threading.Thread):
    """Reads one wattmeter until stopped, and restarts its driver on failure.

    :param sink: called with the readings.
    :param register_probes: called before reading, if a pattern named the
        probes.
    :param max_backoff: maximum backoff after a failure, in seconds.
    :param failures: number of consecutive failures before this worker.
    :ivar health: health of the wattmeter.
    """

    def __init__(
        self,
        wattmeter: agent_wattmeter.Wattmeter,
        sink: Sink,
        register_probes: RegisterProbes,
        max_backoff: float,
        throttled_log: log_throttle.ThrottledLogger,
        failures: int = 0,
    ) -> None:
        super().__init__(name=f'wattmeter {wattmeter.name}', daemon=True)
        self.wattmeter = wattmeter
        self.failures = failures
        self.health = health.Health()
        self._sink = sink
        self._register_probes = register_probes
        self._max_backoff = max_backoff
        self._throttled_log = throttled_log
        self._stopping = threading.Event()
        self._driver: base.Driver | None = None
        self._busy_since: float | None = None
        self._last_seen_at = time.monotonic()

    def stop(self) -> None:
        """Request a stop, and discard readings that still arrive."""
        self._stopping.set()

    def abandon(self) -> None:
        """Stop, and end the driver call that hangs, if the driver can."""
        self.stop()
        # The thread may go on to another driver meanwhile.
        driver = self._driver
        if driver is None:
            return
        _, error = attempt.call(driver.abort, Exception)
        if error is not None:
            self._throttled_log.warning(
                f'abort {self.wattmeter.name}',
                'Driver of wattmeter %s cannot be aborted: %s: %s',
                self.wattmeter.name,
                type(error).__name__,
                error,
            )

    def replacement(self) -> 'Worker':
        """Return a new worker that replaces this one if its driver hangs."""
        worker = Worker(
            self.wattmeter,
            self._sink,
            self._register_probes,
            self._max_backoff,
            self._throttled_log,
            self.failures + 1,
        )
        worker.health = self.health
        return worker

    def busy_for(self, monotonic: float) -> float:
        """Return the seconds since the current driver call began, or 0."""
        busy_since = self._busy_since
        return 0.0 if busy_since is None else monotonic - busy_since

    def silent_for(self, monotonic: float) -> float:
        """Return the seconds since the last reading or failure."""
        return monotonic - self._last_seen_at

    def run(self) -> None:
        if self.failures:
            self._back_off()
        while not self._stopping.is_set():
            started = time.monotonic()
            _, error = attempt.call(self._run_driver, Exception)
            if error is not None:
                if time.monotonic() - started > STABLE_AFTER_S:
                    self.failures = 0
                self._record_failure(error)
                self._back_off()

    def _record_failure(self, error: Exception) -> None:
        if self._stopping.is_set():
            return
        self.failures += 1
        self._last_seen_at = time.monotonic()
        crashed = not isinstance(error, exception.DriverError)
        self.health.fail()
        if crashed:
            LOG.debug(
                'Driver of wattmeter %s crashed',
                self.wattmeter.name,
                exc_info=error,
            )
        self._throttled_log.warning(
            self.wattmeter.name,
            'Wattmeter %s cannot be read: %s%s',
            self.wattmeter.name,
            f'{type(error).__name__}: ' if crashed else '',
            error,
        )

    def _back_off(self) -> None:
        backoff = min(
            self._max_backoff,
            INITIAL_BACKOFF_S * 2 ** min(self.failures - 1, 16),
        )
        # Jitter, so that the devices behind one switch that failed do not
        # all reconnect at the same time.
        self._stopping.wait(backoff * random.uniform(0.5, 1))  # noqa: S311

    def _run_driver(self) -> None:
        """Open the driver, read until stopped, and close it."""
        wattmeter = self._call(lambda: self.wattmeter.resolve(self._track))
        if wattmeter is not self.wattmeter and not self._stopping.is_set():
            self._register_probes(wattmeter)
        driving.use(
            self._track(wattmeter.make_driver()),
            wattmeter.name,
            self._read,
            self._call,
        )

    def _track(self, driver: base.Driver) -> base.Driver:
        """Note a driver that is about to be used, and return it."""
        self._driver = driver
        return driver

    def _call(self, function: collections.abc.Callable[[], T]) -> T:
        """Call a function of the driver, with hang detection."""
        self._busy_since = time.monotonic()
        try:
            return function()
        finally:
            self._busy_since = None

    def _read(self, driver: base.Driver) -> None:
        """Read once per interval, or continuously if self-paced."""
        interval = self.wattmeter.interval
        due = time.monotonic()
        if not driver.self_paced:
            # Spread the wattmeters of one interval evenly over it.
            due += interval * random.random()  # noqa: S311
        while not self._wait_until(due):
            readings = self._call(lambda: list(driver.read()))
            self._deliver(readings)
            if driver.self_paced:
                due = time.monotonic()
                due += 0.0 if readings else EMPTY_READ_PAUSE_S
            else:
                # Add whole intervals to the previous due time, so that the
                # schedule does not drift. Skip the reads that were missed.
                missed = (time.monotonic() - due) // interval
                due += interval * max(1.0, missed + 1)

    def _wait_until(self, due: float) -> bool:
        """Wait for a time on the monotonic clock; return whether to stop."""
        delay = due - time.monotonic()
        if delay > 0:
            return self._stopping.wait(delay)
        return self._stopping.is_set()

    def _deliver(self, readings: list[measurement.Reading]) -> None:
        if not readings or self._stopping.is_set():
            return
        self._sink(readings)
        self._last_seen_at = time.monotonic()
        self.health.succeed()
        self._throttled_log.recovered(
            self.wattmeter.name,
            'Wattmeter %s can be read again',
            self.wattmeter.name,
        )
