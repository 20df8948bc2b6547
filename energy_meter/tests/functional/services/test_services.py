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

"""Tests that the services start, answer, come back and stop."""

import http.server
import json
import threading
import time

import kombu
from kombu import simple
from oslotest import base as oslotest
import sqlalchemy
from sqlalchemy import exc
import testscenarios

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import ceilometer
from energy_meter.tests.functional.services import keystone
from energy_meter.tests.functional.services import mariadb
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq


class RabbitMQTestCase(oslotest.BaseTestCase):

    def queue(self, url: str) -> simple.SimpleQueue:
        connection = kombu.Connection(url.replace('rabbit://', 'amqp://'))
        self.addCleanup(connection.release)
        return connection.SimpleQueue('test')

    def test_messages_survive_a_restart(self) -> None:
        broker = self.useFixture(rabbitmq.RabbitMQ())
        url = broker.add_vhost()
        self.queue(url).put('42', delivery_mode='persistent')

        broker.stop()
        self.assertFalse(base.listening(broker.port))
        broker.start()

        self.assertEqual('42', self.queue(url).get(timeout=30).payload)

    def test_each_test_has_a_virtual_host_of_the_shared_broker(self) -> None:
        broker = base.shared(rabbitmq.RabbitMQ)
        self.queue(broker.add_vhost()).put('42')

        self.assertEqual(0, self.queue(broker.add_vhost()).qsize())
        self.assertIs(broker, base.shared(rabbitmq.RabbitMQ))


class DatabaseTestCase(testscenarios.WithScenarios, oslotest.BaseTestCase):

    scenarios = [
        ('mariadb', {'service': mariadb.MariaDB}),
        ('postgresql', {'service': postgresql.PostgreSQL}),
    ]

    def test_data_survive_a_kill(self) -> None:
        server = self.useFixture(self.service())
        engine = sqlalchemy.create_engine(server.create_database(),
                                          poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text('CREATE TABLE t (n INT)'))
            connection.execute(sqlalchemy.text('INSERT INTO t VALUES (42)'))

        server.kill()
        self.assertRaises(exc.OperationalError, engine.connect)
        server.start()

        with engine.connect() as connection:
            self.assertEqual(
                42, connection.scalar(sqlalchemy.text('SELECT n FROM t')))


class KeystoneTestCase(oslotest.BaseTestCase):

    def test_a_user_finds_an_endpoint(self) -> None:
        identity = base.shared(keystone.Keystone)
        identity.create_endpoint('metering', 'http://127.0.0.1:9')
        user = identity.create_user('reader', project='service')

        session = identity.session(user)

        self.assertEqual('http://127.0.0.1:9', session.get_endpoint(
            service_type='metering', interface='internal'))

    def test_tokens_survive_a_restart(self) -> None:
        identity = base.shared(keystone.Keystone)
        token = identity.token(identity.admin)

        identity.stop()
        self.assertFalse(identity.answers())
        identity.start()

        self.assertEqual(identity.admin.username, identity.owner(token))


class Energy(http.server.BaseHTTPRequestHandler):
    """Answers every request as the API does when it has one probe."""

    def do_GET(self) -> None:
        """Show a probe that was measured just now."""
        body = json.dumps({'probes': {'node': {
            'timestamp': time.time(), 'kwh': 1.5, 'w': 100.0,
            'scope': 'node', 'host': 'host', 'wattmeter': 'meter',
            'coverage': 1.0}}}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class CeilometerTestCase(oslotest.BaseTestCase):

    def test_samples_of_our_meters_are_published(self) -> None:
        api = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Energy)
        self.addCleanup(api.server_close)
        self.addCleanup(api.shutdown)
        threading.Thread(target=api.serve_forever, daemon=True).start()
        identity = base.shared(keystone.Keystone)
        identity.create_endpoint('energy',
                                 f'http://127.0.0.1:{api.server_port}')
        broker = base.shared(rabbitmq.RabbitMQ)

        polling = self.useFixture(
            ceilometer.Ceilometer(identity, broker.add_vhost()))

        expected = {('power', 100.0, 'W'), ('energy', 1.5, 'kWh')}
        base.wait_for(
            lambda: expected == {(sample['name'], sample['volume'],
                                  sample['unit'])
                                 for sample in polling.samples()},
            60, 'a sample of each meter')
