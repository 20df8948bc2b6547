# SPDX-License-Identifier: Apache-2.0

"""Thread that publishes queued measurements."""

import logging
import threading

from energy_meter import attempt
from energy_meter import log_throttle
from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.bus import publisher
from energy_meter.bus import transport
from energy_meter.telemetry import counters

LOG = logging.getLogger(__name__)

#: Interval in seconds between attempts while the bus is unreachable.
_RETRY_INTERVAL_S = 1.0


class Sender(threading.Thread):
    """Publishes the backlog once per interval.

    While the bus is unreachable, measurements stay in the backlog. No other
    thread of the agent publishes: a broker that is short of memory blocks
    the publishing thread for an unlimited time.

    :param queue: measurements to publish.
    :param sink: publishes them.
    :param interval: seconds between two publications.
    :param max_batch: maximum number of measurements in one message.
    :param counts: counters of the agent.
    """

    def __init__(
        self,
        queue: backlog.Backlog,
        sink: publisher.MeasurementPublisher,
        interval: float,
        max_batch: int,
        counts: counters.Counters,
    ) -> None:
        super().__init__(name='sender', daemon=True)
        self._backlog = queue
        self._publisher = sink
        self._interval = interval
        self._max_batch = max_batch
        self._counters = counts
        self._throttled_log = log_throttle.ThrottledLogger(LOG)
        self._stopping = threading.Event()

    def stop(self, timeout: float) -> None:
        """Publish the backlog a last time, then end the thread.

        :param timeout: maximum number of seconds to wait for that. If the
            bus is unreachable, the checkpoint preserves the measurements.
        """
        self._stopping.set()
        if self.is_alive():
            self.join(timeout)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            while not self._send_all():
                if self._stopping.wait(_RETRY_INTERVAL_S):
                    return
        self._send_all()

    def _send_all(self) -> bool:
        """Publish the backlog, and return whether that succeeded."""
        # Measurements that arrive meanwhile wait for the next interval.
        remaining = len(self._backlog)
        while remaining > 0:
            batch = self._backlog.take(self._max_batch)
            if not self._send(batch):
                self._backlog.requeue(batch)
                return False
            remaining -= len(batch)
        return True

    def _send(self, batch: list[measurement.Measurement]) -> bool:
        if not batch:
            return True
        # Any exception: the first connection also raises errors of the
        # libraries below oslo.messaging. An unhandled error would end this
        # thread, and the agent would not publish any more.
        _, error = attempt.call(lambda: self._publish(batch), Exception)
        if error is not None:
            self._counters.count('publish_failures')
            self._throttled_log.warning(
                'bus',
                'Cannot publish (%s); measurements are queued',
                transport.explain(error),
            )
            return False
        self._counters.count('messages_published')
        self._counters.count('measurements_published', len(batch))
        self._throttled_log.recovered('bus', 'Connection to the bus restored')
        return True

    def _publish(self, batch: list[measurement.Measurement]) -> None:
        with self._counters.batch_duration():
            self._publisher.publish(batch)
