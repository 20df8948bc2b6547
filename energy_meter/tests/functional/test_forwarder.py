# SPDX-License-Identifier: Apache-2.0

"""Tests of forwarders between real buses."""

import queue
import typing

import fixtures
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import listener
from energy_meter.bus import publisher
from energy_meter.bus import transport
from energy_meter.forwarder import service
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import rabbitmq

KEYRING = signing.Keyring([commands.SECRET])
MESSAGES = 20


class ForwarderTestCase(test_base.BaseTestCase):
    def configure(
        self,
        url: str,
        **sections: typing.Any,
    ) -> commands.Configuration:
        return commands.Configuration(
            self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
            DEFAULT={'transport_url': url},
            **sections,
        )

    def configure_forwarder(
        self, source: str, destination: str, **options: object
    ) -> commands.Configuration:
        return self.configure(
            destination, forwarder={'sources': source, **options}
        )


class OutageTest(ForwarderTestCase):
    """Tests of an agent and a collector on different buses."""

    def setUp(self) -> None:
        super().setUp()
        source = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self.broker = self.useFixture(rabbitmq.RabbitMQ())
        self.agent_configuration = self.configure(source)
        self.agent_configuration.add_dummy('desk', 'desk-1', 'desk-2')
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.database = f'sqlite:///{directory}/energy_meter.sqlite'
        collector_configuration = self.configure(
            self.broker.url, database={'connection': self.database}
        )
        collector_configuration.run('energy-meter-manage', 'db', 'sync')
        self.forwarder = self.useFixture(
            commands.Command(
                self.configure_forwarder(source, self.broker.url),
                'energy-meter-forwarder',
                'Reading the bus',
            )
        )
        self.useFixture(commands.collector(collector_configuration))
        self.agent = self.useFixture(commands.agent(self.agent_configuration))
        self.wait_for_growth()

    def billed(self) -> int:
        return sum(commands.energy(self.database).values())

    def metered(self) -> int:
        return sum(self.agent_configuration.registers().values())

    def wait_for_growth(self) -> None:
        before = self.billed()
        base.wait_for(lambda: self.billed() > before, 60, 'energy is billed')

    def wait_for_readings(self) -> None:
        """Wait until two registers have metered 125 W for two seconds."""
        goal = self.metered() + 2 * 2 * 125_000
        base.wait_for(lambda: self.metered() > goal, 30, 'registers increase')

    def check_energy(self) -> None:
        """Stop metering and check that all energy is billed exactly once."""
        self.agent.stop()
        base.wait_for(
            lambda: self.billed() >= self.metered(),
            60,
            f'{self.metered()} mJ are billed',
        )
        self.assertEqual(self.metered(), self.billed())

    def test_outage_of_the_destination_loses_no_energy(self):
        self.broker.stop()
        self.wait_for_readings()
        base.wait_for(
            lambda: 'Cannot publish' in self.forwarder.output(),
            30,
            'the outage is logged',
        )

        self.broker.start()

        self.wait_for_growth()
        self.check_energy()
        self.assertNotIn('guest:guest', self.forwarder.output())

    def test_killing_the_forwarder_loses_no_energy(self):
        self.forwarder.kill()
        self.wait_for_readings()

        self.forwarder.start()

        self.wait_for_growth()
        self.check_energy()


