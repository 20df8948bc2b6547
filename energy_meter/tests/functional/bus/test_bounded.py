# SPDX-License-Identifier: Apache-2.0

"""Test of the shipped policy that limits the length of queues."""

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
