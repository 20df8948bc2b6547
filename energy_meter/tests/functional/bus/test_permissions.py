# SPDX-License-Identifier: Apache-2.0


"""Each part with a user who may do nothing but that part's work."""

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
ARCHIVE = 'energy_meter.rrd'


class WorkTest(metering.MeteringTestCase):
    def test_each_part_works_with_its_user(self):
        # Given two buses as they are shipped, which a forwarder joins,
        broker = base.shared(rabbitmq.RabbitMQ)
        rack, center = shipped.Bus(broker), shipped.Bus(broker)
        # when every part has its user, and is the first on its bus or not,
        agent = self.useFixture(self.describe_agent(rack.url('agent')))
        recorder = self.configure(
            center.url('rrd'), rrd={'port': base.free_port()}
        )
        self.useFixture(
            commands.Command(recorder, 'energy-meter-rrd', 'Reading the bus')
        )
        self.useFixture(self.describe_collector(center.url('collector')))
        forwarder = self.configure(
            center.url('forwarder_writer'),
            forwarder={'sources': rack.url('forwarder_reader')},
        )
        self.useFixture(
            commands.Command(
                forwarder, 'energy-meter-forwarder', 'Reading the bus'
            )
        )

        # then all of them do their work,
        self.wait_until_billed()
        self.check_energy(agent)
        files = recorder.directory / 'state' / 'rrd'
        base.wait_for(
            lambda: len(list(files.glob('**/*.rrd'))) == 2,
            30,
            'both probes are archived',
        )
        # on quorum queues.
        self.assertEqual({QUEUE: ['quorum']}, rack.queues('type'))
        self.assertEqual(
            {QUEUE: ['quorum'], ARCHIVE: ['quorum']}, center.queues('type')
        )

    def test_a_forwarder_may_have_a_queue_of_its_own(self):
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
            'it reads its own queue alone',
        )


class RefusalTest(test_base.BaseTestCase):
    """What users may not do, on a bus whose queues are there already."""

    def setUp(self) -> None:
        super().setUp()
        broker = base.shared(rabbitmq.RabbitMQ)
        self.bus = shipped.Bus(broker)
        everything = self.connect(broker.vhost_url(self.bus.vhost))
        everything.exchange_declare(
            EXCHANGE, 'topic', durable=True, auto_delete=False
        )
        for name in (QUEUE, ARCHIVE):
            everything.queue_declare(
                name,
                durable=True,
                auto_delete=False,
                arguments={'x-queue-type': 'quorum'},
            )
            everything.queue_bind(name, EXCHANGE, QUEUE)

    def connect(self, url: str) -> typing.Any:
        connection = kombu.Connection(url.replace('rabbit://', 'amqp://'))
        self.addCleanup(connection.release)
        return connection.channel()

    def refused(self, user: str, method: str, *args: object) -> None:
        channel = self.connect(self.bus.url(user))
        self.assertRaises(amqp.AccessRefused, getattr(channel, method), *args)

    def test_who_writes_reads_no_queue(self):
        for user in ('agent', 'forwarder_writer'):
            self.refused(user, 'basic_get', QUEUE)
            self.refused(user, 'basic_consume', QUEUE)
            self.refused(user, 'queue_purge', QUEUE)

    def test_who_reads_writes_no_message(self):
        for user in ('collector', 'rrd', 'forwarder_reader'):
            channel = self.connect(self.bus.url(user))
            self.assertRaises(
                amqp.AccessRefused,
                channel.basic_publish_confirm,
                amqp.Message('x'),
                EXCHANGE,
                QUEUE,
            )

    def test_nobody_touches_the_queue_of_another(self):
        for user, queue in (
            ('rrd', QUEUE),
            ('collector', ARCHIVE),
            ('forwarder_reader', ARCHIVE),
            ('agent', ARCHIVE),
        ):
            self.refused(user, 'basic_get', queue)
            self.refused(user, 'queue_delete', queue)

    def test_nobody_enters_another_virtual_host(self):
        url = self.bus.url('agent').replace(self.bus.vhost, '')
        self.assertRaises(amqp.NotAllowed, self.connect, url)


class PasswordTest(test_base.BaseTestCase):
    def test_the_file_leaves_passwords_to_the_operator(self):
        broker = base.shared(rabbitmq.RabbitMQ)

        broker.ctl('import_definitions', os.fspath(shipped.FILE))

        self.assertFalse(self.allowed(broker, 'agent', 'agent'))
        self.tell(broker, 'change_password', 'agent', 'a word')
        self.assertTrue(self.allowed(broker, 'agent', 'a word'))

    def allowed(
        self, broker: rabbitmq.RabbitMQ, user: str, password: str
    ) -> bool:
        done = self.tell(broker, 'authenticate_user', user, password)
        return done.returncode == 0

    @staticmethod
    def tell(
        broker: rabbitmq.RabbitMQ, command: str, user: str, password: str
    ) -> 'subprocess.CompletedProcess[str]':
        """Run rabbitmqctl as the documentation says."""
        return subprocess.run(
            [f'{rabbitmq.SCRIPTS}/rabbitmqctl', command, user],
            input=password,
            env={**os.environ, **broker.env},
            text=True,
            capture_output=True,
            timeout=60,
        )