class LinkTest(ForwarderTestCase):
    """Tests that count messages; the forwarders run in this process."""

    def setUp(self) -> None:
        super().setUp()
        self.broker = base.shared(rabbitmq.RabbitMQ)
        self.source, self.destination = (
            self.broker.add_vhost(),
            self.broker.add_vhost(),
        )

    def forward(
        self, source: str, destination: str, **options: object
    ) -> service.Forwarder:
        conf = self.load(
            self.configure_forwarder(source, destination, **options)
        )
        forwarder = service.Forwarder(conf, lambda: conf)
        forwarder.start()
        self.addCleanup(forwarder.stop)
        return forwarder

    @staticmethod
    def load(configuration: commands.Configuration) -> typing.Any:
        return energy_meter_conf.load(
            ['--config-file', str(configuration.path)], 'test'
        )

    def listen(self, url: str, pool: str | None) -> 'queue.Queue[object]':
        """Start to read a bus and return a queue with its envelopes."""
        received: queue.Queue[object] = queue.Queue()
        bus = transport.connect(self.load(self.configure(url)))
        reader = listener.Listener(
            bus,
            lambda batch: [received.put(signed) for signed in batch],
            lambda: None,
            1,
            0.1,
            pool,
        )
        reader.start()
        self.addCleanup(bus.cleanup)
        self.addCleanup(reader.stop)
        base.wait_for(reader._listening.is_set, 30, f'{url} is read')
        return received

    def publish(self, url: str) -> list[envelope.Envelope]:
        """Publish messages with one envelope each and return the envelopes."""
        bus = transport.connect(self.load(self.configure(url)))
        self.addCleanup(bus.cleanup)
        sender = publisher.EnvelopePublisher(bus, 'test')
        published = [
            envelope.sign(
                KEYRING,
                [
                    measurement.Measurement(
                        measurement.Series(
                            measurement.Probe(
                                f'probe-{number}',
                                'node',
                                'host \u00fc',
                                'desk',
                                'dummy',
                                'agent',
                            ),
                            measurement.RegisterKey(
                                f'{number:08x}-0000-0000-0000-000000000000',
                                f'{number:016x}',
                            ),
                            None,
                            True,
                        ),
                        1_700_000_000_000,
                        10_000,
                        1000,
                        10_000,
                        0.1,
                    )
                ],
            )
            for number in range(MESSAGES)
        ]
        for signed in published:
            sender.send([signed])
        return published

    def readers(self, url: str) -> dict[str, int]:
        """Count the readers of each queue of a bus."""
        vhost = url.rpartition('/')[2]
        lines = self.broker.ctl(
            'list_queues', '-p', vhost, 'name', 'consumers'
        ).splitlines()
        return {
            name: int(number)
            for name, number in (line.split('\t') for line in lines)
        }

    def receive(self, received: 'queue.Queue[object]') -> list[object]:
        return [received.get(timeout=60) for _ in range(MESSAGES)]

    def test_one_copy_is_forwarded_to_several_readers(self):
        # Given three readers of the destination,
        readers = [
            self.listen(self.destination, pool)
            for pool in (None, 'energy_meter.a', 'energy_meter.b')
        ]
        forwarder = self.forward(self.source, self.destination, batch_size=1)

        # when messages are published to the source,
        published = self.publish(self.source)

        # then each reader receives every envelope unchanged,
        for reader in readers:
            self.assertEqual(published, self.receive(reader))
        # and the only reader of the source has forwarded each message once.
        base.wait_for(
            lambda: self.readers(self.source) == {'energy_meter.info': 1},
            30,
            'one queue has one reader',
        )
        self.assertEqual(
            [MESSAGES, MESSAGES],
            [
                forwarder.counters.value(name)
                for name in ('messages_received', 'envelopes_forwarded')
            ],
        )

    def test_messages_in_a_ring_stop_at_the_first_forwarder(self):
        there = self.listen(self.destination, 'energy_meter.test')
        here = self.listen(self.source, 'energy_meter.test')
        first = self.forward(
            self.source, self.destination, name='first', batch_size=1
        )
        second = self.forward(
            self.destination, self.source, name='second', batch_size=1
        )

        published = self.publish(self.source)

        base.wait_for(
            lambda: (
                first.counters.value('messages_dropped', reason='loop')
                == MESSAGES
            ),
            60,
            'all messages have returned once',
        )
        self.assertEqual(published, self.receive(there))
        self.assertCountEqual(
            published * 2, self.receive(here) + self.receive(here)
        )
        self.assertEqual((0, 0), (there.qsize(), here.qsize()))
        self.assertEqual(
            MESSAGES, second.counters.value('envelopes_forwarded')
        )

    def test_pool_receives_its_own_copies(self):
        collector = self.listen(self.source, None)
        reader = self.listen(self.destination, None)
        self.forward(
            self.source, self.destination, pool='energy_meter.forwarder'
        )
        base.wait_for(
            lambda: (
                self.readers(self.source)
                == {'energy_meter.info': 1, 'energy_meter.forwarder': 1}
            ),
            30,
            'both queues have a reader',
        )

        published = self.publish(self.source)

        self.assertEqual(published, self.receive(collector))
        self.assertEqual(published, self.receive(reader))

    def test_queued_messages_are_forwarded_as_one(self):
        reader = self.listen(self.destination, None)
        published = self.publish(self.source)

        sent = []
        conf = self.load(
            self.configure_forwarder(
                self.source,
                self.destination,
                flush_interval=5,
                batch_size=MESSAGES,
            )
        )
        forwarder = service.Forwarder(conf, lambda: conf)
        send = forwarder._publisher.send
        forwarder._publisher.send = lambda *args: (
            sent.append(args),
            send(*args),
        )
        forwarder.start()
        self.addCleanup(forwarder.stop)

        self.assertEqual(published, self.receive(reader))
        self.assertEqual(1, len(sent))
