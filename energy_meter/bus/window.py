# SPDX-License-Identifier: Apache-2.0

"""Window of messages that a reader has received and not yet handled."""

import collections.abc
import dataclasses
import itertools
import threading
import time
import typing

from energy_meter.bus import message as bus_message
from energy_meter.bus import turns

#: Maximum size of the messages in the window, apart from the last one.
MAX_BYTES = 128 * 1024 * 1024
#: Maximum size of a batch, apart from its first message, while several senders
#: take turns. Others wait while its measurements are written: a second or two.
MAX_BATCH_BYTES = 4 * 1024 * 1024
#: Maximum number of messages in the window. RabbitMQ delivers no more than
#: ``rabbit_qos_prefetch_count``; other brokers have no limit.
MAX_MESSAGES = 1000

#: A message of oslo.messaging.
_Incoming = typing.Any


@dataclasses.dataclass(eq=False, slots=True)
class _Waiting:
    """A message in the window.

    :ivar arrived: monotonic time of its arrival, in seconds.
    :ivar sender: None until it is needed.
    """

    incoming: _Incoming
    size: int
    arrived: float
    sender: turns.Sender | None = None


class Window:
    """Messages from which senders take turns.

    The broker keeps them until they are acknowledged, so none is lost with
    the window. One thread puts messages into it, and another takes them.

    :param sender_of: returns who sent a message. It is called if more
        messages wait than are taken at once.
    """

    def __init__(
        self, sender_of: collections.abc.Callable[[_Incoming], turns.Sender]
    ) -> None:
        self._sender_of = sender_of
        self._waiting: list[_Waiting] = []
        self._size = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, received: collections.abc.Iterable[_Incoming]) -> None:
        """Add messages, each as soon as there is space.

        They are requeued once the window is closed. A broker that misses the
        heartbeats of a reader that waits here delivers the messages again.
        """
        for incoming in received:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._has_space)
                if not self._closed:
                    self._add(incoming)
                    continue
            incoming.requeue()

    @property
    def _has_space(self) -> bool:
        return self._size < MAX_BYTES and len(self._waiting) < MAX_MESSAGES

    def _add(self, incoming: _Incoming) -> None:
        size = bus_message.size(incoming)
        self._waiting.append(_Waiting(incoming, size, time.monotonic()))
        self._size += size
        self._changed.notify_all()

    def take(self, count: int, timeout: float) -> list[_Incoming]:
        """Wait for messages and remove a batch from the window.

        :param count: maximum number of messages.
        :param timeout: maximum time in seconds for which a message waits for
            others to fill the batch.
        :returns: at least one message, or none if the window is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if self._waiting:
                arrived = min(each.arrived for each in self._waiting)
                self._changed.wait_for(
                    lambda: self._closed or len(self._waiting) >= count,
                    timeout - (time.monotonic() - arrived),
                )
            if self._closed:
                return []
            waiting = self._waiting.copy()
        batch = waiting if len(waiting) <= count else self._cut(waiting, count)
        return [each.incoming for each in self._remove(batch)]

    def _cut(self, waiting: list[_Waiting], count: int) -> list[_Waiting]:
        """Return the batch of those whose turn it is."""
        batch = turns.take_turns(waiting, self._sender)[:count]
        if len(set(map(self._sender, waiting))) == 1:
            return batch
        sizes = itertools.accumulate(each.size for each in batch)
        length = sum(size <= MAX_BATCH_BYTES for size in sizes)
        return batch[: max(length, 1)]

    def _sender(self, waiting: _Waiting) -> turns.Sender:
        if waiting.sender is None:
            waiting.sender = self._sender_of(waiting.incoming)
        return waiting.sender

    def _remove(self, batch: list[_Waiting]) -> list[_Waiting]:
        """Remove a batch; return none of it if the window was closed."""
        taken = set(batch)
        served = {each.sender for each in batch if each.sender is not None}
        with self._changed:
            if self._closed:
                return []
            left = [each for each in self._waiting if each not in taken]
            known = [each for each in left if each.sender is not None]
            added = [each for each in left if each.sender is None]
            self._waiting = turns.rotate(known, self._sender, served) + added
            self._size -= sum(each.size for each in batch)
            self._changed.notify_all()
        return batch

    def close(self) -> None:
        """Requeue all messages."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify_all()
        for each in waiting:
            each.incoming.requeue()
