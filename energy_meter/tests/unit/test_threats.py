# SPDX-License-Identifier: Apache-2.0

"""What somebody with ill intent can do, and can not.

One collector with its database; what reaches it is written by hand. The page
"Security" of the documentation names these tests.
"""

import json

import fixtures
from oslotest import base
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import trust
from energy_meter.collector import administration
from energy_meter.collector import agents
from energy_meter.collector import housekeeping
from energy_meter.collector import service
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.forwarder import selection

HONEST = '11111111-1111-1111-1111-111111111111'
ROGUE = '22222222-2222-2222-2222-222222222222'
OTHER = '33333333-3333-3333-3333-333333333333'
REGISTER = '0123456789abcdef'


class ThreatTest(base.BaseTestCase):
    """A site whose honest agent has metered 100 J of the probe p."""

    def setUp(self) -> None:
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.file = self.useFixture(fixtures.TempDir()).join('conf')
        self.own: list[str] = []
        self.configure()
        self.collector = service.Collector(self.load(), self.load)
        self.addCleanup(self.collector.stop)
        self.engine = self.collector._engine
        schema.metadata.create_all(self.engine)
        with self.engine.connect() as connection:
            self.now = db_engine.now(connection)
        self.first = self.seal()
        self.deliver(self.first)

    def configure(self, secrets: str = 'shared', **own: str) -> None:
        """Give agents, by name, secrets of their own and bind probes."""
        directory = self.file.rpartition('/')[0]
        with open(self.file, 'w', encoding='utf-8') as stream:
            stream.write(
                '[DEFAULT]\ntransport_url = fake://\n'
                f'[database]\nconnection = sqlite:///{directory}/db\n'
                f'[bus]\nsecrets = {secrets}\n'
                + ''.join(
                    f'[agent:{name}]\nsecrets = {secret}\nprobes = {name}-*\n'
                    for name, secret in own.items()
                )
            )

    def load(self):
        return energy_meter_conf.load(['--config-file', self.file], 'test')

    def change_secrets(self, secrets: str = 'shared', **own: str) -> None:
        self.configure(secrets, **own)
        self.collector.reset()

    def word(
        self,
        probe: str = 'p',
        agent: str = HONEST,
        name: str = 'honest',
        register: str = REGISTER,
        incarnation: int = 1,
        elapsed: float = 1000.0,
        millijoules: int = 100_000,
        ahead: float = 0.0,
    ) -> measurement.Measurement:
        return measurement.Measurement(
            measurement.Probe(probe, 'node', probe, 'w', 'dummy', name),
            measurement.RegisterKey(agent, register, incarnation),
            self.now - 5000 + elapsed + ahead,
            elapsed,
            millijoules,
            elapsed,
            1.0,
        )

    def seal(self, secret: str = 'shared', **what) -> dict[str, object]:
        return envelope.seal(signing.Keyring([secret]), [self.word(**what)])

    def deliver(self, *envelopes: object) -> None:
        self.collector._intake._handle(list(envelopes))

    def energy(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {
                state.id: round(state.kwh * probes.MILLIJOULES_PER_KWH)
                for state in probes.list_states(connection, 1e12)
            }

    def counted(self, name: str, **labels: str) -> float:
        return self.collector.counters.value(name, **labels)


class ListenerTest(ThreatTest):
    def test_whoever_reads_the_bus_reads_what_is_metered(self):
        body = json.loads(str(self.first['body']))

        self.assertEqual('p', body['registers'][0]['probe'])
        self.assertNotIn('shared', json.dumps(self.first))


class ReplayTest(ThreatTest):
    def assert_replay_changes_nothing(self, expected: dict[str, int]) -> None:
        for _ in range(3):
            self.deliver(self.first)
            self.assertEqual(expected, self.energy())

    def test_what_was_merged_changes_nothing(self):
        self.deliver(self.seal(elapsed=2000.0, millijoules=200_000))
        self.assert_replay_changes_nothing({'p': 200_000})

    def test_what_was_voided_stays_so(self):
        with self.engine.begin() as connection:
            administration.void(connection, 'p', HONEST, REGISTER, 'operator')
        self.assert_replay_changes_nothing({'p': 0})
        self.assertEqual(3, self.counted('outcomes', outcome='voided'))

    def test_what_was_folded_is_not_credited_again(self):
        # Given the register of an earlier incarnation, folded long ago,
        self.deliver(self.seal(register='f' * 16, incarnation=2))
        with self.engine.begin() as connection:
            connection.execute(schema.register.update().values(heard_at=0))
            self.assertEqual(1, housekeeping.fold(connection, 30))
        # then it is never heard again.
        self.assert_replay_changes_nothing({'p': 200_000})
        self.assertEqual(3, self.counted('outcomes', outcome='folded'))

    def test_a_forgotten_probe_does_not_come_back(self):
        with self.engine.begin() as connection:
            connection.execute(schema.probe.update().values(heard_at=0))
            administration.forget(connection, 'p', 'operator')
        self.assert_replay_changes_nothing({})

    def test_what_an_excluded_agent_said_is_refused(self):
        agents.exclude(self.engine, HONEST, 'operator')
        self.assert_replay_changes_nothing({'p': 0})
        self.assertEqual(3, self.counted('outcomes', outcome='excluded'))

    def test_under_a_secret_that_was_removed_nothing_is_read(self):
        self.change_secrets('new')
        self.assert_replay_changes_nothing({'p': 100_000})
        self.assertEqual(3, self.counted('rejected', cause='unknown-key'))

    def test_sites_of_one_secret_believe_what_is_meant_for_each_other(self):
        elsewhere = self.seal(probe='of-another-site')
        self.deliver(elsewhere)
        self.assertIn('of-another-site', self.energy())

    def test_sites_of_different_secrets_do_not(self):
        self.deliver(self.seal('of another site', probe='of-another-site'))
        self.assertNotIn('of-another-site', self.energy())


class RogueAgentTest(ThreatTest):
    """Somebody who knows the shared secret."""

    def test_it_can_speak_for_any_agent_without_a_secret_of_its_own(self):
        self.deliver(self.seal(elapsed=2000.0, millijoules=5_000_000))
        self.assertEqual({'p': 5_000_000}, self.energy())

    def test_it_can_make_up_probes(self):
        self.deliver(
            *(
                self.seal(probe=f'x{number}', agent=ROGUE)
                for number in range(100)
            )
        )
        self.assertEqual(101, len(self.energy()))

    def test_it_can_claim_no_more_than_the_power_could_have_made(self):
        for elapsed, millijoules in (
            (1000.0, 2**53 - 1),
            (1e-3, 10**10),
            (1e300, 2**53 - 1),
            (1e308, 0),
        ):
            self.deliver(
                self.seal(
                    probe='x',
                    agent=ROGUE,
                    elapsed=elapsed,
                    millijoules=millijoules,
                )
            )
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(4, self.counted('implausible'))

    def test_it_can_not_lower_what_is_billed(self):
        self.deliver(
            self.seal(elapsed=2000.0, millijoules=0),
            self.seal(elapsed=500.0, millijoules=0),
            self.seal(
                elapsed=9000.0, millijoules=1, incarnation=2, register='f' * 16
            ),
        )
        self.assertLessEqual(100_000, self.energy()['p'])

    def test_beside_an_owner_that_speaks_it_bills_nothing(self):
        for elapsed in (1100.0, 1200.0, 1300.0):
            self.deliver(
                self.seal(elapsed=elapsed),
                self.seal(
                    agent=ROGUE,
                    elapsed=elapsed,
                    millijoules=int(elapsed) * 10**6,
                ),
            )
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertIn('is metered by two agents', self.log.output)

    def test_a_time_in_the_future_is_set_back_to_now(self):
        self.deliver(self.seal(probe='x', agent=ROGUE, ahead=1e9))
        with self.engine.connect() as connection:
            (time,) = connection.scalars(
                sa.select(schema.probe.c.time).where(schema.probe.c.id == 'x')
            )
            self.assertLessEqual(time, db_engine.now(connection))
        # The next honest word is not older for that.
        self.deliver(
            self.seal(
                probe='x', agent=ROGUE, elapsed=1001.0, millijoules=200_000
            )
        )
        self.assertEqual(200_000, self.energy()['x'])

    def test_excluded_it_comes_back_under_another_uuid(self):
        self.deliver(self.seal(probe='x', agent=ROGUE))
        agents.exclude(self.engine, ROGUE, 'operator')
        self.deliver(self.seal(probe='x', agent=OTHER, millijoules=77))
        self.assertEqual(77, self.energy()['x'])

    def test_excluded_and_without_the_secret_it_does_not(self):
        self.deliver(self.seal(probe='x', agent=ROGUE))
        agents.exclude(self.engine, ROGUE, 'operator')
        self.change_secrets('changed')
        self.deliver(self.seal(probe='x', agent=OTHER))
        self.assertEqual(0, self.energy()['x'])

    def test_it_can_have_an_honest_agent_of_its_choice_excluded(self):
        # It spoke under that uuid, and an operator excludes what he sees.
        self.deliver(self.seal(probe='x'))
        agents.exclude(self.engine, HONEST, 'operator')
        self.assertEqual({'p': 0, 'x': 0}, self.energy())


class RogueWithOwnSecretTest(ThreatTest):
    """Somebody who knows the secret of one agent, ``tenant``."""

    def setUp(self) -> None:
        super().setUp()
        self.change_secrets(tenant='own', other='of the other')

    def say(self, name: str = 'tenant', **what) -> None:
        self.deliver(self.seal('own', name=name, **what))

    def test_it_can_say_anything_plausible_of_its_own_probes(self):
        self.say(probe='tenant-1', agent=ROGUE)
        self.say(probe='tenant-2', agent=OTHER)
        self.assertEqual({'p', 'tenant-1', 'tenant-2'}, set(self.energy()))

    def test_it_can_say_nothing_of_the_probes_of_others(self):
        self.say(probe='p', elapsed=2000.0, millijoules=5_000_000)
        self.say(probe='other-1')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(2, self.counted('rejected', cause='foreign-probe'))

    def test_it_can_not_take_the_name_of_another(self):
        for name in ('other', 'honest'):
            self.say(name, probe='other-1')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(2, self.counted('rejected', cause='wrong-agent'))

    def test_under_the_uuid_of_another_it_touches_only_its_own_probes(self):
        self.say(probe='tenant-1', agent=HONEST, incarnation=2**53 - 1)
        self.deliver(self.seal(elapsed=2000.0, millijoules=200_000))
        self.assertEqual({'p': 200_000, 'tenant-1': 100_000}, self.energy())

    def test_without_its_secret_it_is_silent_and_nobody_else_notices(self):
        self.say(probe='tenant-1', agent=ROGUE)
        agents.exclude(self.engine, ROGUE, 'operator')
        self.change_secrets(tenant='changed', other='of the other')
        self.say(probe='tenant-1', agent=OTHER)
        self.deliver(
            self.seal(elapsed=2000.0, millijoules=200_000),
            self.seal(
                'changed',
                probe='tenant-1',
                name='tenant',
                register='f' * 16,
                millijoules=7,
            ),
        )
        self.assertEqual({'p': 200_000, 'tenant-1': 7}, self.energy())


class ForwarderTest(ThreatTest):
    """A forwarder that turned bad."""

    def resign(self, secret: str, **what) -> dict[str, object]:
        """Let it sign anew what it was given, and what it made of it."""
        chosen = selection.Selection(
            trust.Trust(['of the source']),
            signing.Keyring([secret]),
            ['*'],
            ['*'],
        )
        found = chosen.select(self.seal('of the source', **what), self.fail)
        assert found is not None
        return found

    def test_one_that_signs_anew_can_say_what_any_agent_can(self):
        self.deliver(
            self.resign('shared', elapsed=2000.0, millijoules=5_000_000)
        )
        self.assertEqual({'p': 5_000_000}, self.energy())

    def test_it_can_not_speak_for_agents_with_secrets_of_their_own(self):
        self.change_secrets(tenant='own')
        self.deliver(
            self.resign('shared', name='tenant', probe='tenant-1'),
            self.resign('shared', name='honest', probe='tenant-1'),
        )
        self.assertEqual({'p': 100_000}, self.energy())

    def test_in_their_sections_its_secret_speaks_for_them_alone(self):
        self.change_secrets(tenant='own, its', other='its')
        self.deliver(
            self.resign('its', name='tenant', probe='tenant-1'),
            self.resign('its', name='other', probe='other-1'),
            self.resign('its', elapsed=2000.0, millijoules=1),
        )
        self.assertEqual({'p', 'tenant-1', 'other-1'}, set(self.energy()))
        self.assertEqual(1, self.counted('rejected', cause='wrong-agent'))

    def test_one_without_secrets_can_change_nothing(self):
        for name, value in (
            ('agent', ROGUE),
            ('agent_name', 'other'),
            ('body', str(self.first['body']).replace('100000', '900000')),
        ):
            self.deliver(self.first | {name: value})
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(3, self.counted('rejected', cause='bad-signature'))


class FloodTest(ThreatTest):
    def test_the_log_takes_one_line_however_many_forgeries_come(self):
        before = len(self.log.output.splitlines())
        self.deliver(*[self.seal('forged')] * 1000)
        self.assertEqual(1, len(self.log.output.splitlines()) - before)
        self.assertEqual(1000, self.counted('rejected', cause='unknown-key'))
