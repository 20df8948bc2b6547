# SPDX-License-Identifier: Apache-2.0


"""Networks that don't know each other."""

import json
import sys

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import namespaces
from energy_meter.tests.functional.services import rabbitmq

#: What a client inside a network runs.
_FETCH = (
    'import sys, urllib.request\n'
    'print(urllib.request.urlopen(sys.argv[1], timeout=10)'
    '.read().decode())'
)


def queues(broker: rabbitmq.RabbitMQ) -> dict[str, str]:
    """Give the number of readers of each queue."""
    lines = broker.ctl('list_queues', 'name', 'consumers').splitlines()
    return dict(line.split('\t') for line in lines)


class IsolatedTest(metering.MeteringTestCase):
    def reach(self, broker: rabbitmq.RabbitMQ, address: str) -> str:
        """Give the URL by which a broker is reached from outside."""
        return broker.url.replace('127.0.0.1', address)

    def join(
        self,
        near: namespaces.Namespace,
        far: namespaces.Namespace,
    ) -> namespaces.Link:
        return self.useFixture(namespaces.Link(near, far))

    def test_a_forwarder_alone_joins_two_networks(self):
        # Given meters and services in networks that share but one machine,
        rack, gateway, center = (
            self.useFixture(namespaces.Namespace()) for _ in range(3)
        )
        uplink = self.join(rack, gateway)
        downlink = self.join(gateway, center)
        source = self.useFixture(rabbitmq.RabbitMQ(namespace=rack))
        destination = self.useFixture(rabbitmq.RabbitMQ(namespace=center))
        agent = self.useFixture(rack.put(self.describe_agent(source.url)))
        collector = self.useFixture(
            center.put(self.describe_collector(destination.url))
        )
        archive = self.configure(
            destination.url, rrd={'port': base.free_port()}
        )
        self.useFixture(
            center.put(
                commands.Command(
                    archive, 'energy-meter-rrd', 'Reading the bus'
                )
            )
        )
        port = base.free_port()
        collector.configuration.set('api', port=port)
        self.useFixture(
            center.put(
                commands.Command(
                    collector.configuration, 'energy-meter-api', 'starts'
                )
            )
        )
        base.wait_for(lambda: center.listening(port), 30, 'the API listens')

        # when a forwarder runs on that machine,
        self.useFixture(
            gateway.put(
                commands.Command(
                    self.configure(
                        self.reach(destination, downlink.far_address),
                        forwarder={
                            'sources': self.reach(source, uplink.near_address)
                        },
                    ),
                    'energy-meter-forwarder',
                    'Reading the bus',
                )
            )
        )
        self.wait_until_billed()
        before = uplink.bytes_to_far(), downlink.bytes_to_far()
        self.wait_for_readings(3)
        up, down = (
            now - then
            for now, then in zip(
                (uplink.bytes_to_far(), downlink.bytes_to_far()),
                before,
                strict=True,
            )
        )

        # then all energy gets to the other side, where two plugins read,
        self.check_energy(agent)
        self.assertEqual(
            {'energy_meter.info': '1', 'energy_meter.rrd': '1'},
            queues(destination),
        )
        # once: one reads before the link, and no more leaves than comes,
        self.assertEqual({'energy_meter.info': '1'}, queues(source))
        self.assertLess(down, 1.5 * up)
        # and the API, which Ceilometer asks, tells it there.
        answer = json.loads(
            base.run(
                center.inside(
                    sys.executable,
                    '-c',
                    _FETCH,
                    f'http://127.0.0.1:{port}/v1/probes/',
                )
            )
        )
        told = sum(probe['kwh'] for probe in answer['probes'].values())
        self.assertAlmostEqual(self.metered() / 3.6e9, told, places=9)

    def test_a_connection_that_was_cut_silently_is_noticed(self):
        # Given meters and a broker in two networks,
        rack, center = (
            self.useFixture(namespaces.Namespace()) for _ in range(2)
        )
        link = self.join(rack, center)
        broker = self.useFixture(rabbitmq.RabbitMQ(namespace=center))
        agent = self.describe_agent(self.reach(broker, link.far_address))
        # whose connection is looked after more often than by default,
        self.agent_side.set(
            'oslo_messaging_rabbit', heartbeat_timeout_threshold=2
        )
        self.useFixture(rack.put(agent))
        self.useFixture(center.put(self.describe_collector(broker.url)))
        self.wait_until_billed()

        # when nothing passes any more, and nobody is told,
        link.cut()

        # then the agent finds out,
        base.wait_for(
            lambda: 'they wait' in agent.output(), 60, 'the agent complains'
        )
        # and delivers all when the link is back.
        link.mend()
        self.wait_until_billed()
        self.check_energy(agent)
