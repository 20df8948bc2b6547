# SPDX-License-Identifier: Apache-2.0

"""Tests of the permissions in the shipped definitions."""

import os
import subprocess
import typing

import amqp
import kombu
from oslotest import base as test_base

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.bus import shipped
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

EXCHANGE = 'energy_meter'
QUEUE = 'energy_meter.info'
RRD_QUEUE = 'energy_meter.rrd'


class SufficientPermissionsTest(metering.MeteringTestCase):
    def test_each_service_works_with_its_user(self):
        # Given two buses with the shipped definitions and a forwarder,
        broker = base.shared(rabbitmq.RabbitMQ)
        rack, center = shipped.Bus(broker), shipped.Bus(broker)
        # when every service connects with its own user,
        agent = self.useFixture(self.make_agent(rack.url('agent')))
        recorder = self.configure(
            center.url('rrd'), rrd={'port': base.free_port()}
        )
        self.useFixture(
            commands.Command(recorder, 'energy-meter-rrd', 'Reading the bus')
        )
        self.useFixture(self.make_collector(center.url('collector')))
        forwarder = self.configure(
            center.url('forwarder_writer'),
            forwarder={'sources': rack.url('forwarder_reader')},
        )
        self.useFixture(
            commands.Command(
                forwarder, 'energy-meter-forwarder', 'Reading the bus'
            )
        )

        # then all of them work,
        self.wait_until_billed()
        self.check_energy(agent)
        files = recorder.directory / 'state' / 'rrd'
        base.wait_for(
            lambda: len(list(files.glob('**/*.rrd'))) == 2,
            30,
            'both probes are archived',
        )
        # with quorum queues.
        self.assertEqual({QUEUE: ['quorum']}, rack.queues('type'))
        self.assertEqual(
            {QUEUE: ['quorum'], RRD_QUEUE: ['quorum']}, center.queues('type')
        )

    def test_forwarder_works_with_its_own_queue(self):
        broker = base.shared(rabbitmq.RabbitMQ)
        rack, center = shipped.Bus(broker), shipped.Bus(broker)
        forwarder = self.configure(
            center.url('forwarder_writer'),
            forwarder={
                'sources': rack.url('forwarder_reader'),
                'pool': 'energy_meter.forwarder',
            },
        )

        self.useFixture(
            commands.Command(
                forwarder, 'energy-meter-forwarder', 'Reading the bus'
            )
        )

        base.wait_for(
            lambda: (
                rack.queues('consumers') == {'energy_meter.forwarder': ['1']}
            ),
            30,
            'the forwarder reads only its own queue',
        )


class DeletionTest(metering.MeteringTestCase):
    """Energy is billed over a bus, and an agent deletes objects of it."""

    def setUp(self) -> None:
        super().setUp()
        self.bus = shipped.Bus(base.shared(rabbitmq.RabbitMQ))
        self.agent = self.useFixture(self.make_agent(self.bus.url('agent')))
        self.useFixture(self.make_collector(self.bus.url('collector')))
        self.wait_until_billed()

    def delete(self, kind: str, name: str) -> None:
        url = self.bus.url('agent').replace('rabbit://', 'amqp://')
        with kombu.Connection(url) as connection:
            getattr(connection.channel(), f'{kind}_delete')(name)

    def test_deleted_queue_and_exchange_lose_no_energy(self):
        self.delete('queue', QUEUE)
        self.delete('exchange', EXCHANGE)
        self.wait_for_readings()

        self.wait_until_billed()
        self.check_energy(self.agent)

    def test_deleted_exchange_stops_plugins_until_they_restart(self):
        # Given a plugin,
        recorder = commands.Command(
            self.configure(
                self.bus.url('rrd'), rrd={'port': base.free_port()}
            ),
            'energy-meter-rrd',
            'Reading the bus',
        )
        self.useFixture(recorder)
        self.assertEqual({QUEUE, RRD_QUEUE}, self.bus.bound())

        # when the exchange is deleted, and the agent creates it again,
        self.delete('exchange', EXCHANGE)
        base.wait_for(
            lambda: self.bus.bound() == {QUEUE},
            60,
            'only the queue of the collectors is bound',
        )
        self.wait_until_billed()

        # then the plugin is not bound to it until it restarts.
        self.assertEqual({QUEUE}, self.bus.bound())
        recorder.stop()
        recorder.start()
        base.wait_for(
            lambda: self.bus.bound() == {QUEUE, RRD_QUEUE},
            60,
            'the queue of the plugin is bound',
        )


