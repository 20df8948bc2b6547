# SPDX-License-Identifier: Apache-2.0

"""Tests of TLS, with certificates of a private authority."""

import shutil

from energy_meter.tests.functional.bus import metering
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import http
from energy_meter.tests.functional.services import rabbitmq


class Broker(rabbitmq.RabbitMQ):
    """A node with a certificate for ``localhost``.

    :ivar authority: file with the certificate of the authority.
    """

    def __init__(self) -> None:
        self.tls_port = base.free_port()
        super().__init__({'listeners.ssl.1': f'127.0.0.1:{self.tls_port}'})

    def prepare(self) -> None:
        """Create the certificates."""
        authority = self.useFixture(http.Authority())
        certificate, key = authority.issue('localhost')
        # Copied, because the broker outlives the test that starts it.
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
        """Return the URL of a virtual host, with the authority to trust."""
        return (
            f'rabbit://guest:guest@{host}:{self.tls_port}/'
            f'{vhost}?ssl=1&ssl_ca_file={authority}'
        )


class TLSTest(metering.MeteringTestCase):
    def test_energy_is_billed_over_tls(self):
        # Given a broker with TLS for the agent and one for the collector,
        broker = base.shared(Broker)
        center = base.shared(rabbitmq.RabbitMQ).add_vhost()
        vhost = broker.add_vhost().rpartition('/')[2]
        secure = broker.tls_url(broker.authority, vhost)
        # when agent, forwarder and collector use URLs with TLS,
        agent = self.useFixture(self.make_agent(secure))
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
        collector = self.make_collector(center)
        collector.configuration.set('bus', sources=f'{center}, {secure}')
        self.useFixture(collector)

        # then energy arrives over both buses and is billed exactly once.
        self.wait_until_billed()
        self.check_energy(agent)
        self.assertEqual(2, collector.output().count('Reading the bus'))

    def test_certificate_of_unknown_authority_is_rejected(self):
        broker = base.shared(Broker)
        unknown = self.useFixture(http.Authority())

        self.check_rejected(
            broker.tls_url(unknown.file), 'certificate verify failed'
        )

    def test_certificate_for_another_host_is_rejected(self):
        broker = base.shared(Broker)

        self.check_rejected(
            broker.tls_url(broker.authority, host='127.0.0.1'),
            "is not valid for '127.0.0.1'",
        )

    def check_rejected(self, url: str, reason: str) -> None:
        """Check that agent and collector log the reason and bill nothing."""
        collector = self.make_collector(url)
        collector = commands.Command(
            collector.configuration, 'energy-meter-collector', reason
        )
        agent = self.useFixture(self.make_agent(url))
        self.useFixture(collector)
        base.wait_for(
            lambda: reason in agent.output(), 30, 'the agent logs the reason'
        )
        self.assertEqual(0, self.billed())
        self.assertNotIn('guest:guest', agent.output() + collector.output())
