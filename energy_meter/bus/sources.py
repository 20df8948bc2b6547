# SPDX-License-Identifier: Apache-2.0

"""All buses that a service reads."""

import collections.abc
import threading
import typing

from oslo_messaging import transport as messaging_transport

from energy_meter.bus import listener


class Sources:
    """Reads several buses as if they were one.

    Each is read by a listener of its own, so that one that is away does not
    stop the others. The handler is called for one batch at a time, of
    whichever bus.

    :param transports: of the buses; :meth:`stop` closes them.

    All other parameters are those of
    :class:`energy_meter.bus.listener.Listener`.
    """

    def __init__(
        self,
        transports: collections.abc.Sequence[
            messaging_transport.NotificationTransport
        ],
        handler: listener.Handler,
        unreadable: collections.abc.Callable[[], None],
        batch_size: int,
        batch_timeout: float,
        pool: str | None = None,
        take: listener.Take = listener.envelopes,
    ) -> None:
        self._handler = handler
        self._lock = threading.Lock()
        self._transports = transports
        self._listeners = [
            listener.Listener(
                transport,
                self._handle,
                unreadable,
                batch_size,
                batch_timeout,
                pool,
                take,
            )
            for transport in transports
        ]

    def start(self) -> None:
        """Begin to read, each bus as soon as it can be reached."""
        for item in self._listeners:
            item.start()

    def stop(self) -> None:
        """Stop reading; returns when the last batch has been handled."""
        for item in self._listeners:
            item.stop()
        for transport in self._transports:
            transport.cleanup()

    def _handle(self, batch: list[typing.Any]) -> None:
        with self._lock:
            self._handler(batch)
