# SPDX-License-Identifier: Apache-2.0

"""Tests of the threat model in the page "Security" of the documentation.

They deliver forged, replayed and unauthorized messages to a collector with a
database. The page names these tests.
"""

import json

import fixtures
from oslotest import base
import sqlalchemy as sa

from energy_meter import conf as energy_meter_conf
from energy_meter import measurement
from energy_meter import signing
from energy_meter import totals
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.collector import administration
from energy_meter.collector import agents
from energy_meter.collector import service
from energy_meter.collector import settling
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.forwarder import filter as forwarder_filter
from energy_meter.tests import series
from energy_meter.tests.unit.collector import limits

HONEST = '11111111-1111-1111-1111-111111111111'
ROGUE = '22222222-2222-2222-2222-222222222222'
OTHER = '33333333-3333-3333-3333-333333333333'
REGISTER = '0123456789abcdef'


class ThreatTest(base.BaseTestCase):
    """A site whose honest agent has reported 100 J for the probe p."""

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
        self.first = self.sign()
        self.deliver(self.first)

    def configure(self, secrets: str = 'shared', **own: str) -> None:
        """Write the configuration.

        :param own: secrets of agents by name; each reserves the probes whose
            ids begin with the name.
        """
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

    def measurement(
        self,
        probe: str = 'p',
        agent: str = HONEST,
        name: str = 'honest',
        register: str = REGISTER,
        elapsed: int = 1_000_000,
        millijoules: int = 100_000,
        ahead: int = 0,
        host: str | None = None,
        scope: str = 'node',
    ) -> measurement.Measurement:
        return measurement.Measurement(
            measurement.Series(
                measurement.Probe(
                    probe, scope, host or probe, 'w', 'dummy', name
                ),
                measurement.RegisterKey(agent, register),
                None,
                True,
            ),
            self.now - 5_000_000 + elapsed + ahead,
            elapsed,
            millijoules,
            elapsed,
            1.0,
        )

    def sign(self, secret: str = 'shared', **values) -> envelope.Envelope:
        return envelope.sign(
            signing.Keyring([secret]), [self.measurement(**values)]
        )

    def deliver(self, *envelopes: object) -> None:
        self.collector._consumer._handle(list(envelopes))

    def energy(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {
                state.id: state.millijoules
                for state in probes.list_states(connection, 1e12)
            }

    def settle(self, *names: str) -> None:
        """Bill probes that are contested."""
        with self.engine.begin() as connection:
            settling.settle(connection, names, db_engine.now(connection))

    def counted(self, name: str, **labels: str) -> float:
        return self.collector.counters.value(name, **labels)


class EavesdropperTest(ThreatTest):
    def test_measurements_are_readable_on_the_bus(self):
        body = json.loads(str(self.first['body']))

        self.assertEqual('p', body['registers'][0]['probe'])
        self.assertNotIn('shared', json.dumps(self.first))


class ReplayTest(ThreatTest):
    def assert_replay_changes_nothing(self, expected: dict[str, int]) -> None:
        for _ in range(3):
            self.deliver(self.first)
            self.assertEqual(expected, self.energy())

    def test_replayed_measurement_changes_nothing(self):
        self.deliver(self.sign(elapsed=2_000_000, millijoules=200_000))
        self.assert_replay_changes_nothing({'p': 200_000})

    def test_voided_register_stays_void(self):
        administration.void(self.engine, 'p', HONEST, REGISTER, 'operator')
        self.assert_replay_changes_nothing({'p': 0})
        self.assertEqual(
            3, self.counted('measurements_merged', outcome='void')
        )

    def test_register_older_than_the_horizon_is_not_billed(self):
        # Given a message that was recorded 40 days ago, of a register that
        # this database does not know,
        old = self.sign(register='f' * 16, ahead=-40 * 86_400_000)

        # when it is replayed, then it is counted but not billed.
        for _ in range(3):
            self.deliver(old)
            self.settle('p')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            1, self.counted('measurements_merged', outcome='expired')
        )

    def test_deleted_probe_is_not_created_again(self):
        with self.engine.begin() as connection:
            connection.execute(schema.register.update().values(last_seen_at=0))
        administration.delete_probe(self.engine, 'p', 'operator')
        self.assert_replay_changes_nothing({})

    def test_measurements_of_disabled_agent_are_rejected(self):
        agents.disable(self.engine, HONEST, 'operator')
        self.assert_replay_changes_nothing({'p': 0})
        self.assertEqual(
            3, self.counted('measurements_merged', outcome='agent_disabled')
        )

    def test_messages_under_removed_secret_are_rejected(self):
        self.change_secrets('new')
        self.assert_replay_changes_nothing({'p': 100_000})
        self.assertEqual(
            3, self.counted('envelopes_rejected', reason='unknown_key')
        )

    def test_sites_with_the_same_secret_accept_messages_of_each_other(self):
        self.deliver(self.sign(probe='of-another-site'))
        self.assertIn('of-another-site', self.energy())

    def test_sites_with_different_secrets_reject_messages_of_each_other(self):
        self.deliver(self.sign('of another site', probe='of-another-site'))
        self.assertNotIn('of-another-site', self.energy())


