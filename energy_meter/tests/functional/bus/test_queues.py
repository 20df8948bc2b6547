# SPDX-License-Identifier: Apache-2.0

"""Tests of queries about queues of a real broker."""

from energy_meter.bus import publisher
from energy_meter.bus import queues
from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.bus import shipped
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import rabbitmq


class GetQueueTest(metering.MeteringTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus = shipped.Bus(base.shared(rabbitmq.RabbitMQ))
        self.connection = self.connect(self.bus.url('agent'))

    def test_missing_queue_is_not_created(self):
        self.assertIsNone(queues.get_queue(self.connection))
        self.assertEqual({}, self.bus.queues('type'))

    def test_unread_messages_are_counted(self):
        sender = publisher.EnvelopePublisher(self.connection, 'test')
        for _ in range(3):
            sender.send([])

        self.assertEqual(
            queues.Queue(messages=3, readers=0),
            queues.get_queue(self.connection),
        )

    def test_readers_are_counted(self):
        self.useFixture(self.make_collector(self.bus.url('collector')))

        base.wait_for(
            lambda: (
                queues.get_queue(self.connection)
                == queues.Queue(messages=0, readers=1)
            ),
            30,
            'a collector reads',
        )
