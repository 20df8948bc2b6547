# SPDX-License-Identifier: Apache-2.0


"""What a real broker says of queues."""

from energy_meter.bus import inspection
from energy_meter.bus import publisher
from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.bus import shipped
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import rabbitmq


class LookTest(metering.MeteringTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.bus = shipped.Bus(base.shared(rabbitmq.RabbitMQ))
        self.connection = self.connect(self.bus.url('agent'))

    def test_a_queue_that_is_not_there_is_not_made(self):
        self.assertIsNone(inspection.look(self.connection))
        self.assertEqual({}, self.bus.queues('type'))

    def test_messages_that_nobody_reads_are_counted(self):
        courier = publisher.Courier(self.connection, 'test')
        for _ in range(3):
            courier.send([])

        self.assertEqual(
            inspection.Queue(messages=3, readers=0),
            inspection.look(self.connection),
        )

    def test_readers_are_counted(self):
        self.useFixture(self.describe_collector(self.bus.url('collector')))

        base.wait_for(
            lambda: (
                inspection.look(self.connection)
                == inspection.Queue(messages=0, readers=1)
            ),
            30,
            'a collector reads',
        )
