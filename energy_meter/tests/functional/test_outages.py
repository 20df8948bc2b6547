# SPDX-License-Identifier: Apache-2.0

"""What services log during an outage of the broker and of the database."""

import urllib.error
import urllib.request

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

TIMEOUT_S = 60


def status(url: str) -> int:
    """Return the status of a response."""
    try:
        with urllib.request.urlopen(url) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


class OutageTest(metering.MeteringTestCase):
    def wait_for_line(self, service: commands.Command, text: str) -> None:
        base.wait_for(
            lambda: text in service.output(),
            TIMEOUT_S,
            f'{service.name} logs {text!r}',
        )

    def check_lines(self, service: commands.Command, *texts: str) -> None:
        """Check that these lines are the only ones of an outage."""
        for text in texts:
            self.assertEqual(1, service.output().count(text), text)
        for noise in ('oslo.messaging', 'Traceback', 'ERROR', 'guest:guest'):
            self.assertNotIn(noise, service.output())

    def test_outage_of_the_broker_is_two_lines(self):
        # Given an agent, a forwarder and a collector,
        broker = self.useFixture(rabbitmq.RabbitMQ())
        edge, center = broker.add_vhost(), broker.add_vhost()
        collector = self.useFixture(self.make_collector(center))
        forwarder = self.useFixture(
            commands.Command(
                self.configure(center, forwarder={'sources': edge}),
                'energy-meter-forwarder',
                'Reading the bus',
            )
        )
        agent = self.useFixture(self.make_agent(edge))
        self.wait_until_billed()

        # when the broker is killed and started again,
        broker.kill()
        for service, text in (
            (agent, 'Cannot publish ('),
            (forwarder, 'Cannot read the bus at '),
            (collector, 'Cannot read the bus at '),
        ):
            self.wait_for_line(service, text)
        broker.start()

        # then each service logs the beginning, the end, and nothing else.
        self.wait_for_line(agent, 'Can publish again')
        self.check_lines(
            agent, 'Cannot publish (', '; measurements are queued'
        )
        for service in (forwarder, collector):
            self.wait_for_line(service, 'Can read the bus at ')
            self.check_lines(
                service, 'Cannot read the bus at ', 'Can read the bus at '
            )
        self.check_energy(agent)

    def test_outage_of_the_database_is_two_lines(self):
        # Given a collector and the API,
        server = self.useFixture(postgresql.PostgreSQL())
        self.database = server.create_database()
        broker = base.shared(rabbitmq.RabbitMQ)
        url = broker.add_vhost()
        collector = self.useFixture(self.make_collector(url))
        port = base.free_port()
        api = self.useFixture(
            commands.Command(
                self.configure(
                    url,
                    database={'connection': self.database},
                    api={'port': port},
                ),
                'energy-meter-api',
                'Serving',
            )
        )
        probes = f'http://127.0.0.1:{port}/v1/probes/'
        agent = self.useFixture(self.make_agent(url))
        self.wait_until_billed()
        self.assertEqual(200, status(probes))

        # when the database is stopped and started again,
        server.stop()
        self.assertEqual([503] * 3, [status(probes) for _ in range(3)])
        self.wait_for_line(collector, 'Cannot write to the database (')
        server.start()

        # then each service logs the beginning, the end, and nothing else.
        self.assertEqual(200, status(probes))
        self.check_lines(
            api,
            'Cannot read the database (',
            'Can read the database again after ',
            '; failed requests: 3',
        )
        self.wait_for_line(collector, 'Can write to the database again')
        self.check_lines(
            collector,
            'Cannot write to the database (',
            '; measurements held: ',
        )
        self.check_energy(agent)
