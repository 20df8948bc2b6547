# SPDX-License-Identifier: Apache-2.0

"""How often readers of the bus lost their broker and found one again."""

import logging

from energy_meter import counters


class Watch(logging.Filter):
    """Counts reconnects, of which oslo.messaging tells nothing but its log.

    It does so at level INFO: with that off, they are not counted. Of a
    service that only sends there are none to be seen; it counts its failures
    to send.
    """

    _LOGGER = 'oslo.messaging._drivers.impl_rabbit'
    _TEXT = '[%(connection_id)s] Reconnected to AMQP server'

    def __init__(self, counts: counters.Counters) -> None:
        super().__init__()
        self._counters = counts

    def start(self) -> None:
        """Begin to count, all connections of this process."""
        logging.getLogger(self._LOGGER).addFilter(self)

    def stop(self) -> None:
        """End it."""
        logging.getLogger(self._LOGGER).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(self._TEXT):
            self._counters.count('reconnects')
        return True
