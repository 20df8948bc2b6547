# SPDX-License-Identifier: Apache-2.0

"""The thread that reads one wattmeter."""

import collections.abc
import logging
import random
import threading
import time
import typing

from energy_meter import complaint
from energy_meter import exception
from energy_meter import measurement
from energy_meter.agent import health
from energy_meter.agent import wattmeter as agent_wattmeter
from energy_meter.drivers import base

LOG = logging.getLogger(__name__)

#: Takes what a wattmeter showed.
Sink = collections.abc.Callable[
    [collections.abc.Iterable[measurement.Reading]], None
]
#: Takes a wattmeter whose probes have become known.
Adopt = collections.abc.Callable[[agent_wattmeter.Wattmeter], None]

_FIRST_PAUSE = 1.0
#: A driver that worked for this long has recovered from its failures.
_PROVEN_AFTER = 60.0


class Worker(threading.Thread):
    """Reads one wattmeter until it is told to stop, whatever happens.

    :param sink: takes the readings.
    :param adopt: takes the wattmeter when it has told its outlets.
    :param backoff_max: longest pause after a failure, in seconds.
    :param failures: how often in a row its predecessors have failed.
    :ivar health: how the wattmeter fares.
    """

    def __init__(
        self,
        wattmeter: agent_wattmeter.Wattmeter,
        sink: Sink,
        adopt: Adopt,
        backoff_max: float,
        complaints: complaint.Complaints,
        failures: int = 0,
    ) -> None:
        super().__init__(name=f'wattmeter {wattmeter.name}', daemon=True)
        self.wattmeter = wattmeter
        self.failures = failures
        self.health = health.Health()
        self._sink = sink
        self._adopt = adopt
        self._backoff_max = backoff_max
        self._complaints = complaints
        self._stopping = threading.Event()
        self._given_up = False
        self._busy_since: float | None = None
        self._heard_at = time.monotonic()

    def stop(self) -> None:
        """Ask it to stop, and drop whatever it may still read."""
        self._given_up = True
        self._stopping.set()

    def successor(self) -> 'Worker':
        """Make the worker that goes on when this one hangs."""
        made = Worker(
            self.wattmeter,
            self._sink,
            self._adopt,
            self._backoff_max,
            self._complaints,
            self.failures + 1,
        )
        made.health = self.health
        return made

    def busy_for(self, now: float) -> float:
        """Tell for how many seconds the driver has not come back."""
        since = self._busy_since
        return 0.0 if since is None else now - since

    def silent_for(self, now: float) -> float:
        """Tell for how many seconds nothing was read, nor any error told."""
        return now - self._heard_at

    def run(self) -> None:
        if self.failures:
            self._pause()
        while not self._stopping.is_set():
            began = time.monotonic()
            error = self._try_session()
            if error is not None:
                if time.monotonic() - began > _PROVEN_AFTER:
                    self.failures = 0
                self._fail(error)
                self._pause()

    def _try_session(self) -> Exception | None:
        """Read until told to stop; give the error that ended it before."""
        try:
            self._session()
        except Exception as error:
            # Handled by the caller: oslo.log adds the error to whatever is
            # logged here, and most texts tell it already.
            return error
        return None

    def _fail(self, error: Exception) -> None:
        if self._given_up:
            return
        self.failures += 1
        self._heard_at = time.monotonic()
        crashed = not isinstance(error, exception.DriverError)
        # Only our own texts are known to hold no secret.
        self.health.fail(type(error).__name__ if crashed else str(error))
        if crashed:
            LOG.debug(
                'The driver of wattmeter %s crashed',
                self.wattmeter.name,
                exc_info=error,
            )
        self._complaints.complain(
            self.wattmeter.name,
            'Wattmeter %s can not be read: %s%s',
            self.wattmeter.name,
            f'{type(error).__name__}: ' if crashed else '',
            error,
        )

    def _pause(self) -> None:
        longest = min(
            self._backoff_max, _FIRST_PAUSE * 2 ** min(self.failures - 1, 16)
        )
        # Many devices behind one switch must not all come back at once.
        self._stopping.wait(longest * random.uniform(0.5, 1))  # noqa: S311

    def _session(self) -> None:
        wattmeter = self._call(self.wattmeter.resolve)
        if wattmeter is not self.wattmeter and not self._given_up:
            self._adopt(wattmeter)
        driver = wattmeter.make_driver()
        try:
            self._call(driver.open)
            if isinstance(driver, base.StreamingDriver):
                self._follow(driver)
            elif isinstance(driver, base.PolledDriver):
                self._poll(driver)
        finally:
            self._call(driver.close)

    def _call(
        self,
        function: collections.abc.Callable[[], typing.Any],
    ) -> typing.Any:
        self._busy_since = time.monotonic()
        try:
            return function()
        finally:
            self._busy_since = None

    def _poll(self, driver: base.PolledDriver) -> None:
        interval = self.wattmeter.interval
        # Wattmeters of the same interval are read spread over it.
        due = time.monotonic() + interval * random.random()  # noqa: S311
        while not self._stopping.wait(max(0.0, due - time.monotonic())):
            self._take(self._call(lambda: list(driver.read())))
            # By the schedule, not by when the reading was done; what could
            # not be read in time is left out.
            missed = (time.monotonic() - due) // interval
            due += interval * max(1.0, missed + 1)

    def _follow(self, driver: base.StreamingDriver) -> None:
        readings = driver.stream()
        while not self._stopping.is_set():
            try:
                reading = self._call(lambda: next(readings))
            except StopIteration:
                raise exception.ProtocolError(
                    device=self.wattmeter.name,
                    reason='it ended its stream of readings',
                ) from None
            if reading is not None:
                self._take([reading])

    def _take(self, readings: list[measurement.Reading]) -> None:
        if self._given_up:
            return
        self._sink(readings)
        if readings:
            self._heard_at = time.monotonic()
            self.health.succeed()
            self._complaints.settle(
                self.wattmeter.name,
                'Wattmeter %s can be read again',
                self.wattmeter.name,
            )
