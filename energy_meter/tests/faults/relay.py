# SPDX-License-Identifier: Apache-2.0

"""A bus that loses, repeats and reorders messages.

A proxy between agent and broker cannot do this: messages that the broker
does not confirm are sent again. Agents therefore publish to one virtual host,
collectors read another, and a relay between the two drops, repeats and
reorders messages.
"""

import random
import threading

import amqp
import fixtures
import kombu
from kombu import exceptions as kombu_exceptions

from energy_meter.bus import transport as bus_transport

#: Fraction of messages that are lost, and fraction that are repeated.
SHARE = 0.3
#: Number of messages from which the next one to deliver is drawn.
HELD = 10

_KEY = f'{bus_transport.TOPIC}.{bus_transport.PRIORITY}'
_RETRY = 0.2


class Relay(fixtures.Fixture):
    """Carries messages from one bus to another.

    :param source: URL of the bus to read.
    :param target: URL of the bus to publish to.
    :param rng: decides the fate of each message while ``lossy`` is set.
    :ivar lossy: set while messages are lost, repeated and reordered.
    :ivar fates: number of messages carried, lost, repeated, and overtaken by
        a later one.
    """

    def __init__(self, source: str, target: str, rng: random.Random) -> None:
        super().__init__()
        self._source, self._target = (
            url.replace('rabbit:', 'amqp:') for url in (source, target)
        )
        self._chance = rng
        self._stopping = threading.Event()
        self._held: list[kombu.Message] = []
        self.lossy = threading.Event()
        self.fates = dict.fromkeys(
            ('carried', 'lost', 'repeated', 'overtaken'), 0
        )

    def _setUp(self) -> None:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self._stopping.set)

    def _run(self) -> None:
        queue = kombu.Queue(_KEY, no_declare=True)
        while not self._stopping.wait(_RETRY):
            try:
                with (
                    kombu.Connection(self._source) as incoming,
                    kombu.Connection(self._target) as outgoing,
                    incoming.Consumer(queue, on_message=self._on_message),
                ):
                    self._carry(incoming, outgoing.Producer())
            except (amqp.AMQPError, kombu_exceptions.OperationalError):
                # Agents and collectors have yet to declare the queues.
                continue

    def _carry(
        self, incoming: kombu.Connection, producer: kombu.Producer
    ) -> None:
        while not self._stopping.is_set():
            try:
                incoming.drain_events(timeout=_RETRY)
            except TimeoutError:
                pass
            while len(self._held) > (HELD if self.lossy.is_set() else 0):
                self._deliver(producer)

    def _on_message(self, message: kombu.Message) -> None:
        message.ack()
        if not self.lossy.is_set():
            self._held.append(message)
        elif self._chance.random() < SHARE:
            self.fates['lost'] += 1
        else:
            copies = 1 + (self._chance.random() < SHARE)
            self.fates['repeated'] += copies - 1
            self._held += copies * [message]

    def _deliver(self, producer: kombu.Producer) -> None:
        place = (
            self._chance.randrange(len(self._held))
            if self.lossy.is_set()
            else 0
        )
        message = self._held.pop(place)
        self.fates['carried'] += 1
        self.fates['overtaken'] += place > 0
        producer.publish(
            message.body,
            exchange=bus_transport.EXCHANGE,
            routing_key=_KEY,
            content_type=message.content_type,
            content_encoding=message.content_encoding,
        )
