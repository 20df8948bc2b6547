# SPDX-License-Identifier: Apache-2.0


from oslo_log import log
from oslotest import base as test_base

from energy_meter import counters
from energy_meter.bus import reconnects
from energy_meter.tests.unit.bus import base


class WatchTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.counters = counters.Counters()
        self.watch = reconnects.Watch(self.counters)
        self.watch.start()
        self.addCleanup(self.watch.stop)

    def test_reconnects_are_counted(self):
        base.tell_of_reconnect()
        base.tell_of_reconnect()
        self.assertEqual(2, self.counters.value('reconnects'))

    def test_other_news_is_not(self):
        log.getLogger('oslo_messaging._drivers.impl_rabbit').info(
            'The broker has unblocked the connection'
        )
        self.assertEqual(0, self.counters.value('reconnects'))

    def test_nothing_is_counted_after_the_end(self):
        self.watch.stop()
        base.tell_of_reconnect()
        self.assertEqual(0, self.counters.value('reconnects'))
