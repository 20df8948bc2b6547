# SPDX-License-Identifier: Apache-2.0

"""Secrets that change, that are an agent's own, and agents cast out."""

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

#: What a service that has read its secrets says of them.
_SAID = {
    'energy-meter-agent': 'Signing with the secret that has the key id ',
    'energy-meter-collector': 'The secrets of the bus have the key ids ',
}


class SigningTest(test_base.BaseTestCase):
    """Agents and collectors, each with a configuration of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.bus = base.shared(rabbitmq.RabbitMQ).add_vhost()
        self.database = base.shared(postgresql.PostgreSQL).create_database()
        self.configurations: dict[str, commands.Configuration] = {}
        self.manage('db', 'sync')

    def configure(self, name: str) -> commands.Configuration:
        """Give the configuration of a service; the same for one name."""
        if name not in self.configurations:
            self.configurations[name] = commands.Configuration(
                self.useFixture(fixtures.TempDir(base.TEMPORARY)).path,
                DEFAULT={'transport_url': self.bus},
                database={'connection': self.database},
                agent={'name': name},
            )
        return self.configurations[name]

    def manage(self, *words: str) -> str:
        return self.configure('manage').run('energy-meter-manage', *words)

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
        """Give the energy of all registers that these agents ever had."""
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
            f'{probes} grow',
        )

    def wait_for_words(
        self, service: commands.Command, words: str, number: int = 1
    ) -> None:
        base.wait_for(
            lambda: service.output().count(words) >= number,
            30,
            f'{service.name} says {words!r}',
        )

    def reload(self, service: commands.Command) -> None:
        """Send SIGHUP and wait until the secrets have been read."""
        words = _SAID[service.name]
        before = service.output().count(words)
        service.signal(signal.SIGHUP)
        self.wait_for_words(service, words, before + 1)

    def restart(self, service: commands.Command) -> None:
        """End it, start it again, and wait until the secrets are read."""
        before = service.output().count(_SAID[service.name])
        # What a killed agent has sent its journal may not know, and it is
        # the journals that tell the truth here.
        if service.name == 'energy-meter-agent':
            service.stop()
        else:
            service.kill()
        service.start()
        self.wait_for_words(service, _SAID[service.name], before + 1)


class RotationTest(SigningTest):
    """Append, move to front, remove, while two agents meter.

    At each step one agent and one collector are told by SIGHUP, the others
    ended and started again; and always those first whom it may hurt.
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
        for told, ended in order:
            self.reload(told)
            # What is under way meanwhile is billed, too.
            self.wait_for_growth('one-1', 'two-1')
            self.restart(ended)
            self.wait_for_growth('one-1', 'two-1')

    def test_energy_is_exact_and_no_message_is_rejected(self):
        self.rotate('old, new', self.agents, self.collectors)
        self.rotate('new, old', self.agents, self.collectors)
        self.rotate('new', self.collectors, self.agents)

        for agent in self.agents:
            agent.stop()
            # The old secret is gone.
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
    """An agent with a secret of its own, and others on the same bus."""

    def bind(self, name: str, secrets: str, probes: str) -> None:
        self.configure('collector').set(
            f'agent:{name}', secrets=secrets, probes=probes
        )

    def test_nobody_speaks_for_an_agent_with_a_secret_of_its_own(self):
        # Given a tenant's agent, bound to its own probes,
        self.bind('tenant', 'own', 'rack7-*')
        collector = self.start_collector()

        # when it speaks of another's probe, and others speak of its probe,
        # one of them under its name,
        self.start_agent('tenant', 'rack7-1', 'rack8-1', secret='own')
        self.start_agent('other', 'desk-1', 'rack7-2')
        impostor = self.configure('impostor')
        impostor.set('agent', name='tenant')
        self.start_agent('impostor', 'rack7-3')

        # then everybody is believed of what is theirs, and of no more.
        self.wait_for_growth('rack7-1', 'desk-1')
        for cause in ('foreign-probe', 'bound-probe', 'shared-secret'):
            self.wait_for_words(collector, f'Rejected a message: {cause}')
        self.wait_for_growth('rack7-1', 'desk-1')
        self.assertEqual({'rack7-1', 'desk-1'}, set(self.energy()))

    def test_its_secret_is_taken_away_and_given_anew(self):
        self.bind('tenant', 'own', 'rack7-*')
        collector = self.start_collector()
        agent = self.start_agent('tenant', 'rack7-1', secret='own')
        self.wait_for_growth('rack7-1')

        # When the collector knows another secret only,
        self.bind('tenant', 'changed', 'rack7-*')
        self.reload(collector)
        self.wait_for_words(collector, 'Rejected a message: unknown-key')
        before = self.energy()

        # then what the agent metered meanwhile is billed as soon as it has
        # it too: its register went on.
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


class ExclusionTest(SigningTest):
    def test_excluded_agent_bills_nothing_until_it_is_readmitted(self):
        collectors = [
            self.start_collector('first'),
            self.start_collector('second'),
        ]
        rogue = self.start_agent('rogue', 'rogue-1')
        # Out of step, or each collector might get all of one agent.
        self.configure('honest').set('agent', publish_interval=0.31)
        self.start_agent('honest', 'honest-1')
        self.wait_for_growth('rogue-1', 'honest-1')

        # When it is excluded while it speaks,
        printed = self.manage('agent', 'exclude', self.uuid('rogue'))

        # then its energy is gone, and no collector takes more of it,
        self.assertIn('Probe rogue-1 fell by ', printed)
        for collector in collectors:
            self.wait_for_words(collector, 'was excluded')
        self.wait_for_growth('honest-1')
        self.assertEqual(0, self.energy()['rogue-1'])
        # even after a restart,
        rogue.kill()
        rogue.start()
        self.wait_for_growth('honest-1')
        self.assertEqual(0, self.energy()['rogue-1'])
        # until it is readmitted, and begins a new register.
        self.manage('agent', 'readmit', self.uuid('rogue'))
        rogue.kill()
        rogue.start()
        self.wait_for_growth('rogue-1', 'honest-1')
