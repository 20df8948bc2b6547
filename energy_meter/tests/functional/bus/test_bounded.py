# SPDX-License-Identifier: Apache-2.0


"""A queue that nobody reads, on a bus as it is shipped."""

from energy_meter.bus import inspection
from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.bus import shipped
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import rabbitmq

BOUND = 10_000
#: Messages that the agent sends in one.
SECOND = 5


class BoundedTest(metering.MeteringTestCase):
    def test_energy_heals_after_the_oldest_messages_were_dropped(self):
        # Given a collector that died,
        bus = shipped.Bus(
            base.shared(rabbitmq.RabbitMQ), **{'max-length-bytes': BOUND}
        )
        agent = self.useFixture(self.describe_agent(bus.url('agent')))
        collector = self.useFixture(
            self.describe_collector(bus.url('collector'))
        )
        self.wait_until_billed()
        collector.kill()
        connection = self.connect(bus.url('agent'))

        # when its queue reaches the bound,
        def length() -> int:
            found = inspection.look(connection)
            assert found is not None
            return found.messages

        def stays() -> bool:
            before = length()
            self.wait_for_readings(1)
            return abs(length() - before) < SECOND / 2

        base.wait_for(stays, 60, 'the queue is full')

        # then it grows no further: what comes takes the place of the oldest,
        before = length()
        self.wait_for_readings(3)
        self.assertAlmostEqual(before, length(), delta=SECOND)
        # and the newest word of each register is enough.
        collector.start()
        self.wait_until_billed()
        self.check_energy(agent)

    def test_the_shipped_policy_applies_to_all_queues(self):
        [policy] = shipped.definitions()['policies']
        bus = shipped.Bus(base.shared(rabbitmq.RabbitMQ))
        self.useFixture(self.describe_collector(bus.url('collector')))

        self.assertEqual(
            {inspection.QUEUE: [policy['name']]}, bus.queues('policy')
        )