class RogueAgentTest(ThreatTest):
    """An attacker who knows the shared secret."""

    def test_it_can_impersonate_agents_without_own_secrets(self):
        self.deliver(self.sign(elapsed=2_000_000, millijoules=5_000_000))
        self.assertEqual({'p': 5_000_000}, self.energy())

    def test_it_can_invent_probes(self):
        self.deliver(
            *(
                self.sign(probe=f'x{number}', agent=ROGUE)
                for number in range(100)
            )
        )
        self.assertEqual(101, len(self.energy()))

    def test_invented_agents_do_not_fill_the_log(self):
        # Given that it names 300 agents, with as many UUIDs, and impossible
        # values,
        agents = [
            {'name': f'agent-{number}', 'agent': f'{number:08}{ROGUE[8:]}'}
            for number in range(300)
        ]
        before = len(self.log.output.splitlines())

        # when it sends them, and then a register that has expired for each,
        self.deliver(*(self.sign(elapsed=2**50, **agent) for agent in agents))
        self.deliver(
            *(
                self.sign(probe=agent['name'], ahead=-(10**10), **agent)
                for agent in agents
            )
        )

        # then few of them are logged.
        self.assertLess(len(self.log.output.splitlines()) - before, 50)

    def test_it_cannot_report_more_energy_than_max_watts_allows(self):
        for elapsed, millijoules in (
            (1_000_000, 2**53 - 1),
            (1, 10**10),
            (2**50, 2**53 - 1),
            (2**50, 0),
        ):
            self.deliver(
                self.sign(
                    probe='x',
                    agent=ROGUE,
                    elapsed=elapsed,
                    millijoules=millijoules,
                )
            )
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            4, self.counted('measurements_rejected', reason='out_of_range')
        )

    def test_it_cannot_reduce_billed_energy(self):
        self.deliver(
            self.sign(elapsed=2_000_000, millijoules=0),
            self.sign(elapsed=500_000, millijoules=0),
            self.sign(elapsed=9_000_000, millijoules=1, register='f' * 16),
        )
        self.assertLessEqual(100_000, self.energy()['p'])
        self.settle('p')
        self.assertLessEqual(100_000, self.energy()['p'])

    def test_it_cannot_report_more_than_the_probe_can_use(self):
        with open(self.file, 'a', encoding='utf-8') as stream:
            stream.write('[probe:p]\nmax_watts = 400\n')
        self.collector.reset()
        tolerance = 60 * 100_000_000

        # Ten years at the maximum of the site, of the probe, and of both.
        for probe, watts, expected in (
            ('p', 100_000, False),
            ('p', 400, True),
            ('other', 100_000, True),
        ):
            elapsed = 3650 * 86_400_000
            self.deliver(
                self.sign(
                    probe=probe,
                    elapsed=elapsed,
                    millijoules=min(elapsed * watts + tolerance, 2**53 - 1),
                    ahead=-elapsed,
                )
            )
            known = self.energy().get(probe, 0)
            self.assertEqual(expected, known > 400_000_000, probe)
        self.assertEqual(
            1, self.counted('measurements_rejected', reason='out_of_range')
        )

    def report_beside_the_honest_agent(self, name: str) -> None:
        """Report 1000 W for a probe that draws 0.1 W, at the same time."""
        for elapsed in (1_100_000, 1_200_000, 1_300_000):
            self.deliver(
                self.sign(elapsed=elapsed, millijoules=elapsed // 10),
                self.sign(
                    agent=ROGUE,
                    name=name,
                    elapsed=elapsed,
                    millijoules=elapsed * 1000,
                ),
            )
        self.settle('p')

    def test_its_energy_is_not_billed_in_addition(self):
        self.report_beside_the_honest_agent('rogue')
        self.assertEqual({'p': 130_000}, self.energy())

    def test_under_a_name_that_sorts_first_it_is_billed_instead(self):
        self.report_beside_the_honest_agent('a rogue')
        self.assertEqual({'p': 1_300_000_000}, self.energy())

    def forge_successor(self, end: int, elapsed: int, excess: int = 0) -> int:
        """Report as much as max_watts allows in a register that follows.

        :param end: of the honest register, as it claims.
        :returns: the energy in mJ.
        """
        energy = elapsed * 100_000 + 60_000 * 100_000
        forged = series.change(
            self.measurement(
                register='f' * 16,
                elapsed=elapsed,
                millijoules=energy + excess,
            ),
            after=measurement.Predecessor(REGISTER, end),
        )
        self.deliver(envelope.sign(signing.Keyring(['shared']), [forged]))
        return energy

    def test_a_forged_successor_of_an_end_to_come_adds_nothing(self):
        # Given a register of the honest agent that continues,
        # when messages claim to follow it, however long it continues,
        for elapsed in (1_100_000, 1_200_000):
            self.forge_successor(2**53 - 1, elapsed)
            self.deliver(self.sign(elapsed=elapsed, millijoules=100_000))
        self.settle('p')

        # then they are billed like those of another agent: not in addition.
        self.assertEqual({'p': 100_000}, self.energy())

    def test_a_forged_successor_of_an_end_adds_energy_up_to_the_limit(self):
        # Given a register of the honest agent that has ended,
        # when messages claim to follow it,
        for elapsed in (1_100_000, 1_200_000):
            energy = self.forge_successor(1_000_000, elapsed)
            self.forge_successor(1_000_000, elapsed, excess=1)
        self.settle('p')

        # then their energy is added, but not more than max_watts allows.
        self.assertEqual({'p': 100_000 + energy}, self.energy())
        self.assertEqual(
            2, self.counted('measurements_rejected', reason='out_of_range')
        )

    def test_timestamp_in_the_future_is_clamped(self):
        self.deliver(self.sign(probe='x', agent=ROGUE, ahead=10**12))
        with self.engine.connect() as connection:
            (timestamp,) = connection.scalars(
                sa.select(schema.register.c.timestamp).where(
                    schema.register.c.probe == 'x'
                )
            )
            self.assertLessEqual(timestamp, db_engine.now(connection))
        # The next measurement with the correct time is still newer.
        self.deliver(
            self.sign(
                probe='x', agent=ROGUE, elapsed=1_001_000, millijoules=200_000
            )
        )
        self.assertEqual(200_000, self.energy()['x'])

    def test_after_being_disabled_it_returns_under_another_uuid(self):
        self.deliver(self.sign(probe='x', agent=ROGUE))
        agents.disable(self.engine, ROGUE, 'operator')
        self.deliver(self.sign(probe='x', agent=OTHER, millijoules=77))
        self.settle('x')
        self.assertEqual(77, self.energy()['x'])

    def test_after_being_disabled_without_the_secret_it_cannot_return(self):
        self.deliver(self.sign(probe='x', agent=ROGUE))
        agents.disable(self.engine, ROGUE, 'operator')
        self.change_secrets('changed')
        self.deliver(self.sign(probe='x', agent=OTHER))
        self.assertEqual(0, self.energy()['x'])

    def test_it_can_cause_an_honest_agent_to_be_disabled(self):
        # It used the UUID of that agent, and the operator disables the UUID
        # that the forged measurements name.
        self.deliver(self.sign(probe='x'))
        agents.disable(self.engine, HONEST, 'operator')
        self.assertEqual({'p': 0, 'x': 0}, self.energy())


class RogueWithOwnSecretTest(ThreatTest):
    """An attacker who knows the secret of one agent, ``tenant``."""

    def setUp(self) -> None:
        super().setUp()
        self.change_secrets(tenant='own', other='of the other')

    def report(self, name: str = 'tenant', **values) -> None:
        self.deliver(self.sign('own', name=name, **values))

    def test_it_can_report_any_plausible_value_for_its_probes(self):
        self.report(probe='tenant-1', agent=ROGUE)
        self.report(probe='tenant-2', agent=OTHER)
        self.assertEqual({'p', 'tenant-1', 'tenant-2'}, set(self.energy()))

    def test_it_cannot_report_probes_of_other_agents(self):
        self.report(probe='p', elapsed=2_000_000, millijoules=5_000_000)
        self.report(probe='other-1')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            2, self.counted('envelopes_rejected', reason='unauthorized_probe')
        )

    def test_it_cannot_replace_a_host_in_totals(self):
        # Given an outlet that feeds the host web-1,
        host = 'web-1'
        self.deliver(self.sign(probe='pdu-1', host=host, scope='outlet'))

        # when the attacker reports the same host with a preferred scope,
        self.report(probe='tenant-1', agent=ROGUE, host=host, scope='node')

        # then totals still contain the outlet, and its own probe besides.
        with self.engine.connect() as connection:
            states = list(probes.list_states(connection, 1e12))
        selected = totals.select(
            [
                totals.Candidate(state.id, state.host, state.scope)
                for state in states
            ],
            ['node', 'outlet'],
        )
        self.assertEqual({'p', 'pdu-1', 'tenant-1'}, selected)
        self.assertEqual(
            1, self.counted('envelopes_rejected', reason='unauthorized_host')
        )

    def test_it_cannot_add_probes_beyond_its_quota(self):
        self.collector._writer._limits = limits.make(max_agent_probes=3)

        for number in range(10):
            self.report(probe=f'tenant-{number}')
        self.deliver(self.sign(elapsed=2_000_000, probe='q'))

        self.assertEqual(
            {'p', 'q', 'tenant-0', 'tenant-1', 'tenant-2'}, set(self.energy())
        )
        self.assertEqual(
            7, self.counted('measurements_merged', outcome='probe_quota')
        )

    def test_it_cannot_add_registers_without_end(self):
        self.collector._writer._limits = limits.make(max_hourly_registers=3)

        for number in range(10):
            self.report(probe='tenant-1', register=f'{number:016x}')

        self.assertEqual(
            7, self.counted('measurements_merged', outcome='register_rate')
        )

    def test_it_cannot_use_the_name_of_another_agent(self):
        for name in ('other', 'honest'):
            self.report(name, probe='other-1')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            2, self.counted('envelopes_rejected', reason='wrong_agent')
        )

    def test_under_another_uuid_it_affects_only_its_own_probes(self):
        self.report(probe='tenant-1', agent=HONEST)
        self.deliver(self.sign(elapsed=2_000_000, millijoules=200_000))
        self.assertEqual({'p': 200_000, 'tenant-1': 100_000}, self.energy())

    def test_without_its_secret_it_is_rejected_and_others_are_not_affected(
        self,
    ):
        self.report(probe='tenant-1', agent=ROGUE)
        agents.disable(self.engine, ROGUE, 'operator')
        self.change_secrets(tenant='changed', other='of the other')
        self.report(probe='tenant-1', agent=OTHER)
        self.deliver(
            self.sign(elapsed=2_000_000, millijoules=200_000),
            self.sign(
                'changed',
                probe='tenant-1',
                name='tenant',
                register='f' * 16,
                millijoules=7,
            ),
        )
        self.settle('tenant-1')
        self.assertEqual({'p': 200_000, 'tenant-1': 7}, self.energy())


