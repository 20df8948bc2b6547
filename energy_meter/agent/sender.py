# SPDX-License-Identifier: Apache-2.0

"""The one thread of the agent that talks to the bus."""

import logging
import threading

from energy_meter import complaint
from energy_meter import counters
from energy_meter import measurement
from energy_meter.agent import backlog
from energy_meter.bus import publisher
from energy_meter.bus import transport

LOG = logging.getLogger(__name__)

#: Seconds between two tries while the bus is away.
_RETRY = 1.0


class Sender(threading.Thread):
    """Sends what waits in the backlog, once per interval.

    While the bus is away everything waits. A broker short of memory blocks
    whoever sends, for any time: that is why nobody else does.

    :param interval: seconds between two publications.
    :param max_batch: most measurements in one message.
    """

    def __init__(
        self,
        waiting: backlog.Backlog,
        sink: publisher.Publisher,
        interval: float,
        max_batch: int,
        counts: counters.Counters,
    ) -> None:
        super().__init__(name='sender', daemon=True)
        self._waiting = waiting
        self._publisher = sink
        self._interval = interval
        self._max_batch = max_batch
        self._counters = counts
        self._complaints = complaint.Complaints(LOG)
        self._stopping = threading.Event()

    def stop(self, patience: float) -> None:
        """Send what waits for the last time, then end.

        :param patience: seconds to wait for that; the bus may be away, and
            the journal has it all.
        """
        self._stopping.set()
        if self.is_alive():
            self.join(patience)

    def run(self) -> None:
        while not self._stopping.wait(self._interval):
            while not self._send_all():
                if self._stopping.wait(_RETRY):
                    return
        self._send_all()

    def _send_all(self) -> bool:
        """Send until nothing waits; tell whether the bus took it all."""
        # No more than waits now: what comes while sending is for the next
        # interval.
        left = len(self._waiting)
        while left > 0:
            batch = self._waiting.take(self._max_batch)
            if not self._send(batch):
                self._waiting.give_back(batch)
                return False
            left -= len(batch)
        return True

    def _send(self, batch: list[measurement.Measurement]) -> bool:
        if not batch:
            return True
        failure = ''
        try:
            with self._counters.flushing():
                self._publisher.publish(batch)
        except Exception as error:
            # Not only oslo.messaging's own errors: the first connection
            # shows those of the libraries below. Whatever it is, without
            # this thread nothing would ever be sent again.
            failure = transport.explain(error)
        # Outside the handler, or oslo.log would add the error once more.
        if failure:
            self._counters.count('publish_failures')
            self._complaints.complain(
                'bus',
                'The bus does not take messages (%s); they wait',
                failure,
            )
            return False
        self._counters.count('messages')
        self._counters.count('measurements', len(batch))
        self._complaints.settle('bus', 'The bus takes messages again')
        return True
