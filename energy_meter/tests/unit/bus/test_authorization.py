# SPDX-License-Identifier: Apache-2.0

"""Tests of which agent may report which probes."""

import os

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.bus import principal
from energy_meter.bus import turns
from energy_meter.tests import series
from energy_meter.tests.unit.bus import base

#: Two agents with their own secrets; all others use the shared one.
VERIFIER = authorization.Verifier(
    ['shared'],
    [
        authorization.Agent(
            'meter-7', ['own-new', 'own-old'], ['rack7-*', 'ups']
        ),
        authorization.Agent('meter-8', ['other'], ['rack8-*', 'ups']),
    ],
)


def sign(secret, name, *probes):
    """Return an envelope of an agent."""
    measurements = [base.make_measurement(probe) for probe in probes]
    return envelope.sign(
        signing.Keyring([secret]),
        [
            series.change(each, probe=each.probe._replace(agent=name))
            for each in measurements
        ],
    )


class VerifierCase(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.rejected = []

    def verify(self, received, verifier=VERIFIER):
        """Return the probes whose registers are accepted."""
        return [
            register.probe.id
            for register in verifier.verify(received, self.rejected.append)
        ]

    def assert_rejected(self, reason, received):
        error = self.assertRaises(
            exception.RejectedMessage, self.verify, received
        )
        self.assertEqual(reason, error.reason)
        self.assertTrue(str(error).isprintable())
        self.assertLess(len(str(error)), 250)

    def assert_dropped(self, reason, received, accepted=()):
        self.assertEqual(list(accepted), self.verify(received))
        self.assertEqual([reason], [error.reason for error in self.rejected])
        self.assertLess(len(str(self.rejected[0])), 250)


class SenderTest(VerifierCase):
    def test_agent_with_its_own_secret_is_known(self):
        self.assertEqual(
            turns.Sender('meter-7', 'meter-7'),
            VERIFIER.sender(sign('own-old', 'meter-7', 'ups')),
        )

    def test_holders_of_the_shared_secret_are_one_principal(self):
        # They choose the names of their agents.
        self.assertEqual(
            [turns.Sender('', 'a'), turns.Sender('', 'b')],
            [VERIFIER.sender(sign('shared', name, 'p')) for name in 'ab'],
        )

    def test_no_other_sender_is_known(self):
        signed = sign('shared', 'a', 'p')
        for received in (
            None,
            signed | {'signature': '0' * 64},
            sign('unknown', 'a', 'p'),
            sign('shared', 'meter-7', 'ups'),
            sign('other', 'meter-7', 'ups'),
        ):
            self.assertEqual(turns.UNVERIFIED, VERIFIER.sender(received))


class OwnSecretTest(VerifierCase):
    def test_each_secret_of_an_agent_is_accepted(self):
        for secret in ('own-new', 'own-old'):
            self.assertEqual(
                ['rack7-1', 'ups'],
                self.verify(sign(secret, 'meter-7', 'rack7-1', 'ups')),
            )
        self.assertEqual([], self.rejected)

    def test_shared_secret_is_rejected_for_agent_with_own_secret(self):
        self.assert_rejected(
            'shared_secret', sign('shared', 'meter-7', 'rack7-1')
        )

    def test_secret_of_another_agent_is_rejected(self):
        self.assert_rejected(
            'wrong_agent', sign('other', 'meter-7', 'rack7-1')
        )

    def test_own_secret_is_rejected_under_other_names(self):
        for name in ('meter-8', 'meter-9', 'METER-7', 'meter-7x'):
            self.assert_rejected(
                'wrong_agent', sign('own-new', name, 'rack7-1', 'free')
            )

    def test_changed_name_invalidates_signature(self):
        signed = sign('own-new', 'meter-7', 'rack7-1')

        self.assert_rejected('bad_signature', signed | {'agent_name': 'x'})

    def test_probe_reserved_for_another_agent_is_dropped(self):
        for probe in ('rack8-1', 'free', 'xrack7-1', 'RACK7-1', 'x' * 190):
            self.rejected.clear()
            self.assert_dropped(
                'unauthorized_probe',
                sign('own-new', 'meter-7', 'rack7-1', probe, 'ups'),
                ['rack7-1', 'ups'],
            )

    def test_long_names_are_truncated_in_the_log(self):
        name = 'n' * 190
        verifier = authorization.Verifier(
            ['shared'], [authorization.Agent(name, ['own'], ['x'])]
        )

        self.verify(sign('own', name, 'y' * 190), verifier)

        self.assertLess(len(str(self.rejected[0])), 250)

    def test_removed_secret_is_unknown(self):
        self.assert_rejected(
            'unknown_key', sign('own-oldest', 'meter-7', 'rack7-1')
        )

    def test_changed_body_invalidates_signature(self):
        signed = sign('own-new', 'meter-7', 'rack7-1')

        self.assert_rejected('bad_signature', signed | {'body': '{}'})


class SharedSecretTest(VerifierCase):
    def test_unreserved_probes_are_accepted_from_other_agents(self):
        self.assertEqual(
            ['free', 'rack9-1'],
            self.verify(sign('shared', 'meter-9', 'free', 'rack9-1')),
        )

    def test_reserved_probes_are_dropped_from_other_agents(self):
        for probe in ('rack7-1', 'rack8-1', 'ups'):
            self.rejected.clear()
            self.assert_dropped(
                'reserved_probe',
                sign('shared', 'meter-9', probe, 'free'),
                ['free'],
            )

    def test_probe_reserved_for_two_agents_is_accepted_from_both(self):
        for secret, name in (('own-new', 'meter-7'), ('other', 'meter-8')):
            self.assertEqual(['ups'], self.verify(sign(secret, name, 'ups')))

    def test_without_agent_sections_no_probe_is_reserved(self):
        self.assertEqual(
            ['rack7-1'],
            self.verify(
                sign('shared', 'meter-7', 'rack7-1'),
                authorization.Verifier(['shared']),
            ),
        )

    def test_shared_secret_is_optional_if_agents_have_their_own(self):
        verifier = authorization.Verifier(
            [], [authorization.Agent('a', ['own'], ['*'])]
        )

        self.assertEqual(['p'], self.verify(sign('own', 'a', 'p'), verifier))
        self.assertRaises(exception.MissingSecrets, authorization.Verifier, [])


class HostsTest(VerifierCase):
    """Hosts are bound to agents like probes.

    The outlets of ``pdu`` feed the hosts web-1, web-2 and so on. ``tenant``
    has no hosts but its own.
    """

    VERIFIER = authorization.Verifier(
        ['shared'],
        [
            authorization.Agent('pdu', ['of pdu'], ['outlet-*'], ['web-*']),
            authorization.Agent('tenant', ['of tenant'], ['tenant-*']),
        ],
    )

    def sign(self, secret, name, probe, host):
        measured = base.make_measurement(probe)
        return envelope.sign(
            signing.Keyring([secret]),
            [
                series.change(
                    measured,
                    probe=measured.probe._replace(agent=name, host=host),
                )
            ],
        )

    def host(self, *values):
        """Return the host of a probe's register and measurements."""
        (register,) = self.VERIFIER.verify(
            self.sign(*values), self.rejected.append
        )
        (measured,) = register.measurements
        self.assertEqual(register.probe, measured.probe)
        self.assertEqual(register.probe.host, register.content.host)
        return register.probe.host

    def test_hosts_of_its_section_are_accepted(self):
        for host in ('web-1', 'outlet-1', 'outlet-2'):
            self.assertEqual(
                host, self.host('of pdu', 'pdu', 'outlet-1', host)
            )
        self.assertEqual([], self.rejected)

    def test_probe_with_host_of_another_agent_is_its_own_host(self):
        for host in ('web-1', 'outlet-1', 'free', 'TENANT-1', 'tenant'):
            self.rejected.clear()

            self.assertEqual(
                'tenant-1', self.host('of tenant', 'tenant', 'tenant-1', host)
            )

            (error,) = self.rejected
            self.assertEqual('unauthorized_host', error.reason)

    def test_reserved_host_is_not_accepted_under_the_shared_secret(self):
        for host in ('web-1', 'outlet-1', 'tenant-1'):
            self.rejected.clear()

            self.assertEqual(
                'free', self.host('shared', 'other', 'free', host)
            )

            (error,) = self.rejected
            self.assertEqual('reserved_host', error.reason)

    def test_reserved_host_is_not_accepted_as_id_of_a_probe(self):
        # The probe would be its own host, which is reserved.
        received = self.sign('shared', 'other', 'web-1', 'web-1')

        self.assertEqual([], self.verify(received, self.VERIFIER))

        (error,) = self.rejected
        self.assertEqual('reserved_probe', error.reason)

    def test_other_hosts_are_accepted_under_the_shared_secret(self):
        self.assertEqual('db-1', self.host('shared', 'other', 'free', 'db-1'))
        self.assertEqual([], self.rejected)

    def test_re_signed_register_contains_the_replaced_host(self):
        # A reader of the destination would trust the secret of the forwarder.
        received = self.sign('of tenant', 'tenant', 'tenant-1', 'web-1')

        registers = self.VERIFIER.verify(received, self.rejected.append)
        re_signed = envelope.re_sign(
            signing.Keyring(['of the destination']), received, registers
        )

        self.assertNotIn('web-1', re_signed['body'])

    def test_rejection_names_agent_probe_host_and_option(self):
        self.host('of tenant', 'tenant', 'tenant-1', 'web-1')

        (error,) = self.rejected
        for text in ('tenant-1', 'agent tenant', 'web-1', 'hosts'):
            self.assertIn(text, str(error))

    def test_long_names_are_truncated_in_the_log(self):
        name = 'n' * 190
        verifier = authorization.Verifier(
            ['shared'], [authorization.Agent(name, ['own'], ['*'], ['x'])]
        )
        received = self.sign('own', name, 'p' * 190, 'h' * 190)
        self.verify(received, verifier)
        self.assertEqual([], self.rejected)
        verifier = authorization.Verifier(
            ['shared'], [authorization.Agent(name, ['own'], ['p*'])]
        )

        self.verify(received, verifier)

        self.assertLess(len(str(self.rejected[0])), 250)

    @hypothesis.given(
        strategies.sampled_from(
            [('shared', 'x'), ('of pdu', 'pdu'), ('of tenant', 'tenant')]
        ),
        strategies.sampled_from(['outlet-1', 'tenant-1', 'web-1', 'free']),
        strategies.sampled_from(['outlet-1', 'tenant-1', 'web-1', 'db-1']),
    )
    def test_no_secret_authorizes_more_than_its_hosts(
        self, sender, probe, host
    ):
        received = self.sign(*sender, probe, host)
        for register in self.VERIFIER.verify(received, lambda _: None):
            prefix = register.probe.host.partition('-')[0]
            expected = {
                'outlet': 'pdu',
                'web': 'pdu',
                'tenant': 'tenant',
                'free': 'x',
                'db': 'x',
            }
            self.assertEqual(expected[prefix], sender[1])
            self.assertIn(register.probe.host, (host, probe))


class SumsTest(VerifierCase):
    """Probes that have the name of a configured sum."""

    def test_probe_named_like_a_sum_is_dropped_under_any_secret(self):
        agents = [authorization.Agent('a', ['own'], ['a-*'])]
        for secret, name, configured in (
            ('shared', 'x', []),
            ('shared', 'x', agents),
            ('own', 'a', agents),
        ):
            self.rejected.clear()
            verifier = authorization.Verifier(
                ['shared'], configured, frozenset({'a-sum', 'sum'})
            )
            probes = ['a-sum', 'a-1'] if name == 'a' else ['sum', 'b-1']

            accepted = self.verify(sign(secret, name, *probes), verifier)

            self.assertEqual(probes[1:], accepted)
            (error,) = self.rejected
            self.assertEqual('sum_probe', error.reason)
            self.assertIn(f'probe {probes[0]} of agent {name}', str(error))


class CacheTest(VerifierCase):
    """Decisions about probes are cached in bounded memory."""

    def test_repeated_decisions_are_the_same(self):
        signed = sign('own-new', 'meter-7', 'rack7-1', 'rack8-1')
        for _ in range(3):
            self.assertEqual(['rack7-1'], self.verify(signed))
        self.assertEqual(3, len(self.rejected))

    def test_flood_of_probes_does_not_grow_the_cache(self):
        self.useFixture(
            fixtures.MockPatchObject(principal, 'MAX_CACHED_NAMES', 10)
        )
        for number in range(100):
            self.verify(sign('shared', 'x', f'p{number}', f'q{number}'))
        self.assertLessEqual(len(VERIFIER._shared.probes._authorized), 10)

    @hypothesis.given(
        strategies.sampled_from(['shared', 'own-old', 'other', 'unknown']),
        strategies.sampled_from(['meter-7', 'meter-8', 'meter-9']),
        strategies.lists(
            strategies.sampled_from(['rack7-1', 'rack8-1', 'ups', 'free']),
            min_size=1,
            unique=True,
        ),
    )
    def test_no_secret_authorizes_more_than_its_probes(
        self, secret, name, probes
    ):
        authorized_probes = {
            'shared': {'free'},
            'own-old': {'rack7-1', 'ups'},
            'other': {'rack8-1', 'ups'},
            'unknown': set(),
        }
        authorized_names = {
            'own-old': {'meter-7'},
            'other': {'meter-8'},
            'shared': {'meter-9'},
            'unknown': set(),
        }
        try:
            accepted = self.verify(sign(secret, name, *probes))
        except exception.RejectedMessage:
            self.assertNotIn(name, authorized_names[secret])
        else:
            self.assertIn(name, authorized_names[secret])
            self.assertEqual(
                [
                    probe
                    for probe in probes
                    if probe in authorized_probes[secret]
                ],
                accepted,
            )


class LoadTest(test_base.BaseTestCase):
    def load(self, text):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'energy_meter.conf')
        with open(path, 'w', encoding='utf-8') as stream:
            stream.write(text)
        return authorization.load(
            energy_meter_conf.load(['--config-file', path], 'test')
        )

    def assert_invalid(self, expected, text):
        error = self.assertRaises(
            exception.ConfigurationError,
            self.load,
            '[bus]\nsecrets = hunter1\n' + text,
        )
        self.assertIn(expected, str(error))
        self.assertNotIn('hunter', str(error))

    def test_section_sets_secrets_and_probes_of_an_agent(self):
        verifier = self.load(
            '[bus]\nsecrets = shared\n'
            '[agent:Büro 3]\nsecrets = new, old\n'
            'probes = desk-*, lamp\n'
        )

        signed = sign('old', 'Büro 3', 'desk-1', 'lamp', 'rack')
        self.assertEqual(
            ['desk-1', 'lamp'],
            [
                register.probe.id
                for register in verifier.verify(signed, lambda _: None)
            ],
        )

    def test_section_sets_hosts_of_an_agent(self):
        verifier = self.load(
            '[agent:pdu]\nsecrets = s\nprobes = outlet-*\nhosts = *, \n'
        )
        measured = base.make_measurement('outlet-1')
        probe = measured.probe._replace(agent='pdu', host='web-1')
        signed = envelope.sign(
            signing.Keyring(['s']), [series.change(measured, probe=probe)]
        )

        (register,) = verifier.verify(signed, self.fail)

        self.assertEqual('web-1', register.probe.host)

    def test_probes_of_configured_sums_are_reserved(self):
        # Even if the section is invalid, as a sum without parts is.
        verifier = self.load(
            '[bus]\nsecrets = s\n[probe:sum]\nsum = a, b\n'
            '[probe:empty]\nsum =\n[probe:p]\nmax_watts = 1\n'
        )

        registers = verifier.verify(
            sign('s', 'x', 'sum', 'empty', 'p'), lambda _: None
        )

        self.assertEqual(['p'], [each.probe.id for each in registers])

    def test_secrets_of_an_agent_may_be_in_a_file(self):
        [file] = self.create_tempfiles([('secrets', 'new, old\n')])

        verifier = self.load(
            '[bus]\nsecrets = shared\n'
            f'[agent:a]\nsecrets_file = {file}\nprobes = desk-*\n'
        )

        signed = sign('old', 'a', 'desk-1')
        self.assertEqual(1, len(verifier.verify(signed, lambda _: None)))

    def test_key_ids_are_logged_but_no_secrets(self):
        log = self.useFixture(fixtures.FakeLogger('energy_meter'))

        self.load(
            '[bus]\nsecrets = hunter1, hunter2\n'
            '[agent:a]\nsecrets = hunter3\nprobes = a-*\n'
        )

        self.assertIn(
            ', '.join(map(signing.key_id, ('hunter1', 'hunter2'))), log.output
        )
        self.assertIn('own secrets: 1', log.output)
        self.assertNotIn('hunter', log.output)

    def test_configuration_without_secrets_is_an_error(self):
        self.assertRaises(exception.MissingSecrets, self.load, '')

    def test_section_requires_secrets_and_probes(self):
        for text in (
            '',
            'secrets = hunter2',
            'probes = a-*',
            'secrets =\nprobes = a-*',
            'secrets = hunter2\nprobes =',
        ):
            self.assert_invalid('[agent:a] ', f'[agent:a]\n{text}\n')

    def test_shared_secret_in_a_section_is_an_error(self):
        self.assert_invalid(
            '[agent:a] secrets: one of them is also in [bus] secrets',
            '[agent:a]\nsecrets = hunter2, hunter1\nprobes = a-*\n',
        )

    def test_unknown_option_is_reported(self):
        self.assert_invalid(
            '[agent:a] probe: unknown option',
            '[agent:a]\nsecrets = hunter2\nprobe = a-*\n',
        )

    def test_misspelled_section_is_an_error(self):
        # If it were ignored, its agent would be accepted under the shared
        # secret.
        options = 'secrets = hunter2\nprobes = a-*\n'
        for name in (
            'agents:a',
            'Agent:a',
            'agent:',
            'agent: a',
            'agent:' + 'x' * 191,
        ):
            self.assert_invalid(f'[{name}] ', f'[{name}]\n{options}')
        self.assert_invalid(
            'only in case', f'[agent:a]\n{options}[agent:A]\n{options}'
        )

    def test_invalid_wattmeter_and_probe_sections_are_ignored(self):
        self.load(
            '[bus]\nsecrets = s\n[wattmeter:a]\ndriver = x\n'
            '[wattmeter:A]\ndriver = x\n[probe:p]\nnonsense = 5\n'
            '[wattmeter:{1..2}{1..2}]\n[template:t]\n[template:T]\n'
        )
