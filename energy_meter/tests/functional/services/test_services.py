# SPDX-License-Identifier: Apache-2.0

"""Tests that the services start, respond, restart and stop.

The tests of the pollsters cover Ceilometer.
"""

import typing

import kombu
from kombu import simple
from oslotest import base as oslotest
import sqlalchemy
from sqlalchemy import exc
import testscenarios

from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import gnocchi
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

    def test_virtual_hosts_of_the_shared_broker_are_separate(self) -> None:
        broker = base.shared(rabbitmq.RabbitMQ)
        self.queue(broker.add_vhost()).put('42')

        self.assertEqual(0, self.queue(broker.add_vhost()).qsize())
        self.assertIs(broker, base.shared(rabbitmq.RabbitMQ))


class DatabaseTestCase(testscenarios.WithScenarios, oslotest.BaseTestCase):
    scenarios: typing.ClassVar = [
        ('mariadb', {'service': mariadb.MariaDB}),
        ('postgresql', {'service': postgresql.PostgreSQL}),
    ]

    def test_data_survive_a_kill(self) -> None:
        server = self.useFixture(self.service())
        engine = sqlalchemy.create_engine(
            server.create_database(), poolclass=sqlalchemy.NullPool
        )
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text('CREATE TABLE t (n INT)'))
            connection.execute(sqlalchemy.text('INSERT INTO t VALUES (42)'))

        server.kill()
        self.assertRaises(exc.OperationalError, engine.connect)
        server.start()

        with engine.connect() as connection:
            self.assertEqual(
                42, connection.scalar(sqlalchemy.text('SELECT n FROM t'))
            )


class KeystoneTestCase(oslotest.BaseTestCase):
    def test_user_authenticates(self) -> None:
        identity = base.shared(keystone.Keystone)
        user = identity.create_user('reader', project='service')

        self.assertEqual(user.username, identity.owner(identity.token(user)))

    def test_tokens_survive_a_restart(self) -> None:
        identity = base.shared(keystone.Keystone)
        token = identity.token(identity.admin)

        identity.stop()
        self.assertFalse(identity.answers())
        identity.start()

        self.assertEqual(identity.admin.username, identity.owner(token))


class GnocchiTestCase(oslotest.BaseTestCase):
    def test_measures_are_aggregated(self) -> None:
        server = base.shared(gnocchi.Gnocchi)
        client = server.client()
        metric = client.post(
            '/v1/resource/generic',
            json={
                'id': 'services',
                'metrics': {'power': {'archive_policy_name': 'low'}},
            },
        ).json()['metrics']['power']

        client.post(
            f'/v1/metric/{metric}/measures',
            json=[
                {'timestamp': 600, 'value': 10},
                {'timestamp': 899, 'value': 20},
                {'timestamp': 900, 'value': 30},
            ],
        )

        means = [gnocchi.Measure(600, 300, 15), gnocchi.Measure(900, 300, 30)]
        self.assertEqual(means, server.measures(metric, 'mean'))
        self.assertEqual(
            means,
            server.aggregates(
                '(aggregate sum (metric power mean))',
                "original_resource_id='services'",
            ),
        )
        self.assertEqual(
            [metric],
            [
                resource['metrics']['power']
                for resource in server.resources('services')
            ],
        )
