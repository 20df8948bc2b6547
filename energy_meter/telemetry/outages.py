# SPDX-License-Identifier: Apache-2.0

"""Outages of what a service depends on: their log lines and counters."""

import collections.abc
import logging
import threading
import time
import typing

from energy_meter.telemetry import counters


def definitions(*peers: str) -> tuple[counters.Definition, ...]:
    """Return the declarations of the counters.

    :param peers: all peers of the service, such as ``database``.
    """
    return (
        counters.Definition(
            'outages',
            'Outages of what the service depends on, when they begin',
            'peer',
            peers,
        ),
        counters.Definition(
            'outage_seconds',
            'Duration of outages. It increases during an outage, too',
            'peer',
            peers,
        ),
    )


class Task(typing.NamedTuple):
    """What a service cannot do during an outage.

    :ivar peer: value of the label ``peer``.
    :ivar name: what fails, as in "Cannot write to the database".
    :ivar consequence: what happens meanwhile, to the data in particular.
    :ivar waiting: what :meth:`Outage.fail` counts, if it does.
    """

    peer: str
    name: str
    consequence: str
    waiting: str = ''


class Outage:
    """Logs and counts the outages of one peer. Thread-safe.

    An outage has one line when it begins, at most one a minute while it
    lasts, and one when it ends. It begins when the first of the users of the
    peer fails, and ends when all that have failed succeed.

    :param log: receives the lines.
    :param counts: counters that include :func:`definitions`.
    :param clock: returns seconds on a monotonic clock.
    """

    #: Minimum time between two lines of an outage.
    INTERVAL_S = 60.0

    def __init__(
        self,
        task: Task,
        log: logging.Logger,
        counts: counters.Counters,
        clock: collections.abc.Callable[[], float] = time.monotonic,
    ) -> None:
        self._task = task
        self._log = log
        self._counters = counts
        self._clock = clock
        self._lock = threading.Lock()
        self._failing: set[str] = set()
        self._began = self._counted = self._logged = 0.0
        self._waiting = 0

    def fail(self, reason: str, waiting: int = 0, user: str = '') -> None:
        """Report that the peer has failed.

        :param reason: the error, in one line.
        :param waiting: number of what waits for the peer now.
        :param user: name of the thread or connection that the peer failed.
        """
        with self._lock:
            monotonic = self._clock()
            is_new = not self._failing
            self._failing.add(user)
            if is_new:
                self._begin(monotonic, reason)
            self._waiting = max(self._waiting, waiting)
            self._count(monotonic)
            if monotonic - self._logged >= self.INTERVAL_S:
                self._logged = monotonic
                self._write(
                    logging.WARNING,
                    'Cannot %s for %.0f s (%s)%s',
                    self._task.name,
                    monotonic - self._began,
                    reason,
                    self._describe(),
                )

    def succeed(self, user: str = '') -> None:
        """Report that the peer works for a user."""
        # Mostly there is no outage, and many threads call this often.
        if user not in self._failing:
            return
        with self._lock:
            self._failing.discard(user)
            monotonic = self._clock()
            self._count(monotonic)
            if not self._failing:
                self._write(
                    logging.INFO,
                    'Can %s again after %.0f s%s',
                    self._task.name,
                    monotonic - self._began,
                    self._describe(),
                )

    def _begin(self, monotonic: float, reason: str) -> None:
        self._began = self._counted = self._logged = monotonic
        self._waiting = 0
        self._counters.count('outages', peer=self._task.peer)
        self._write(
            logging.WARNING,
            'Cannot %s (%s); %s',
            self._task.name,
            reason,
            self._task.consequence,
        )

    def _count(self, monotonic: float) -> None:
        self._counters.count(
            'outage_seconds',
            monotonic - self._counted,
            peer=self._task.peer,
        )
        self._counted = monotonic

    def _write(self, level: int, message: str, *values: object) -> None:
        # In an ``except`` block, oslo.log appends the active exception of the
        # thread to each line.
        writer = threading.Thread(
            target=self._log.log, args=(level, message, *values)
        )
        writer.start()
        writer.join()

    def _describe(self) -> str:
        if not self._waiting:
            return ''
        return f'; {self._task.waiting}: {self._waiting}'