class MissingPermissionsTest(test_base.BaseTestCase):
    """Operations that users must not be allowed to do on existing queues."""

    def setUp(self) -> None:
        super().setUp()
        broker = base.shared(rabbitmq.RabbitMQ)
        self.bus = shipped.Bus(broker)
        administrator = self.connect(broker.vhost_url(self.bus.vhost))
        administrator.exchange_declare(
            EXCHANGE, 'topic', durable=True, auto_delete=False
        )
        for name in (QUEUE, RRD_QUEUE):
            administrator.queue_declare(
                name,
                durable=True,
                auto_delete=False,
                arguments={'x-queue-type': 'quorum'},
            )
            administrator.queue_bind(name, EXCHANGE, QUEUE)

    def connect(self, url: str) -> typing.Any:
        connection = kombu.Connection(url.replace('rabbit://', 'amqp://'))
        self.addCleanup(connection.release)
        return connection.channel()

    def assert_refused(self, user: str, method: str, *args: object) -> None:
        channel = self.connect(self.bus.url(user))
        self.assertRaises(amqp.AccessRefused, getattr(channel, method), *args)

    def test_publishers_cannot_read_queues(self):
        for user in ('agent', 'forwarder_writer'):
            self.assert_refused(user, 'basic_get', QUEUE)
            self.assert_refused(user, 'basic_consume', QUEUE)
            self.assert_refused(user, 'queue_purge', QUEUE)

    def test_publishers_can_delete_their_queue_and_the_exchange(self):
        channel = self.connect(self.bus.url('agent'))
        channel.basic_publish_confirm(amqp.Message('x'), EXCHANGE, QUEUE)

        # No permission of RabbitMQ separates this from declaring them.
        channel.queue_delete(QUEUE)
        channel.exchange_delete(EXCHANGE)

        self.assertEqual({RRD_QUEUE: []}, self.bus.queues())

    def test_readers_cannot_publish(self):
        for user in ('collector', 'rrd', 'forwarder_reader'):
            channel = self.connect(self.bus.url(user))
            self.assertRaises(
                amqp.AccessRefused,
                channel.basic_publish_confirm,
                amqp.Message('x'),
                EXCHANGE,
                QUEUE,
            )

    def test_readers_cannot_access_queues_of_others(self):
        for user, queue in (
            ('rrd', QUEUE),
            ('collector', RRD_QUEUE),
            ('forwarder_reader', RRD_QUEUE),
            ('agent', RRD_QUEUE),
        ):
            self.assert_refused(user, 'basic_get', queue)
            self.assert_refused(user, 'queue_delete', queue)

    def test_users_cannot_access_another_virtual_host(self):
        url = self.bus.url('agent').replace(self.bus.vhost, '')
        self.assertRaises(amqp.NotAllowed, self.connect, url)


class PasswordTest(test_base.BaseTestCase):
    def test_users_have_no_password_until_one_is_set(self):
        broker = base.shared(rabbitmq.RabbitMQ)

        broker.ctl('import_definitions', os.fspath(shipped.FILE))

        self.assertFalse(self.allowed(broker, 'agent', 'agent'))
        self.rabbitmqctl(broker, 'change_password', 'agent', 'a phrase')
        self.assertTrue(self.allowed(broker, 'agent', 'a phrase'))

    def allowed(
        self, broker: rabbitmq.RabbitMQ, user: str, password: str
    ) -> bool:
        process = self.rabbitmqctl(broker, 'authenticate_user', user, password)
        return process.returncode == 0

    @staticmethod
    def rabbitmqctl(
        broker: rabbitmq.RabbitMQ, command: str, user: str, password: str
    ) -> 'subprocess.CompletedProcess[str]':
        """Run rabbitmqctl, which reads the password from standard input."""
        return subprocess.run(
            [f'{rabbitmq.SCRIPTS}/rabbitmqctl', command, user],
            input=password,
            env={**os.environ, **broker.env},
            text=True,
            capture_output=True,
            timeout=60,
        )
