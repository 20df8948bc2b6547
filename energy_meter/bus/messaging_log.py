# SPDX-License-Identifier: Apache-2.0

"""Filters on the log of oslo.messaging's RabbitMQ driver.

The driver reports reconnects only by its log, and it logs publishing errors
that it raises as well. These filters count the former and suppress the latter.
They compare the texts of oslo.messaging.
"""

import logging

from energy_meter.telemetry import counters

_LOGGER = 'oslo.messaging._drivers.impl_rabbit'

_RECONNECTED = '[%(connection_id)s] Reconnected to AMQP server'
_PUBLISH_ERRORS = (
    'Failed to publish message to topic',
    'Unable to connect to AMQP server on',
)


class ReconnectCounter(logging.Filter):
    """Counts the reconnects of the services that read a bus.

    The driver logs them at level INFO: if that is disabled, they are not
    counted. It logs none for a service that only publishes.
    """

    def __init__(self, counts: counters.Counters) -> None:
        super().__init__()
        self._counters = counts

    def start(self) -> None:
        """Add the filter to the driver's logger."""
        logging.getLogger(_LOGGER).addFilter(self)

    def stop(self) -> None:
        """Remove the filter from the driver's logger."""
        logging.getLogger(_LOGGER).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_RECONNECTED):
            self._counters.count('broker_reconnects')
        return True


def suppress_publish_errors() -> None:
    """Suppress the log of errors that the driver also raises.

    It logs two lines for each attempt. The services log the error themselves,
    and retry until they succeed.
    """
    logging.getLogger(_LOGGER).addFilter(_keep_record)


def _keep_record(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_PUBLISH_ERRORS)
