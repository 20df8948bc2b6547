# SPDX-License-Identifier: Apache-2.0

"""Tests of changing secrets, agents with own secrets and disabled agents."""

import json
import pathlib
import signal

import fixtures
from oslotest import base as test_base

from energy_meter import signing
from energy_meter.tests.functional.services import base
from energy_meter.tests.functional.services import commands
from energy_meter.tests.functional.services import postgresql
from energy_meter.tests.functional.services import rabbitmq

#: Beginning of the line that a service logs when it has loaded its secrets.
_LOADED = {
    'energy-meter-agent': 'Signing with the secret that has the key id ',
    'energy-meter-collector': 'Verifying with secrets that have the key ids ',
}


class SigningTest(test_base.BaseTestCase):
    """Base of tests with several agents and collectors."""

    def setUp(self) -> None:
        super().setUp()
        self.bus = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self.database = base.shared(postgresql.PostgreSQL).create_database()
        self.configurations: dict[str, commands.Configuration] = {}
        self.manage('db', 'sync')

    def configure(self, name: str) -> commands.Configuration:
        """Return the configuration of a service; always the same."""
        if name not in self.configurations:
            self.configurations[name] = commands.Configuration(
                self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
                DEFAULT={'transport_url': self.bus},
                database={'connection': self.database},
                agent={'name': name},
            )
        return self.configurations[name]

    def manage(self, *arguments: str) -> str:
        return self.configure('manage').run('energy-meter-manage', *arguments)

    def start_agent(
        self,
        name: str,
        *probes: str,
        secret: str = 'shared',
    ) -> commands.Command:
        configuration = self.configure(name)
        configuration.set('bus', secrets=secret)
        configuration.add_dummy('desk', *probes)
        return self.useFixture(commands.agent(configuration))

    def start_collector(
        self, name: str = 'collector', secrets: str = 'shared'
    ) -> commands.Command:
        configuration = self.configure(name)
        configuration.set('bus', secrets=secrets)
        return self.useFixture(commands.collector(configuration))

    def uuid(self, name: str) -> str:
        file = self.configure(name).directory / 'state' / 'agent.json'
        return str(json.loads(pathlib.Path(file).read_text())['uuid'])

    def energy(self) -> dict[str, int]:
        return commands.energy(self.database)

    def metered(self, *names: str) -> int:
        """Return the energy of all registers of these agents."""
        return sum(
            sum(self.configure(name).registers().values()) for name in names
        )

    def wait_for_growth(self, *probes: str) -> None:
        before = self.energy()
        base.wait_for(
            lambda: all(
                self.energy().get(probe, 0) > before.get(probe, 0)
                for probe in probes
            ),
            30,
            f'energy of {probes} increases',
        )

    def wait_for_log(
        self, service: commands.Command, text: str, number: int = 1
    ) -> None:
        base.wait_for(
            lambda: service.output().count(text) >= number,
            30,
            f'{service.name} logs {text!r}',
        )

    def reload(self, service: commands.Command) -> None:
        """Send SIGHUP and wait until the secrets are loaded."""
        text = _LOADED[service.name]
        before = service.output().count(text)
        service.signal(signal.SIGHUP)
        self.wait_for_log(service, text, before + 1)

    def restart(self, service: commands.Command) -> None:
        """Restart a service and wait until the secrets are loaded."""
        before = service.output().count(_LOADED[service.name])
        # An agent is stopped, not killed: its checkpoint, from which this
        # test reads the metered energy, may be older than its last message.
        if service.name == 'energy-meter-agent':
            service.stop()
        else:
            service.kill()
        service.start()
        self.wait_for_log(service, _LOADED[service.name], before + 1)


