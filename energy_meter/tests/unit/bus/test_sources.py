# SPDX-License-Identifier: Apache-2.0

"""Tests of reading several buses."""

import logging
import queue
import threading

import fixtures
import oslo_messaging

from energy_meter import exception
from energy_meter.bus import publisher
from energy_meter.bus import sources
from energy_meter.bus import transport
from energy_meter.tests.unit.bus import base as bus_base

TIMEOUT_S = 20.0


class SourcesTest(bus_base.BusTestCase):
    def put(self, envelopes):
        self.received.put(list(envelopes))

    def test_unreachable_bus_does_not_stop_another(self):
        # Given two buses, the first of which is unreachable,
        tried = threading.Event()

        def refuse(*args, **kwargs):
            tried.set()
            raise oslo_messaging.MessageDeliveryFailure('away')

        unreachable = transport.connect(self.conf)
        unreachable._listen_for_notifications = refuse
        self.received = queue.Queue()
        started = sources.Sources(
            [unreachable, self.transport], self.put, self.fail, 1, 0.01
        )

        # when both are read,
        started.start()
        self.addCleanup(started.stop)
        tried.wait(TIMEOUT_S)
        publisher.MeasurementPublisher(
            self.transport, bus_base.KEYRING, 'test'
        ).send([{'number': 1}])

        # then messages of the other arrive.
        self.assertEqual([{'number': 1}], self.received.get(timeout=TIMEOUT_S))


class TurnsTest(bus_base.BusTestCase):
    def test_flood_of_a_bus_delays_others_by_a_batch(self):
        # Given a bus whose batch is handled, and another whose batch waits,
        handled, waits = [], threading.Event()

        def handle(batch):
            handled.append(batch)
            if handled == ['flood']:
                other.start()
                waits.wait(TIMEOUT_S)

        started = sources.Sources([], handle, self.fail, 1, 0.01)
        self.addCleanup(started.stop)
        submit = started._executor.submit

        def submit_and_notify(function, batch):
            future = submit(function, batch)
            if batch == 'other':
                waits.set()
            return future

        started._executor.submit = submit_and_notify
        other = threading.Thread(target=started._handle, args=['other'])

        # when the first has more,
        for _ in range(3):
            started._handle('flood')
        other.join(TIMEOUT_S)

        # then the other one precedes it.
        self.assertEqual(['flood', 'other', 'flood', 'flood'], handled)


class ConnectTest(bus_base.BusTestCase):
    def names(self):
        return [
            transport.name(source)
            for source in transport.connect_sources(self.conf, 'bus')
        ]

    def test_each_source_is_a_bus(self):
        self.conf.set_override(
            'sources',
            'rabbit://u:hunter2@a:1,u:hunter2@b:2/v, rabbit://c',
            'bus',
        )

        self.assertEqual(
            ['rabbit://a:1,b:2/v', 'rabbit://c:default port/'], self.names()
        )

    def test_default_is_transport_url(self):
        self.assertEqual(['fake:///'], self.names())

    def test_invalid_source_is_reported_without_password(self):
        self.conf.set_override(
            'sources', 'fake://, rabit://u:hunter2@c', 'bus'
        )

        error = self.assertRaises(exception.ConfigurationError, self.names)

        self.assertIn(
            "[bus] sources: invalid URL or unknown scheme 'rabit'",
            str(error),
        )
        self.assertNotIn('hunter', str(error))

    def test_passwords_are_not_logged(self):
        log = self.useFixture(fixtures.FakeLogger())
        self.conf.set_override('sources', 'rabbit://u:hunter2@c', 'bus')

        self.conf.log_opt_values(logging.getLogger(), logging.INFO)

        self.assertIn('bus.sources', log.output)
        self.assertNotIn('hunter', log.output)
