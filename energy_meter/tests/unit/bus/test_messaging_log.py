# SPDX-License-Identifier: Apache-2.0

"""Tests of the filters on oslo.messaging's log."""

import logging

import fixtures
from oslo_log import log
from oslotest import base as test_base

from energy_meter.bus import messaging_log
from energy_meter.bus import metrics
from energy_meter.telemetry import counters
from energy_meter.tests.unit.bus import base

DRIVER_LOG = log.getLogger('oslo_messaging._drivers.impl_rabbit')


class ReconnectCounterTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.counters = counters.Counters(metrics.CONSUMER)
        self.filter = messaging_log.ReconnectCounter(self.counters)
        self.filter.start()
        self.addCleanup(self.filter.stop)

    def test_reconnects_are_counted(self):
        base.log_reconnect()
        base.log_reconnect()
        self.assertEqual(2, self.counters.value('broker_reconnects'))

    def test_other_messages_are_not_counted(self):
        DRIVER_LOG.info('The broker has unblocked the connection')
        self.assertEqual(0, self.counters.value('broker_reconnects'))

    def test_nothing_is_counted_after_stop(self):
        self.filter.stop()
        base.log_reconnect()
        self.assertEqual(0, self.counters.value('broker_reconnects'))


class SuppressionTest(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(
            fixtures.FakeLogger('oslo.messaging', level=logging.INFO)
        )

    def test_publish_errors_are_suppressed(self):
        messaging_log.suppress_publish_errors()

        DRIVER_LOG.error("Failed to publish message to topic '%s'", 'a')
        DRIVER_LOG.error('Unable to connect to AMQP server on %s', 'b')
        DRIVER_LOG.error('something else')

        self.assertEqual('something else\n', self.log.output)
