# SPDX-License-Identifier: Apache-2.0

"""Rate limiting of repeated log messages."""

import collections.abc
import logging
import time
import typing


class ThrottledLogger:
    """Logs a warning at once, and its repetitions at growing intervals.

    Repetitions within a minute are only counted. The next one is logged with
    the count, and the interval doubles, up to an hour.

    :param log: receives the messages.
    :param clock: returns seconds on a monotonic clock.
    """

    INITIAL_INTERVAL_S = 60.0
    MAX_INTERVAL_S = 3600.0
    #: Beyond this number of topics, the oldest ones are discarded.
    MAX_TOPICS = 10_000
    #: Maximum number of subjects of a topic in an hour. The others share one.
    MAX_SUBJECTS = 20

    def __init__(
        self,
        log: logging.Logger | logging.LoggerAdapter[typing.Any],
        clock: collections.abc.Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._clock = clock
        self._topics: dict[str, _Topic] = {}
        self._subjects: dict[str, dict[str, float]] = {}

    def warning(
        self,
        topic: str,
        message: str,
        *args: object,
        subject: str | None = None,
    ) -> None:
        """Log a warning unless one with the same topic was logged recently.

        :param topic: identifies repetitions, whatever their message.
        :param subject: divides a topic. It may come from a message, because
            invented subjects are logged as one.
        """
        monotonic = self._clock()
        if subject is not None:
            topic = self._divide(topic, subject, monotonic)
        previous = self._topics.get(topic)
        if previous is None:
            while len(self._topics) >= self.MAX_TOPICS:
                self._topics.pop(next(iter(self._topics)), None)
            self._topics[topic] = _Topic(
                monotonic + self.INITIAL_INTERVAL_S,
                self.INITIAL_INTERVAL_S,
                0,
            )
            self._log.warning(message, *args)
            return
        if monotonic < previous.due:
            previous.suppressed += 1
            return
        self._log.warning(
            message + ' (repeated %d times)', *args, previous.suppressed
        )
        previous.interval = min(2 * previous.interval, self.MAX_INTERVAL_S)
        previous.due, previous.suppressed = monotonic + previous.interval, 0

    def _divide(self, topic: str, subject: str, monotonic: float) -> str:
        subjects = self._subjects.setdefault(topic, {})
        for name, expires in list(subjects.items()):
            if expires <= monotonic:
                del subjects[name]
        if subject not in subjects:
            if len(subjects) >= self.MAX_SUBJECTS:
                return f'{topic} (others)'
            subjects[subject] = monotonic + self.MAX_INTERVAL_S
        return f'{topic}: {subject}'

    def recovered(self, topic: str, message: str, *args: object) -> None:
        """Log that a problem is over, if a warning of it was logged."""
        if self._topics.pop(topic, None) is not None:
            self._log.info(message, *args)


class _Topic:
    __slots__ = ('due', 'interval', 'suppressed')

    def __init__(self, due: float, interval: float, suppressed: int) -> None:
        self.due = due
        self.interval = interval
        self.suppressed = suppressed
