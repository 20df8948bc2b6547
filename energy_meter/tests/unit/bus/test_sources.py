# SPDX-License-Identifier: Apache-2.0

"""Several buses, of which some may be away."""

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

PATIENCE = 20.0


class SourcesTest(bus_base.BusTestCase):
    def test_a_bus_that_is_away_does_not_stop_another(self):
        # Given two buses, of which the first can't be read,
        tried = threading.Event()

        def refuse(*args, **kwargs):
            tried.set()
            raise oslo_messaging.MessageDeliveryFailure('away')

        away = transport.connect(self.conf)
        away._listen_for_notifications = refuse
        received = queue.Queue()
        found = sources.Sources(
            [away, self.transport], received.put, lambda: None, 1, 0.01
        )

        # when both are read,
        found.start()
        self.addCleanup(found.stop)
        tried.wait(PATIENCE)
        publisher.Publisher(self.transport, bus_base.KEYRING, 'test').send(
            [{'number': 1}]
        )

        # then what comes on the other arrives.
        self.assertEqual([{'number': 1}], received.get(timeout=PATIENCE))


class ConnectTest(bus_base.BusTestCase):
    def names(self):
        return [
            transport.name(item)
            for item in transport.connect_sources(self.conf, 'bus')
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

    def test_by_default_there_is_one(self):
        self.assertEqual(['fake:///'], self.names())

    def test_a_mistake_is_named_where_it_stands(self):
        self.conf.set_override(
            'sources', 'fake://, rabit://u:hunter2@c', 'bus'
        )

        error = self.assertRaises(exception.ConfigurationError, self.names)

        self.assertIn(
            "[bus] sources: no bus can be reached by a URL of type 'rabit'",
            str(error),
        )
        self.assertNotIn('hunter', str(error))

    def test_the_log_never_shows_a_password(self):
        log = self.useFixture(fixtures.FakeLogger())
        self.conf.set_override('sources', 'rabbit://u:hunter2@c', 'bus')

        self.conf.log_opt_values(logging.getLogger(), logging.INFO)

        self.assertIn('bus.sources', log.output)
        self.assertNotIn('hunter', log.output)
