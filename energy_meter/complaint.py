# SPDX-License-Identifier: Apache-2.0

"""Complaints that don't flood the log."""

import collections.abc
import logging
import time
import typing


class Complaints:
    """Logs a complaint at once, and its repetitions less and less often.

    A repetition within a minute is only counted; after that the next one is
    logged with the count, and the pause doubles up to an hour.

    :param log: where to complain.
    :param clock: seconds on a monotonic clock.
    """

    FIRST_PAUSE = 60.0
    LONGEST_PAUSE = 3600.0
    #: More topics than this and the oldest are forgotten.
    MOST_TOPICS = 10_000

    def __init__(
        self,
        log: logging.Logger | logging.LoggerAdapter[typing.Any],
        clock: collections.abc.Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._clock = clock
        self._topics: dict[str, _Topic] = {}

    def complain(self, topic: str, message: str, *args: object) -> None:
        """Log a warning unless the topic was complained of lately."""
        now = self._clock()
        known = self._topics.get(topic)
        if known is None:
            while len(self._topics) >= self.MOST_TOPICS:
                self._topics.pop(next(iter(self._topics)), None)
            self._topics[topic] = _Topic(
                now + self.FIRST_PAUSE, self.FIRST_PAUSE, 0
            )
            self._log.warning(message, *args)
            return
        if now < known.due:
            known.suppressed += 1
            return
        self._log.warning(
            message + ' (%d more like it since the last time)',
            *args,
            known.suppressed,
        )
        known.pause = min(2 * known.pause, self.LONGEST_PAUSE)
        known.due, known.suppressed = now + known.pause, 0

    def settle(self, topic: str, message: str, *args: object) -> None:
        """Log that a topic is settled, if there was a complaint."""
        if self._topics.pop(topic, None) is not None:
            self._log.info(message, *args)


class _Topic:
    __slots__ = ('due', 'pause', 'suppressed')

    def __init__(self, due: float, pause: float, suppressed: int) -> None:
        self.due = due
        self.pause = pause
        self.suppressed = suppressed
