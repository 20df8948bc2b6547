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


from oslo_log import log
from oslotest import base

from energy_meter import counters
from energy_meter.bus import reconnects


class WatchTest(base.BaseTestCase):

    def setUp(self):
        super().setUp()
        self.counters = counters.Counters()
        self.watch = reconnects.Watch(self.counters)
        self.watch.start()
        self.addCleanup(self.watch.stop)
        self.driver = log.getLogger('oslo_messaging._drivers.impl_rabbit')

    def tell(self):
        """Log what the driver does, of oslo.messaging 18."""
        self.driver.info(
            '[%(connection_id)s] Reconnected to AMQP server on '
            '%(hostname)s:%(port)s via [%(transport)s] client '
            'with port %(client_port)s.',
            {'connection_id': 'c', 'hostname': 'h', 'port': 5672,
             'transport': 'amqp', 'client_port': 1})

    def test_reconnects_are_counted(self):
        self.tell()
        self.tell()
        self.assertEqual(2, self.counters.value('reconnects'))

    def test_other_news_is_not(self):
        self.driver.info('The broker has unblocked the connection')
        self.assertEqual(0, self.counters.value('reconnects'))

    def test_nothing_is_counted_after_the_end(self):
        self.watch.stop()
        self.tell()
        self.assertEqual(0, self.counters.value('reconnects'))
