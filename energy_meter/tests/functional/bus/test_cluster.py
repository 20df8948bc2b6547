# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.


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