class ForwarderTest(ThreatTest):
    """A compromised forwarder."""

    def re_sign(self, secret: str, **values) -> envelope.Envelope:
        """Return an envelope that the forwarder has re-signed."""
        re_signer = forwarder_filter.EnvelopeFilter(
            authorization.Verifier(['of the source']),
            signing.Keyring([secret]),
            ['*'],
            ['*'],
        )
        re_signed = re_signer.apply(
            self.sign('of the source', **values), self.fail
        )
        assert re_signed is not None
        return re_signed

    def test_with_re_sign_it_can_report_what_any_agent_can(self):
        self.deliver(
            self.re_sign('shared', elapsed=2_000_000, millijoules=5_000_000)
        )
        self.assertEqual({'p': 5_000_000}, self.energy())

    def test_it_cannot_impersonate_agents_with_own_secrets(self):
        self.change_secrets(tenant='own')
        self.deliver(
            self.re_sign('shared', name='tenant', probe='tenant-1'),
            self.re_sign('shared', name='honest', probe='tenant-1'),
        )
        self.assertEqual({'p': 100_000}, self.energy())

    def test_its_secret_in_agent_sections_is_limited_to_these_agents(self):
        self.change_secrets(tenant='own, its', other='its')
        self.deliver(
            self.re_sign('its', name='tenant', probe='tenant-1'),
            self.re_sign('its', name='other', probe='other-1'),
            self.re_sign('its', elapsed=2_000_000, millijoules=1),
        )
        self.assertEqual({'p', 'tenant-1', 'other-1'}, set(self.energy()))
        self.assertEqual(
            1, self.counted('envelopes_rejected', reason='wrong_agent')
        )

    def test_without_secrets_it_cannot_change_envelopes(self):
        for name, value in (
            ('agent', ROGUE),
            ('agent_name', 'other'),
            ('body', str(self.first['body']).replace('100000', '900000')),
        ):
            self.deliver(self.first | {name: value})
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            3, self.counted('envelopes_rejected', reason='bad_signature')
        )


class FloodTest(ThreatTest):
    def test_many_forged_messages_are_logged_once(self):
        before = len(self.log.output.splitlines())
        self.deliver(*[self.sign('forged')] * 1000)
        self.assertEqual(1, len(self.log.output.splitlines()) - before)
        self.assertEqual(
            1000, self.counted('envelopes_rejected', reason='unknown_key')
        )
