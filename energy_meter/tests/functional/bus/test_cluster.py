# SPDX-License-Identifier: Apache-2.0

"""Test of a RabbitMQ cluster whose nodes are killed one at a time."""

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq


class ClusterTest(metering.MeteringTestCase):
    def test_killing_one_node_at_a_time_loses_no_energy(self):
        # Given an agent and two collectors that are configured with all nodes,
        cluster = self.useFixture(rabbitmq.Cluster())
        self.database = self.useFixture(
            postgresql.PostgreSQL()
        ).create_database()
        agent = self.useFixture(self.make_agent(cluster.url))
        collector = self.useFixture(self.make_collector(cluster.url))
        other = self.useFixture(commands.collector(collector.configuration))
        self.wait_until_billed()

        # when the nodes are killed and restarted one after the other,
        for node in cluster.nodes:
            node.kill()
            # then energy is billed meanwhile,
            self.wait_for_readings()
            self.wait_until_billed()
            node.start()

        # all of it exactly once,
        self.check_energy(agent)
        # and the collectors have logged outages instead of each attempt.
        output = collector.output() + other.output()
        self.assertIn('Can read the bus at ', output)
        self.assertNotIn('oslo.messaging', output)