class RotationTest(SigningTest):
    """Change the secret in three steps while two agents meter.

    At each step one agent and one collector are reloaded by SIGHUP and the
    others restarted. Each step begins with the services whose early change is
    most likely to lose messages.
    """

    def setUp(self) -> None:
        super().setUp()
        self.agents = [
            self.start_agent('one', 'one-1', secret='old'),
            self.start_agent('two', 'two-1', secret='old'),
        ]
        self.collectors = [
            self.start_collector('first', 'old'),
            self.start_collector('second', 'old'),
        ]
        self.wait_for_growth('one-1', 'two-1')

    def rotate(self, secrets: str, *order: list[commands.Command]) -> None:
        for configuration in self.configurations.values():
            configuration.set('bus', secrets=secrets)
        for reloaded, restarted in order:
            self.reload(reloaded)
            self.wait_for_growth('one-1', 'two-1')
            self.restart(restarted)
            self.wait_for_growth('one-1', 'two-1')

    def test_changing_a_secret_loses_no_energy_and_no_message(self):
        self.rotate('old, new', self.agents, self.collectors)
        self.rotate('new, old', self.agents, self.collectors)
        self.rotate('new', self.collectors, self.agents)

        for agent in self.agents:
            agent.stop()
            self.assertIn(
                signing.key_id('new'), agent.output().rpartition('key id ')[2]
            )
        expected = self.metered('one', 'two')
        base.wait_for(
            lambda: sum(self.energy().values()) >= expected,
            30,
            f'{expected} mJ are billed',
        )
        self.assertEqual(expected, sum(self.energy().values()))
        for collector in self.collectors:
            self.assertNotIn('Rejected', collector.output())
            self.assertTrue(
                collector.output()
                .rpartition('key ids ')[2]
                .startswith(signing.key_id('new') + ';')
            )


class OwnSecretTest(SigningTest):
    """Tests of an agent with its own secret, beside others on the same bus."""

    def reserve(self, name: str, secrets: str, probes: str) -> None:
        self.configure('collector').set(
            f'agent:{name}', secrets=secrets, probes=probes
        )

    def test_agent_with_own_secret_cannot_be_impersonated(self):
        # Given a tenant's agent with reserved probes,
        self.reserve('tenant', 'own', 'rack7-*')
        collector = self.start_collector()

        # when it reports another probe, and others report its reserved probes,
        # one of them under its name,
        self.start_agent('tenant', 'rack7-1', 'rack8-1', secret='own')
        self.start_agent('other', 'desk-1', 'rack7-2')
        impostor = self.configure('impostor')
        impostor.set('agent', name='tenant')
        self.start_agent('impostor', 'rack7-3')

        # then only the authorized probes are accepted from each agent.
        self.wait_for_growth('rack7-1', 'desk-1')
        for reason in (
            'unauthorized_probe',
            'reserved_probe',
            'shared_secret',
        ):
            self.wait_for_log(collector, f'Rejected a message: {reason}')
        self.wait_for_growth('rack7-1', 'desk-1')
        self.assertEqual({'rack7-1', 'desk-1'}, set(self.energy()))

    def test_energy_is_complete_after_its_secret_is_changed(self):
        self.reserve('tenant', 'own', 'rack7-*')
        collector = self.start_collector()
        agent = self.start_agent('tenant', 'rack7-1', secret='own')
        self.wait_for_growth('rack7-1')

        # When the secret is changed at the collector,
        self.reserve('tenant', 'changed', 'rack7-*')
        self.reload(collector)
        self.wait_for_log(collector, 'Rejected a message: unknown_key')
        before = self.energy()

        # then messages are rejected until it is changed at the agent, too.
        # The register has continued, so no energy is missing.
        self.assertEqual(before, self.energy())
        self.configure('tenant').set('bus', secrets='changed')
        self.reload(agent)
        self.wait_for_growth('rack7-1')
        agent.stop()
        expected = self.metered('tenant')
        base.wait_for(
            lambda: self.energy()['rack7-1'] >= expected,
            30,
            f'{expected} mJ are billed',
        )
        self.assertEqual({'rack7-1': expected}, self.energy())


class DisabledAgentTest(SigningTest):
    def test_disabled_agent_is_not_billed_until_it_is_enabled(self):
        collectors = [
            self.start_collector('first'),
            self.start_collector('second'),
        ]
        rogue = self.start_agent('rogue', 'rogue-1')
        # With equal intervals each collector might receive all messages of
        # one agent.
        self.configure('honest').set('agent', publish_interval=0.31)
        self.start_agent('honest', 'honest-1')
        self.wait_for_growth('rogue-1', 'honest-1')

        # When it is disabled while it meters,
        output = self.manage('agent', 'disable', self.uuid('rogue'), '--yes')

        # then its energy is removed, and every collector rejects the agent,
        self.assertIn('kWh from probe rogue-1', output)
        for collector in collectors:
            self.wait_for_log(collector, 'the agent is disabled')
        self.wait_for_growth('honest-1')
        self.assertEqual(0, self.energy()['rogue-1'])
        # even after a restart,
        rogue.kill()
        rogue.start()
        self.wait_for_growth('honest-1')
        self.assertEqual(0, self.energy()['rogue-1'])
        # until it is enabled and opens a new register.
        self.manage('agent', 'enable', self.uuid('rogue'))
        rogue.kill()
        rogue.start()
        self.wait_for_growth('rogue-1', 'honest-1')
