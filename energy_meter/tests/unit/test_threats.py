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
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.collector import administration
from energy_meter.collector import agents
from energy_meter.collector import housekeeping
from energy_meter.collector import service
from energy_meter.db import engine as db_engine
from energy_meter.db import probes
from energy_meter.db import schema
from energy_meter.forwarder import filter as forwarder_filter

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

    def sign(self, secret: str = 'shared', **values) -> envelope.Envelope:
        return envelope.sign(
            signing.Keyring([secret]), [self.measurement(**values)]
        )

    def deliver(self, *envelopes: object) -> None:
        self.collector._consumer._handle(list(envelopes))

    def energy(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {
                state.id: round(state.kwh * probes.MILLIJOULES_PER_KWH)
                for state in probes.list_states(connection, 1e12)
            }

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
        self.deliver(self.sign(elapsed=2000.0, millijoules=200_000))
        self.assert_replay_changes_nothing({'p': 200_000})

    def test_voided_register_stays_void(self):
        with self.engine.begin() as connection:
            administration.void(connection, 'p', HONEST, REGISTER, 'operator')
        self.assert_replay_changes_nothing({'p': 0})
        self.assertEqual(
            3, self.counted('measurements_merged', outcome='void')
        )

    def test_folded_register_is_not_billed_again(self):
        # Given a register of an earlier incarnation that was folded,
        self.deliver(self.sign(register='f' * 16, incarnation=2))
        with self.engine.begin() as connection:
            connection.execute(schema.register.update().values(last_seen_at=0))
            self.assertEqual(1, housekeeping.fold(connection, 30))
        # then its measurements are rejected.
        self.assert_replay_changes_nothing({'p': 200_000})
        self.assertEqual(
            3, self.counted('measurements_merged', outcome='stale_incarnation')
        )

    def test_deleted_probe_is_not_created_again(self):
        with self.engine.begin() as connection:
            connection.execute(schema.probe.update().values(last_seen_at=0))
            administration.delete_probe(connection, 'p', 'operator')
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
        self.deliver(self.sign(elapsed=2000.0, millijoules=5_000_000))
        self.assertEqual({'p': 5_000_000}, self.energy())

    def test_it_can_invent_probes(self):
        self.deliver(
            *(
                self.sign(probe=f'x{number}', agent=ROGUE)
                for number in range(100)
            )
        )
        self.assertEqual(101, len(self.energy()))

    def test_it_cannot_report_more_energy_than_max_watts_allows(self):
        for elapsed, millijoules in (
            (1000.0, 2**53 - 1),
            (1e-3, 10**10),
            (1e300, 2**53 - 1),
            (1e308, 0),
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
            self.sign(elapsed=2000.0, millijoules=0),
            self.sign(elapsed=500.0, millijoules=0),
            self.sign(
                elapsed=9000.0, millijoules=1, incarnation=2, register='f' * 16
            ),
        )
        self.assertLessEqual(100_000, self.energy()['p'])

    def test_its_energy_is_not_billed_while_the_owner_is_active(self):
        for elapsed in (1100.0, 1200.0, 1300.0):
            self.deliver(
                self.sign(elapsed=elapsed),
                self.sign(
                    agent=ROGUE,
                    elapsed=elapsed,
                    millijoules=int(elapsed) * 10**6,
                ),
            )
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertIn('is metered by two agents', self.log.output)

    def test_timestamp_in_the_future_is_clamped(self):
        self.deliver(self.sign(probe='x', agent=ROGUE, ahead=1e9))
        with self.engine.connect() as connection:
            (timestamp,) = connection.scalars(
                sa.select(schema.probe.c.timestamp).where(
                    schema.probe.c.id == 'x'
                )
            )
            self.assertLessEqual(timestamp, db_engine.now(connection))
        # The next measurement with the correct time is still newer.
        self.deliver(
            self.sign(
                probe='x', agent=ROGUE, elapsed=1001.0, millijoules=200_000
            )
        )
        self.assertEqual(200_000, self.energy()['x'])

    def test_after_being_disabled_it_returns_under_another_uuid(self):
        self.deliver(self.sign(probe='x', agent=ROGUE))
        agents.disable(self.engine, ROGUE, 'operator')
        self.deliver(self.sign(probe='x', agent=OTHER, millijoules=77))
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
        self.report(probe='p', elapsed=2000.0, millijoules=5_000_000)
        self.report(probe='other-1')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            2, self.counted('envelopes_rejected', reason='unauthorized_probe')
        )

    def test_it_cannot_use_the_name_of_another_agent(self):
        for name in ('other', 'honest'):
            self.report(name, probe='other-1')
        self.assertEqual({'p': 100_000}, self.energy())
        self.assertEqual(
            2, self.counted('envelopes_rejected', reason='wrong_agent')
        )

    def test_under_another_uuid_it_affects_only_its_own_probes(self):
        self.report(probe='tenant-1', agent=HONEST, incarnation=2**53 - 1)
        self.deliver(self.sign(elapsed=2000.0, millijoules=200_000))
        self.assertEqual({'p': 200_000, 'tenant-1': 100_000}, self.energy())

    def test_without_its_secret_it_is_rejected_and_others_are_not_affected(
        self,
    ):
        self.report(probe='tenant-1', agent=ROGUE)
        agents.disable(self.engine, ROGUE, 'operator')
        self.change_secrets(tenant='changed', other='of the other')
        self.report(probe='tenant-1', agent=OTHER)
        self.deliver(
            self.sign(elapsed=2000.0, millijoules=200_000),
            self.sign(
                'changed',
                probe='tenant-1',
                name='tenant',
                register='f' * 16,
                millijoules=7,
            ),
        )
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
            self.re_sign('shared', elapsed=2000.0, millijoules=5_000_000)
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
            self.re_sign('its', elapsed=2000.0, millijoules=1),
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
