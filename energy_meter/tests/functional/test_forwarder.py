# SPDX-License-Identifier: Apache-2.0

"""Buses that only forwarders join."""

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


class MeterTest(ForwarderTestCase):
    """An agent, a forwarder and a collector, each between other buses."""

    def setUp(self) -> None:
        super().setUp()
        source = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self.broker = self.useFixture(rabbitmq.RabbitMQ())
        self.agent_side = self.configure(source)
        self.agent_side.add_dummy('desk', 'desk-1', 'desk-2')
        directory = self.useFixture(fixtures.TempDir(base.TEMPORARY)).path
        self.database = f'sqlite:///{directory}/energy_meter.sqlite'
        collector_side = self.configure(
            self.broker.url, database={'connection': self.database}
        )
        collector_side.run('energy-meter-manage', 'db', 'sync')
        self.forwarder = self.useFixture(
            commands.Command(
                self.configure_forwarder(source, self.broker.url),
                'energy-meter-forwarder',
                'Reading the bus',
            )
        )
        self.useFixture(commands.collector(collector_side))
        self.agent = self.useFixture(commands.agent(self.agent_side))
        self.wait_for_growth()

    def total(self) -> int:
        return sum(commands.energy(self.database).values())

    def metered(self) -> int:
        return sum(self.agent_side.registers().values())

    def wait_for_growth(self) -> None:
        before = self.total()
        base.wait_for(lambda: self.total() > before, 60, 'energy arrives')

    def wait_for_readings(self) -> None:
        """Wait until the registers went on for two seconds of 125 W."""
        goal = self.metered() + 2 * 2 * 125_000
        base.wait_for(lambda: self.metered() > goal, 30, 'the registers go on')

    def check_energy(self) -> None:
        """Stop metering; then every millijoule must be billed, once."""
        self.agent.stop()
        base.wait_for(
            lambda: self.total() >= self.metered(),
            60,
            f'{self.metered()} mJ are billed',
        )
        self.assertEqual(self.metered(), self.total())

    def test_an_outage_of_the_destination_costs_nothing(self):
        self.broker.stop()
        self.wait_for_readings()
        base.wait_for(
            lambda: 'the sources keep them' in self.forwarder.output(),
            30,
            'it is told',
        )

        self.broker.start()

        self.wait_for_growth()
        self.check_energy()
        self.assertNotIn('guest:guest', self.forwarder.output())

    def test_a_forwarder_that_is_killed_costs_nothing(self):
        self.forwarder.kill()
        self.wait_for_readings()

        self.forwarder.start()

        self.wait_for_growth()
        self.check_energy()


class LinkTest(ForwarderTestCase):
    """Buses on one broker, forwarders in this process, counted messages."""

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
        """Read a bus as a plugin does."""
        received: queue.Queue[object] = queue.Queue()
        bus = transport.connect(self.load(self.configure(url)))
        found = listener.Listener(
            bus,
            lambda batch: [received.put(item) for item in batch],
            lambda: None,
            1,
            0.1,
            pool,
        )
        found.start()
        self.addCleanup(bus.cleanup)
        self.addCleanup(found.stop)
        base.wait_for(found._listening.is_set, 30, f'{url} is read')
        return received

    def publish(self, url: str) -> list[dict[str, object]]:
        """Send messages of one envelope each and give the envelopes."""
        bus = transport.connect(self.load(self.configure(url)))
        self.addCleanup(bus.cleanup)
        courier = publisher.Courier(bus, 'test')
        sealed = [
            envelope.seal(
                KEYRING,
                [
                    measurement.Measurement(
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
                            1,
                        ),
                        1.7e9,
                        10.0,
                        1000,
                        10.0,
                        0.1,
                    )
                ],
            )
            for number in range(MESSAGES)
        ]
        for item in sealed:
            courier.send([item])
        return sealed

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

    def test_one_copy_crosses_however_many_plugins_read(self):
        # Given three readers behind the forwarder,
        readers = [
            self.listen(self.destination, pool)
            for pool in (None, 'energy_meter.a', 'energy_meter.b')
        ]
        forwarder = self.forward(self.source, self.destination, batch_size=1)

        # when messages are sent before it,
        sealed = self.publish(self.source)

        # then each reader gets every envelope as it was,
        for reader in readers:
            self.assertEqual(sealed, self.receive(reader))
        # and the source has but one queue with one reader, who took each
        # message once and sent it once.
        base.wait_for(
            lambda: self.readers(self.source) == {'energy_meter.info': 1},
            30,
            'one reads one queue',
        )
        self.assertEqual(
            [MESSAGES, MESSAGES],
            [
                forwarder.counters.value(name)
                for name in ('messages', 'forwarded')
            ],
        )

    def test_a_ring_of_two_does_not_loop(self):
        there = self.listen(self.destination, 'energy_meter.test')
        here = self.listen(self.source, 'energy_meter.test')
        first = self.forward(
            self.source, self.destination, name='first', batch_size=1
        )
        second = self.forward(
            self.destination, self.source, name='second', batch_size=1
        )

        sealed = self.publish(self.source)

        base.wait_for(
            lambda: first.counters.value('stopped', reason='loop') == MESSAGES,
            60,
            'all messages came back once',
        )
        self.assertEqual(sealed, self.receive(there))
        self.assertCountEqual(
            sealed * 2, self.receive(here) + self.receive(here)
        )
        self.assertEqual((0, 0), (there.qsize(), here.qsize()))
        self.assertEqual(MESSAGES, second.counters.value('forwarded'))

    def test_with_a_queue_of_its_own_it_takes_nothing_from_a_collector(self):
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
            'both read',
        )

        sealed = self.publish(self.source)

        self.assertEqual(sealed, self.receive(collector))
        self.assertEqual(sealed, self.receive(reader))

    def test_messages_that_wait_travel_together(self):
        reader = self.listen(self.destination, None)
        sealed = self.publish(self.source)

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
        send = forwarder._courier.send
        forwarder._courier.send = lambda *what: (
            sent.append(what),
            send(*what),
        )
        forwarder.start()
        self.addCleanup(forwarder.stop)

        self.assertEqual(sealed, self.receive(reader))
        self.assertEqual(1, len(sent))
