# SPDX-License-Identifier: Apache-2.0

"""Listener that reads messages from a bus in batches."""

import collections.abc
import functools
import logging
import threading
import typing

import oslo_messaging
from oslo_messaging import transport as messaging_transport

from energy_meter import attempt
from energy_meter import exception
from energy_meter.bus import message as bus_message
from energy_meter.bus import messaging_log
from energy_meter.bus import transport as bus_transport
from energy_meter.bus import turns
from energy_meter.bus import window

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
#: Returns who sent an envelope.
SenderOf = collections.abc.Callable[[object], turns.Sender]


class Stopping(exception.EnergyMeterError):
    """The service stops before it could handle a batch."""

    template = 'the service is stopping'


def envelopes(received: bus_message.Message) -> list[object]:
    """Return the envelopes of a message."""
    return received.envelopes


def message(received: bus_message.Message) -> list[bus_message.Message]:
    """Return a message with its context, as the only item of a list."""
    return [received]


def unverified(received: object) -> turns.Sender:
    """Return the sender of any envelope for readers that verify none.

    They handle messages in the order of arrival.
    """
    return turns.UNVERIFIED


class _Dispatcher:
    """Hands batches to a handler and never raises.

    oslo.messaging's own dispatcher fails on a message whose outermost fields
    have unexpected types, and drops the whole batch. It also handles messages
    in the order of arrival, whatever their senders sent before.
    """

    def __init__(
        self,
        handler: Handler,
        on_reject: bus_message.OnReject,
        extract: Extract,
        sender_of: SenderOf,
    ) -> None:
        self._handler = handler
        self._on_reject = on_reject
        self._extract = extract
        self._sender_of = sender_of

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

    def sender(self, incoming: typing.Any) -> turns.Sender:
        """Return who sent a message, which is parsed and discarded."""
        received, _ = attempt.call(
            lambda: bus_message.read(incoming), exception.RejectedMessage
        )
        if received is None:
            return turns.UNVERIFIED
        return turns.main_sender(received.envelopes, self._sender_of)

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

    Messages are read ahead. Their senders take turns, so that the messages of
    one do not fill a batch while those of others wait.

    :param handler: handles the batches.
    :param on_reject: called for each message that is rejected unread.
    :param batch_size: maximum number of messages in a batch.
    :param batch_timeout: maximum time in seconds to wait for a batch to fill.
    :param pool: name of a separate queue; None for the queue of the topic,
        which only the collectors may read.
    :param extract: selects what of each message the handler receives.
    :param sender_of: returns who sent an envelope.
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
        sender_of: SenderOf = unverified,
    ) -> None:
        bus_message.postpone_parsing()
        self._transport = transport
        self._name = bus_transport.name(transport)
        self._batch_size = batch_size
        self._batch_timeout = batch_timeout
        self._pool = pool
        self._dispatcher = _Dispatcher(handler, on_reject, extract, sender_of)
        self._window = window.Window(self._dispatcher.sender)
        self._listening = threading.Event()
        self._stopping = threading.Event()
        # Connecting blocks while the broker is away, hence the thread.
        self._thread = threading.Thread(
            target=self._listen, name='listener', daemon=True
        )

    def start(self) -> None:
        """Start to read as soon as the broker can be reached."""
        self._thread.start()

    def _listen(self) -> None:
        while not self._stopping.is_set():
            if messaging_log.open_connection(self._name, self._connect):
                LOG.info('Reading the bus %s', self._name)
                self._listening.set()
                self._handle_batches()
                return
            self._stopping.wait(_RETRY_INTERVAL_S)

    def _connect(self) -> None:
        target = oslo_messaging.Target(
            exchange=bus_transport.EXCHANGE, topic=bus_transport.TOPIC
        )
        self._connection = self._transport._listen_for_notifications(
            {(target, bus_transport.PRIORITY)},
            self._pool,
            batch_size=1,
            batch_timeout=self._batch_timeout,
        )

    def _handle_batches(self) -> None:
        """Handle batches until the window is closed."""
        self._connection.start(self._window.put)
        while batch := self._window.take(
            self._batch_size, self._batch_timeout
        ):
            requeued = self._dispatcher.dispatch(batch)
            for incoming in batch:
                if incoming in requeued:
                    incoming.requeue()
                else:
                    incoming.acknowledge()
        self._connection.stop()
        self._connection.cleanup()

    def stop(self) -> None:
        """Stop reading and wait until the last batch has been handled."""
        self._stopping.set()
        self._window.close()
        if self._listening.is_set():
            self._thread.join()
