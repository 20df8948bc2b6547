# SPDX-License-Identifier: Apache-2.0

"""Listener that reads messages from a bus in batches."""

import collections.abc
import functools
import logging
import threading
import typing

import oslo_messaging
from oslo_messaging import transport as messaging_transport
from oslo_messaging.notify import listener as messaging_listener

from energy_meter import attempt
from energy_meter import exception
from energy_meter.bus import message as bus_message
from energy_meter.bus import messaging_log
from energy_meter.bus import transport as bus_transport

LOG = logging.getLogger(__name__)

#: Seconds between two attempts to listen on a broker that refuses.
_RETRY_INTERVAL_S = 10

#: Handles a batch: what :data:`Extract` returned for its messages, which are
#: parsed one after the other. When it returns, the messages are acknowledged.
#: If it raises :class:`Stopping`, they are requeued.
Handler = collections.abc.Callable[
    [collections.abc.Iterable[typing.Any]], None
]
#: Selects what of a message goes into a batch: :func:`envelopes` or
#: :func:`message`.
Extract = collections.abc.Callable[[bus_message.Message], list[typing.Any]]


class Stopping(exception.EnergyMeterError):
    """The service stops before it could handle a batch."""

    template = 'the service is stopping'


def envelopes(received: bus_message.Message) -> list[object]:
    """Return the envelopes of a message."""
    return received.envelopes


def message(received: bus_message.Message) -> list[bus_message.Message]:
    """Return a message with its context, as the only item of a list."""
    return [received]


class _Dispatcher:
    """Hands batches to a handler and never raises.

    oslo.messaging's own dispatcher fails on a message whose outermost fields
    have unexpected types, and drops the whole batch.
    """

    supported_priorities = (bus_transport.PRIORITY,)

    def __init__(
        self,
        handler: Handler,
        on_reject: bus_message.OnReject,
        extract: Extract = envelopes,
    ) -> None:
        self._handler = handler
        self._on_reject = on_reject
        self._extract = extract

    def dispatch(self, incoming: list[typing.Any]) -> set[typing.Any]:
        """Handle a batch.

        :returns: the messages to requeue.
        """
        try:
            self._handler(self._read(incoming))
        except Stopping:
            return set(incoming)
        except Exception:
            # If requeued, the batch would be delivered again at once, in an
            # endless loop.
            LOG.exception(
                'Failed to handle a batch of %d messages; it is dropped',
                len(incoming),
            )
        return set()

    def _read(
        self, incoming: list[typing.Any]
    ) -> collections.abc.Iterator[typing.Any]:
        for received in incoming:
            parsed, error = attempt.call(
                functools.partial(bus_message.read, received),
                exception.RejectedMessage,
            )
            if error is not None:
                self._on_reject(error)
            if parsed is not None:
                yield from self._extract(parsed)


class Listener:
    """Reads a queue of a bus, one batch at a time.

    :param handler: handles the batches.
    :param on_reject: called for each message that is rejected unread.
    :param batch_size: maximum number of messages in a batch.
    :param batch_timeout: maximum time in seconds to wait for a batch to fill.
    :param pool: name of a separate queue; None for the queue of the topic,
        which only the collectors may read.
    :param extract: selects what of each message the handler receives.
    """

    def __init__(
        self,
        transport: messaging_transport.NotificationTransport,
        handler: Handler,
        on_reject: bus_message.OnReject,
        batch_size: int,
        batch_timeout: float,
        pool: str | None = None,
        extract: Extract = envelopes,
    ) -> None:
        bus_message.postpone_parsing()
        target = oslo_messaging.Target(
            exchange=bus_transport.EXCHANGE, topic=bus_transport.TOPIC
        )
        self._server = messaging_listener.BatchNotificationServer(
            transport,
            [target],
            _Dispatcher(handler, on_reject, extract),
            allow_requeue=True,
            pool=pool,
            batch_size=batch_size,
            batch_timeout=batch_timeout,
        )
        self._name = bus_transport.name(transport)
        self._listening = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start to read as soon as the broker can be reached."""
        # Connecting blocks while the broker is away, hence the thread.
        threading.Thread(
            target=self._listen, name='listener', daemon=True
        ).start()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            if messaging_log.open_connection(self._name, self._start_server):
                LOG.info('Reading the bus %s', self._name)
                self._listening.set()
                if self._stopping.is_set():
                    # stop() was called while the server started.
                    self._stop_server()
                return
            # The server must be stopped before it can be started again.
            self._server.stop()
            self._stopping.wait(_RETRY_INTERVAL_S)

    def _start_server(self) -> None:
        # A single thread handles one batch at a time and so keeps the order.
        self._server.start(override_pool_size=1)

    def stop(self) -> None:
        """Stop reading and wait until the last batch has been handled."""
        self._stopping.set()
        if self._listening.is_set():
            self._stop_server()

    def _stop_server(self) -> None:
        self._server.stop()
        self._server.wait()
