# SPDX-License-Identifier: Apache-2.0

"""Filter on the log of oslo.messaging's RabbitMQ driver.

During an outage, the driver logs each attempt of each connection, about once
a second. It reports the outages of connections that read only by its log. The
filter replaces these lines by those of :class:`Outage`, and suppresses errors
that the driver raises as well. It compares the texts of oslo.messaging.
"""

import collections.abc
import functools
import logging
import threading

from energy_meter import attempt
from energy_meter.bus import transport
from energy_meter.telemetry import counters
from energy_meter.telemetry import outages

LOG = logging.getLogger(__name__)

_DRIVER = 'oslo.messaging._drivers.impl_rabbit'
_MESSAGES = 'oslo.messaging._drivers.amqpdriver'

_RECONNECTED = '[%(connection_id)s] Reconnected to AMQP server'
_LOST = (
    '[%(connection_id)s] AMQP server on %(hostname)s:%(port)s is unreachable',
    '[%(connection_id)s] AMQP server %(hostname)s:%(port)s closed',
)
#: Logged while a connection opens, and by the thread of its heartbeats.
_NOT_CONNECTED = 'Connection failed: %s'
_SUPPRESSED = (
    # The driver raises them to the publisher as well.
    'Failed to publish message to topic',
    'Unable to connect to AMQP server on',
    # Lines of the same outage. Messages that are not acknowledged are
    # delivered again.
    'A recoverable connection/channel error occurred',
    'Unexpected error during heartbeat',
    'Failed to acknowledge received message',
    'Failed to requeue received message',
)
#: The driver's next attempts raise an error without a reason.
_NO_REASON = 'unknown error'

_MEANWHILE = 'measurements wait in its queues and in the agents'
#: Value of the label ``peer``.
PEER = 'bus'


class ReaderLog:
    """Outages and reconnects of the connections that read.

    :param counts: counters of the service, with ``broker_reconnects`` and
        the outages of :data:`PEER`.
    """

    def __init__(self, counts: counters.Counters) -> None:
        self._counters = counts
        self._outages: dict[object, outages.Outage] = {}

    def start(self) -> None:
        """Observe the connections of this process."""
        tame()
        _observers.add(self)

    def stop(self) -> None:
        """Stop observing."""
        _observers.discard(self)

    def lose(self, connection: object, address: str, reason: str) -> None:
        """Report that a connection is lost, or cannot be opened."""
        if connection not in self._outages:
            task = outages.Task(PEER, f'read the bus at {address}', _MEANWHILE)
            self._outages[connection] = outages.Outage(
                task, LOG, self._counters
            )
        self._outages[connection].fail(reason)

    def connect(self, connection: object) -> None:
        """Report that a connection is open."""
        outage = self._outages.pop(connection, None)
        if outage is not None:
            outage.succeed()

    def count_reconnect(self) -> None:
        """Count a connection that the driver has reestablished."""
        self._counters.count('broker_reconnects')


_observers: set[ReaderLog] = set()


class _Opening(threading.local):
    """Address of the bus to which this thread opens a connection."""

    address: str | None = None


_opening = _Opening()


def open_connection(
    address: str, connect: collections.abc.Callable[[], None]
) -> bool:
    """Open a connection that reads, and report its outage to the observers.

    The driver waits until the bus can be reached, and raises other errors.

    :param address: of the bus, without credentials.
    :param connect: opens the connection.
    :returns: whether it is open.
    """
    _opening.address = address
    _, error = attempt.call(connect, Exception)
    _opening.address = None
    for observer in tuple(_observers):
        if error is None:
            observer.connect(address)
        else:
            observer.lose(address, address, transport.explain(error))
    return error is None


@functools.cache
def tame() -> None:
    """Suppress what the driver logs about outages, in this process."""
    for name in (_DRIVER, _MESSAGES):
        logging.getLogger(name).addFilter(_keep)
    # Otherwise its reconnects would not be noticed.
    logging.getLogger(_DRIVER).setLevel(logging.INFO)


def _keep(record: logging.LogRecord) -> bool:
    """Report a record to the observers, and return whether to log it."""
    text, values = str(record.msg), record.args
    if text.startswith(_RECONNECTED) and isinstance(values, dict):
        _reconnect(values['connection_id'])
    elif text.startswith(_LOST) and isinstance(values, dict):
        address = f'{values["hostname"]}:{values["port"]}'
        reason = _describe(values['err_str'])
        _lose(values['connection_id'], address, reason)
    elif text.startswith(_NOT_CONNECTED) and isinstance(values, tuple):
        opening = _opening.address
        if opening is not None:
            _lose(opening, opening, _describe(values[0]))
    else:
        return not text.startswith(_SUPPRESSED)
    return False


def _lose(connection: object, address: str, reason: str) -> None:
    for observer in tuple(_observers):
        observer.lose(connection, address, reason)


def _reconnect(connection: object) -> None:
    for observer in tuple(_observers):
        observer.count_reconnect()
        observer.connect(connection)


def _describe(error: object) -> str:
    text = transport.hide_credentials(str(error))
    return 'no connection' if _NO_REASON in text else text
