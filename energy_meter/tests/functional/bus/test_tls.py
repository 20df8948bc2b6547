# SPDX-License-Identifier: Apache-2.0


"""Brokers that talk TLS, with certificates of a self-made authority."""

import shutil

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import rabbitmq


class Broker(rabbitmq.RabbitMQ):
    """A node with a certificate for ``localhost``.

    :ivar authority: the file of the authority that signed it.
    """

    def __init__(self) -> None:
        self.tls_port = base.free_port()
        super().__init__({'listeners.ssl.1': f'127.0.0.1:{self.tls_port}'})

    def prepare(self) -> None:
        """Make the certificates."""
        authority = self.useFixture(http.Authority())
        certificate, key = authority.issue('localhost')
        # They have to outlive the test that starts what all share.
        for option, file in (
            ('cacertfile', authority.file),
            ('certfile', certificate),
            ('keyfile', key),
        ):
            self.settings[f'ssl_options.{option}'] = shutil.copy(
                file, self.directory
            )
        self.authority = str(self.settings['ssl_options.cacertfile'])
        super().prepare()

    def tls_url(
        self, authority: str, vhost: str = '', host: str = 'localhost'
    ) -> str:
        """Give the URL of a virtual host that trusts this authority."""
        return (
            f'rabbit://guest:guest@{host}:{self.tls_port}/'
            f'{vhost}?ssl=1&ssl_ca_file={authority}'
        )


class TLSTest(metering.MeteringTestCase):
    def test_what_is_metered_arrives(self):
        # Given a broker of the agents and one of the collectors,
        broker = base.shared(Broker)
        center = base.shared(rabbitmq.RabbitMQ).add_vhost()
        vhost = broker.add_vhost().rpartition('/')[2]
        secure = broker.tls_url(broker.authority, vhost)
        # when agent, forwarder and collector have URLs that ask for TLS,
        agent = self.useFixture(self.describe_agent(secure))
        self.useFixture(
            commands.Command(
                self.configure(
                    center,
                    forwarder={
                        'sources': secure,
                        'pool': 'energy_meter.forwarder',
                    },
                ),
                'energy-meter-forwarder',
                'Reading the bus',
            )
        )
        collector = self.describe_collector(center)
        collector.configuration.set('bus', sources=f'{center}, {secure}')
        self.useFixture(collector)

        # then energy arrives by both ways, and counts once.
        self.wait_until_billed()
        self.check_energy(agent)
        self.assertEqual(2, collector.output().count('Reading the bus'))

    def test_a_broker_of_another_authority_is_refused(self):
        broker = base.shared(Broker)
        stranger = self.useFixture(http.Authority())

        self.check_refused(
            broker.tls_url(stranger.file), 'certificate verify failed'
        )

    def test_a_broker_of_another_name_is_refused(self):
        broker = base.shared(Broker)

        self.check_refused(
            broker.tls_url(broker.authority, host='127.0.0.1'),
            "is not valid for '127.0.0.1'",
        )

    def check_refused(self, url: str, why: str) -> None:
        """Check that agent and collector say why, and send nothing."""
        collector = self.describe_collector(url)
        collector = commands.Command(
            collector.configuration, 'energy-meter-collector', why
        )
        agent = self.useFixture(self.describe_agent(url))
        self.useFixture(collector)
        base.wait_for(lambda: why in agent.output(), 30, 'the agent tells')
        self.assertEqual(0, self.total())
        self.assertNotIn('guest:guest', agent.output() + collector.output())
