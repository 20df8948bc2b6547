# SPDX-License-Identifier: Apache-2.0

"""Filters on the log of oslo.messaging's RabbitMQ driver.

The driver reports reconnects and undecodable messages only by its log, and it
logs publishing errors that it raises as well. These filters count the former
and suppress the latter. They compare the texts of oslo.messaging.
"""

import collections.abc
import logging

from energy_meter.telemetry import counters

_LOGGER = 'oslo.messaging._drivers.impl_rabbit'

_RECONNECTED = '[%(connection_id)s] Reconnected to AMQP server'
_UNDECODABLE = 'Failed to process message'
_PUBLISH_ERRORS = (
    'Failed to publish message to topic',
    'Unable to connect to AMQP server on',
)


class _DriverLogFilter(logging.Filter):
    """Filter that sees the log of all connections of this process."""

    def start(self) -> None:
        """Add the filter to the driver's logger."""
        logging.getLogger(_LOGGER).addFilter(self)

    def stop(self) -> None:
        """Remove the filter from the driver's logger."""
        logging.getLogger(_LOGGER).removeFilter(self)


class ReconnectCounter(_DriverLogFilter):
    """Counts the reconnects of the services that read a bus.

    The driver logs them at level INFO: if that is disabled, they are not
    counted. It logs none for a service that only publishes.
    """

    def __init__(self, counts: counters.Counters) -> None:
        super().__init__()
        self._counters = counts

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_RECONNECTED):
            self._counters.count('broker_reconnects')
        return True


class UndecodableFilter(_DriverLogFilter):
    """Suppresses the log of messages that are not notifications.

    The driver drops each of them itself and logs a traceback, so that a flood
    of them would fill the log.

    :param on_undecodable: called for each of them.
    """

    def __init__(
        self, on_undecodable: collections.abc.Callable[[], None]
    ) -> None:
        super().__init__()
        self._on_undecodable = on_undecodable

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(_UNDECODABLE):
            return True
        self._on_undecodable()
        return False


def suppress_publish_errors() -> None:
    """Suppress the log of errors that the driver also raises.

    It logs two lines for each attempt. The services log the error themselves,
    and retry until they succeed.
    """
    logging.getLogger(_LOGGER).addFilter(_keep_record)


def _keep_record(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(_PUBLISH_ERRORS)
