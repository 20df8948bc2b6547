# SPDX-License-Identifier: Apache-2.0

"""Tests of the filter on oslo.messaging's log."""

import logging
import re

import fixtures
from oslo_log import log
from oslotest import base as test_base

from energy_meter.bus import messaging_log
from energy_meter.bus import metrics
from energy_meter.telemetry import counters
from energy_meter.tests.unit.bus import base

DRIVER_LOG = log.getLogger('oslo_messaging._drivers.impl_rabbit')
MESSAGE_LOG = log.getLogger('oslo_messaging._drivers.amqpdriver')


def log_loss(error='[Errno 104] Connection reset by peer'):
    """Log what oslo.messaging logs with each attempt to reconnect."""
    DRIVER_LOG.error(
        '[%(connection_id)s] AMQP server on %(hostname)s:%(port)s is '
        'unreachable: %(err_str)s. Trying again in %(sleep_time)d seconds.',
        {
            'connection_id': 'c',
            'hostname': 'h',
            'port': 5672,
            'err_str': error,
            'sleep_time': 1,
        },
    )


class MessagingLogTestCase(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger(level=logging.INFO))
        self.counters = counters.Counters(metrics.consumer())
        self.reader_log = messaging_log.ReaderLog(self.counters)
        self.reader_log.start()
        self.addCleanup(self.reader_log.stop)

    def lines(self):
        text = re.sub(r'after \d+ s', 'after some s', self.log.output)
        return text.splitlines()


class ReaderLogTest(MessagingLogTestCase):
    def test_outage_of_a_reader_is_two_lines(self):
        log_loss()
        for _ in range(50):
            log_loss('<RecoverableConnectionError: unknown error>')
        base.log_reconnect()

        self.assertEqual(
            [
                'Cannot read the bus at h:5672 ([Errno 104] Connection reset '
                'by peer); measurements wait in its queues and in the agents',
                'Can read the bus at h:5672 again after some s',
            ],
            self.lines(),
        )
        self.assertEqual(1, self.counters.value('outages', peer='bus'))

    def test_reconnects_are_counted(self):
        base.log_reconnect()
        base.log_reconnect()

        self.assertEqual(2, self.counters.value('broker_reconnects'))

    def test_nothing_is_counted_after_stop(self):
        self.reader_log.stop()

        log_loss()
        base.log_reconnect()

        self.assertEqual(0, self.counters.value('broker_reconnects'))
        self.assertEqual(0, self.counters.value('outages', peer='bus'))

    def test_credentials_are_hidden(self):
        log_loss('amqp://user:secret@h refused')

        self.assertIn('amqp://***@h refused', self.log.output)


class OpenConnectionTest(MessagingLogTestCase):
    def test_attempts_to_open_a_connection_are_one_outage(self):
        # Given a bus that the driver reaches with the third attempt,
        def connect():
            for _ in range(2):
                DRIVER_LOG.error(
                    'Connection failed: %s (retrying in %s seconds)',
                    '[Errno 111] ECONNREFUSED',
                    1.0,
                )

        # when a reader connects, then the outage is one line, and its end.
        self.assertTrue(messaging_log.open_connection('amqp://h/', connect))
        self.assertEqual(
            [
                'Cannot read the bus at amqp://h/ ([Errno 111] ECONNREFUSED); '
                'measurements wait in its queues and in the agents',
                'Can read the bus at amqp://h/ again after some s',
            ],
            self.lines(),
        )

    def test_refusal_is_an_outage(self):
        def connect():
            raise OSError('no route')

        self.assertFalse(messaging_log.open_connection('amqp://h/', connect))
        self.assertFalse(messaging_log.open_connection('amqp://h/', connect))

        (line,) = self.lines()
        self.assertIn('(OSError: no route)', line)

    def test_heartbeats_of_publishers_log_nothing(self):
        DRIVER_LOG.error(
            'Connection failed: %s (retrying in %s seconds)', 'refused', 1.0
        )

        self.assertEqual([], self.lines())


class SuppressionTest(MessagingLogTestCase):
    def test_lines_of_an_outage_are_suppressed(self):
        DRIVER_LOG.error("Failed to publish message to topic '%s'", 'a')
        DRIVER_LOG.error('Unable to connect to AMQP server on %s', 'b')
        DRIVER_LOG.info('A recoverable connection/channel error occurred')
        MESSAGE_LOG.warning('Failed to acknowledge received message: %s', 'c')

        self.assertEqual([], self.lines())

    def test_other_lines_stay(self):
        DRIVER_LOG.error('something else')
        DRIVER_LOG.info('The broker has unblocked the connection')
        MESSAGE_LOG.warning('another')

        self.assertEqual(3, len(self.lines()))
