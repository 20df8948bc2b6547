# SPDX-License-Identifier: Apache-2.0


"""A cluster of brokers that loses its nodes, one at a time."""

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq


class ClusterTest(metering.MeteringTestCase):
    def test_nodes_that_die_one_at_a_time_cost_nothing(self):
        # Given an agent and two collectors that know all three nodes,
        cluster = self.useFixture(rabbitmq.Cluster())
        self.database = self.useFixture(
            postgresql.PostgreSQL()
        ).create_database()
        agent = self.useFixture(self.describe_agent(cluster.url))
        collector = self.useFixture(self.describe_collector(cluster.url))
        other = self.useFixture(commands.collector(collector.configuration))
        self.wait_until_billed()

        # when one node after the other is killed and comes back,
        for node in cluster.nodes:
            node.kill()
            # then energy goes on to be billed while it is away,
            self.wait_for_readings()
            self.wait_until_billed()
            node.start()

        # and all of it is, once.
        self.check_energy(agent)
        # (What readers count of it.)
        self.assertIn(
            '] Reconnected to AMQP server', collector.output() + other.output()
        )
