# SPDX-License-Identifier: Apache-2.0

"""Thread that publishes marks and queued measurements."""

import collections.abc
import logging
import threading
import time

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import announcer
from energy_meter.agent import backlog
from energy_meter.bus import publisher
from energy_meter.bus import transport
from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)

#: Interval in seconds between attempts while the bus is unreachable.
_RETRY_INTERVAL_S = 1.0
#: Maximum number of messages with marks before the measurements of one
#: interval, so that many marks do not delay them.
_MAX_MARK_MESSAGES = 20

_TASK = outages.Task(
    'bus',
    'publish',
    'measurements are queued',
    'measurements queued',
)

_Next = collections.abc.Callable[[int], list[measurement.Measurement]]


class Sender(threading.Thread):
    """Publishes the backlog once per interval, after its marks.

    While the bus is unreachable, measurements stay in the backlog, and marks
    on the disk. No other thread of the agent publishes: a broker that is
    short of memory blocks the publishing thread for an unlimited time.

    :param queue: measurements to publish.
    :param marks: marks to publish.
    :param save_registers: called before measurements are published.
    :param sink: publishes them.
    :param interval: seconds from one publication to the next.
    :param max_batch: maximum number of measurements in one message.
    :param counts: counters of the agent.
    """

    def __init__(
        self,
        queue: backlog.Backlog,
        marks: announcer.Announcer,
        save_registers: collections.abc.Callable[[], None],
        sink: publisher.MeasurementPublisher,
        interval: float,
        max_batch: int,
        counts: counters.Counters,
    ) -> None:
        super().__init__(name='sender', daemon=True)
        self._backlog = queue
        self._marks = marks
        self._save_registers = save_registers
        self._publisher = sink
        self._interval = interval
        self._max_batch = max_batch
        self._counters = counts
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._outage = outages.Outage(_TASK, LOG, counts)
        self._stopping = threading.Event()
        self._repeated_at = time.monotonic()

    def stop(self, timeout: float) -> None:
        """Publish the backlog a last time, then end the thread.

        :param timeout: maximum number of seconds to wait for that. If the
            bus is unreachable, the checkpoint preserves the measurements.
        """
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)

    def run(self) -> None:
        due = time.monotonic() + self._interval
        while not self._stopping.wait(due - time.monotonic()):
            # The time that a publication takes is part of the interval.
            due = max(due + self._interval, time.monotonic())
            while not self._try_to_send():
                if self._stopping.wait(_RETRY_INTERVAL_S):
                    return
        self._try_to_send()

    def _try_to_send(self) -> bool:
        """Publish what is queued, and return whether that succeeded."""
        # An unhandled error would end this thread, and the agent would not
        # publish any more.
        succeeded, error = attempt.call(self._send_and_count, Exception)
        if error is not None:
            self._throttled_log.warning(
                'sender',
                'Publishing failed (%s: %s); retrying',
                type(error).__name__,
                error,
            )
        if not succeeded:
            self._marks.fail()
            return False
        self._throttled_log.recovered('sender', 'Publishing works again')
        return True

    def _send_and_count(self) -> bool:
        """Publish what is queued, and count the time if that succeeded."""
        if not self._send_all():
            return False
        self._marks.accept(time.monotonic())
        return True

    def _send_all(self) -> bool:
        """Publish what is queued, and return whether that succeeded."""
        # Measurements that arrive meanwhile wait for the next interval. The
        # marks of all others have been made.
        remaining = len(self._backlog)
        self._marks.collect()
        return (
            self._announce(
                self._marks.next_unsent,
                self._marks.sent_unsent,
                _MAX_MARK_MESSAGES,
            )
            and self._send_backlog(remaining)
            and self._repeat()
        )

    def _send_backlog(self, remaining: int) -> bool:
        while remaining > 0:
            batch = self._backlog.take(self._max_batch)
            if not self._send(batch):
                self._backlog.requeue(batch)
                return False
            self._counters.count('measurements_published', len(batch))
            remaining -= len(batch)
        return True

    def _repeat(self) -> bool:
        """Announce marks again, with one message per second on average."""
        monotonic = time.monotonic()
        messages = int(min(monotonic - self._repeated_at, self._interval + 1))
        if not messages:
            return True
        self._repeated_at = monotonic
        return self._announce(
            self._marks.next_repetition, self._marks.sent_repetition, messages
        )

    def _announce(
        self,
        next_marks: _Next,
        sent: collections.abc.Callable[[], None],
        messages: int,
    ) -> bool:
        for _ in range(messages):
            marks = next_marks(self._max_batch)
            if not marks:
                return True
            if not self._send(marks):
                return False
            self._counters.count('marks_announced', len(marks))
            sent()
        return True

    def _send(self, batch: list[measurement.Measurement]) -> bool:
        if not batch:
            return True
        # Any exception: the first connection also raises errors of the
        # libraries below oslo.messaging.
        _, error = attempt.call(lambda: self._publish(batch), Exception)
        if error is not None:
            self._counters.count('publish_failures')
            self._outage.fail(
                transport.explain(error), len(self._backlog) + len(batch)
            )
            return False
        self._counters.count('messages_published')
        self._outage.succeed()
        return True

    def _publish(self, batch: list[measurement.Measurement]) -> None:
        self._save_registers()
        with self._counters.batch_duration():
            self._publisher.publish(batch)
