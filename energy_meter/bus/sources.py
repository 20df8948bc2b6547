# SPDX-License-Identifier: Apache-2.0

"""All buses that a service reads."""

import collections.abc
from concurrent import futures
import typing

from oslo_messaging import transport as messaging_transport

from energy_meter.bus import listener
from energy_meter.bus import message as bus_message


class Sources:
    """Reads several buses as if they were one.

    Each bus has its own listener, so that one that is unreachable does not
    stop the others. The handler is called for one batch at a time, and buses
    whose batches wait take turns.

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
        on_reject: bus_message.OnReject,
        batch_size: int,
        batch_timeout: float,
        pool: str | None = None,
        extract: listener.Extract = listener.envelopes,
        sender_of: listener.SenderOf = listener.unverified,
    ) -> None:
        self._handler = handler
        # Its queue has at most one batch of each bus. A lock is not fair.
        self._executor = futures.ThreadPoolExecutor(1, 'handler')
        self._transports = transports
        self._listeners = [
            listener.Listener(
                transport,
                self._handle,
                on_reject,
                batch_size,
                batch_timeout,
                pool,
                extract,
                sender_of,
            )
            for transport in transports
        ]

    def start(self) -> None:
        """Start to read, each bus as soon as it can be reached."""
        for source in self._listeners:
            source.start()

    def stop(self) -> None:
        """Stop reading and wait until the last batch has been handled."""
        for source in self._listeners:
            source.stop()
        self._executor.shutdown()
        for transport in self._transports:
            transport.cleanup()

    def _handle(self, batch: collections.abc.Iterable[typing.Any]) -> None:
        self._executor.submit(self._handler, batch).result()
