# SPDX-License-Identifier: Apache-2.0

"""Tests of the shipped bounds of queues and messages."""

import amqp
import kombu
from oslotest import base as test_base

from energy_meter.bus import message
from energy_meter.bus import queues
from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.bus import shipped
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import rabbitmq

MAX_BYTES = 10_000
#: Messages that the agent sends per second.
MESSAGE_RATE = 5


class BoundedTest(metering.MeteringTestCase):
    def test_dropping_oldest_messages_loses_no_energy(self):
        # Given a collector that was killed,
        bus = shipped.Bus(
            base.shared(rabbitmq.RabbitMQ), **{'max-length-bytes': MAX_BYTES}
        )
        agent = self.useFixture(self.make_agent(bus.url('agent')))
        collector = self.useFixture(self.make_collector(bus.url('collector')))
        self.wait_until_billed()
        collector.kill()
        connection = self.connect(bus.url('agent'))

        # when its queue reaches the limit,
        def length() -> int:
            queue = queues.get_queue(connection)
            assert queue is not None
            return queue.messages

        def is_full() -> bool:
            before = length()
            self.wait_for_readings(1)
            return abs(length() - before) < MESSAGE_RATE / 2

        base.wait_for(is_full, 60, 'the queue is full')

        # then it does not grow any more,
        before = length()
        self.wait_for_readings(3)
        self.assertAlmostEqual(before, length(), delta=MESSAGE_RATE)
        # and the newest measurement of each register restores the total.
        collector.start()
        self.wait_until_billed()
        self.check_energy(agent)

    def test_shipped_policy_applies_to_all_queues(self):
        [policy] = shipped.definitions()['policies']
        bus = shipped.Bus(base.shared(rabbitmq.RabbitMQ))
        self.useFixture(self.make_collector(bus.url('collector')))

        self.assertEqual(
            {queues.QUEUE: [policy['name']]}, bus.queues('policy')
        )


class MessagesTest(test_base.BaseTestCase):
    """Bounds of a message, at the broker."""

    def setUp(self) -> None:
        super().setUp()
        broker = base.shared(rabbitmq.RabbitMQ)
        self.bus = shipped.Bus(broker)
        self.url = broker.vhost_url(self.bus.vhost)
        self.connect().channel().queue_declare(
            queues.QUEUE,
            durable=True,
            auto_delete=False,
            arguments={'x-queue-type': 'quorum'},
        )

    def connect(self) -> kombu.Connection:
        connection = kombu.Connection(
            self.url.replace('rabbit://', 'amqp://')
        )
        self.addCleanup(connection.release)
        return connection

    def publish(self, size: int) -> None:
        self.connect().channel().basic_publish_confirm(
            amqp.Message('x' * size), '', queues.QUEUE
        )

    def test_broker_accepts_what_readers_accept(self) -> None:
        self.publish(message.MAX_MESSAGE_BYTES)

        self.assertRaises(
            amqp.PreconditionFailed,
            self.publish,
            message.MAX_MESSAGE_BYTES + 1,
        )

    def test_broker_counts_the_readers_that_a_message_ended(self) -> None:
        self.publish(1)

        counts = []
        for _ in range(3):
            reader = self.connect()
            received = reader.channel().basic_get(queues.QUEUE)
            counts.append(received.headers.get('x-delivery-count'))
            reader.release()

        self.assertEqual([None, 1, 2], counts)
