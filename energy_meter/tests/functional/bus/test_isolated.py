# SPDX-License-Identifier: Apache-2.0

"""Tests of networks that are isolated from each other."""

import json
import sys

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import namespaces
from energy_meter.tests.functional.services import rabbitmq

#: Program that fetches a URL inside a network namespace.
_FETCH = (
    'import sys, urllib.request\n'
    'print(urllib.request.urlopen(sys.argv[1], timeout=10)'
    '.read().decode())'
)


def queues(broker: rabbitmq.RabbitMQ) -> dict[str, str]:
    """Return the number of readers of each queue."""
    lines = broker.ctl('list_queues', 'name', 'consumers').splitlines()
    return dict(line.split('\t') for line in lines)


class IsolatedTest(metering.MeteringTestCase):
    def url(self, broker: rabbitmq.RabbitMQ, address: str) -> str:
        """Return the URL of a broker for clients in another network."""
        return broker.url.replace('127.0.0.1', address)

    def link(
        self,
        near: namespaces.Namespace,
        far: namespaces.Namespace,
    ) -> namespaces.Link:
        return self.useFixture(namespaces.Link(near, far))

    def test_forwarder_connects_two_isolated_networks(self):
        # Given two networks, connected only by one machine,
        rack, gateway, center = (
            self.useFixture(namespaces.Namespace()) for _ in range(3)
        )
        uplink = self.link(rack, gateway)
        downlink = self.link(gateway, center)
        source = self.useFixture(rabbitmq.RabbitMQ(namespace=rack))
        destination = self.useFixture(rabbitmq.RabbitMQ(namespace=center))
        agent = self.useFixture(rack.put(self.make_agent(source.url)))
        collector = self.useFixture(
            center.put(self.make_collector(destination.url))
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
                    collector.configuration, 'energy-meter-api', 'Starting'
                )
            )
        )
        base.wait_for(lambda: center.listening(port), 30, 'the API listens')

        # when a forwarder runs on that machine,
        self.useFixture(
            gateway.put(
                commands.Command(
                    self.configure(
                        self.url(destination, downlink.far_address),
                        forwarder={
                            'sources': self.url(source, uplink.near_address)
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
        received = uplink.bytes_to_far() - before[0]
        sent = downlink.bytes_to_far() - before[1]

        # then all energy arrives in the other network, which has two readers,
        self.check_energy(agent)
        self.assertEqual(
            {'energy_meter.info': '1', 'energy_meter.rrd': '1'},
            queues(destination),
        )
        # the source has one reader, and the forwarder sends what it receives,
        self.assertEqual({'energy_meter.info': '1'}, queues(source))
        self.assertLess(sent, 1.5 * received)
        # and the API in that network returns the energy.
        response = json.loads(
            base.run(
                center.inside(
                    sys.executable,
                    '-c',
                    _FETCH,
                    f'http://127.0.0.1:{port}/v1/probes/',
                )
            )
        )
        kwh = sum(probe['kwh'] for probe in response['probes'].values())
        self.assertAlmostEqual(self.metered() / 3.6e9, kwh, places=9)

    def test_heartbeats_detect_an_interrupted_connection(self):
        # Given an agent and a broker in two networks,
        rack, center = (
            self.useFixture(namespaces.Namespace()) for _ in range(2)
        )
        link = self.link(rack, center)
        broker = self.useFixture(rabbitmq.RabbitMQ(namespace=center))
        agent = self.make_agent(self.url(broker, link.far_address))
        # with a shorter heartbeat than the default,
        self.agent_configuration.set(
            'oslo_messaging_rabbit', heartbeat_timeout_threshold=2
        )
        self.useFixture(rack.put(agent))
        self.useFixture(center.put(self.make_collector(broker.url)))
        self.wait_until_billed()

        # when the link drops all packets,
        link.cut()

        # then the agent detects it,
        base.wait_for(
            lambda: 'Cannot publish' in agent.output(),
            60,
            'the agent logs it',
        )
        # and publishes everything when the link is restored.
        link.mend()
        self.wait_until_billed()
        self.check_energy(agent)
