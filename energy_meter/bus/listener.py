# SPDX-License-Identifier: Apache-2.0

"""Messages from the bus, in batches."""

import collections.abc
import logging
import threading
import typing

import oslo_messaging
from oslo_messaging import transport as messaging_transport
from oslo_messaging.notify import listener as messaging_listener

from energy_meter import exception
from energy_meter.bus import transport as bus_transport

LOG = logging.getLogger(__name__)

#: Seconds between two tries to listen on a broker that refuses.
_RETRY = 10

#: Takes a batch: what was taken of its messages. When it returns, the
#: messages are acknowledged; when it raises :class:`Stopping`, they go back.
Handler = collections.abc.Callable[[list[typing.Any]], None]
#: Says what of a message goes into a batch: :func:`envelopes` or
#: :func:`whole`.
Take = collections.abc.Callable[[typing.Any], list[typing.Any]]


class Stopping(exception.EnergyMeterError):
    """The service stops before a batch could be handled."""

    template = 'stopping'


class Message(typing.NamedTuple):
    """A message with what its senders wrote on its outside.

    :ivar context: of the notification; unsigned, and of any content.
    :ivar envelopes: as :func:`envelopes` gives them.
    """

    context: dict[str, object]
    envelopes: list[object]


def envelopes(incoming: typing.Any) -> list[object]:
    """Take the envelopes of a message, or None in place of one."""
    message = incoming.message
    payload = message.get('payload') if isinstance(message, dict) else None
    found = payload.get('envelopes') if isinstance(payload, dict) else None
    return found if isinstance(found, list) else [None]


def whole(incoming: typing.Any) -> list[Message]:
    """Take a message as it is."""
    return [Message(incoming.ctxt, envelopes(incoming))]


class _Dispatcher:
    """Hands batches over and never raises.

    oslo.messaging's own dispatcher trips over a message whose outermost
    fields have odd types, and the whole batch with it.
    """

    supported_priorities = (bus_transport.PRIORITY,)

    def __init__(self, handler: Handler, take: Take = envelopes) -> None:
        self._handler = handler
        self._take = take

    def dispatch(self, incoming: list[typing.Any]) -> set[typing.Any]:
        """Handle a batch.

        :returns: the messages that go back to the queue.
        """
        batch = [item for message in incoming for item in self._take(message)]
        try:
            self._handler(batch)
        except Stopping:
            return set(incoming)
        except Exception:
            # A batch that was given back would come again at once, and so
            # for ever.
            LOG.exception('A batch of %d envelopes was dropped', len(batch))
        return set()


class _Unreadable(logging.Filter):
    """Keeps a flood of messages that are no notifications out of the log.

    oslo.messaging drops each by itself, with a traceback.

    :param tell: called for each of them.
    """

    LOGGER = 'oslo.messaging._drivers.impl_rabbit'
    _TEXT = 'Failed to process message'

    def __init__(self, tell: collections.abc.Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def filter(self, record: logging.LogRecord) -> bool:
        if not str(record.msg).startswith(self._TEXT):
            return True
        self._tell()
        return False


class Listener:
    """Reads a queue of the bus, one batch at a time.

    :param handler: takes the batches.
    :param unreadable: called for each message that is no notification.
    :param batch_size: most messages in a batch.
    :param batch_timeout: longest time, in seconds, that a message waits for
        its batch to fill.
    :param pool: name of an own queue; None for the topic's own, which only
        the collectors may read.
    :param take: what of each message the handler gets.
    """

    def __init__(
        self,
        transport: messaging_transport.NotificationTransport,
        handler: Handler,
        unreadable: collections.abc.Callable[[], None],
        batch_size: int,
        batch_timeout: float,
        pool: str | None = None,
        take: Take = envelopes,
    ) -> None:
        self._filter = _Unreadable(unreadable)
        target = oslo_messaging.Target(
            exchange=bus_transport.EXCHANGE, topic=bus_transport.TOPIC
        )
        self._server = messaging_listener.BatchNotificationServer(
            transport,
            [target],
            _Dispatcher(handler, take),
            allow_requeue=True,
            pool=pool,
            batch_size=batch_size,
            batch_timeout=batch_timeout,
        )
        self._name = bus_transport.name(transport)
        self._listening = threading.Event()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to read, as soon as the broker can be reached."""
        logging.getLogger(_Unreadable.LOGGER).addFilter(self._filter)
        threading.Thread(
            target=self._listen, name='listener', daemon=True
        ).start()

    def _listen(self) -> None:
        # Blocks while the broker is away, hence in a thread.
        while not self._stopping.is_set():
            try:
                # One batch at a time, so that they keep their order.
                self._server.start(override_pool_size=1)
            except Exception as error:
                LOG.error(
                    'The bus refuses to be read: %s: %s; trying again '
                    'every %d s',
                    self._name,
                    error,
                    _RETRY,
                )
                # A server that was not stopped takes no second start.
                self._server.stop()
                self._stopping.wait(_RETRY)
            else:
                LOG.info('Reading the bus %s', self._name)
                self._listening.set()
                if self._stopping.is_set():
                    # Told to stop while it began to listen.
                    self._stop_server()
                return

    def stop(self) -> None:
        """Stop reading; returns when the last batch has been handled."""
        self._stopping.set()
        if self._listening.is_set():
            self._stop_server()
        logging.getLogger(_Unreadable.LOGGER).removeFilter(self._filter)

    def _stop_server(self) -> None:
        self._server.stop()
        self._server.wait()
