# SPDX-License-Identifier: Apache-2.0

"""Who is believed, under which secret, and of which probes."""

import os

import fixtures
import hypothesis
from hypothesis import strategies
from oslotest import base as test_base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import trust
from energy_meter.tests.unit.bus import base

#: Two agents with secrets of their own beside those that share one.
TRUST = trust.Trust(
    ['shared'],
    [
        trust.Agent('meter-7', ['own-new', 'own-old'], ['rack7-*', 'ups']),
        trust.Agent('meter-8', ['other'], ['rack8-*', 'ups']),
    ],
)


def seal(secret, name, *probes):
    """Make an envelope of an agent."""
    words = [base.word(probe) for probe in probes]
    return envelope.seal(
        signing.Keyring([secret]),
        [
            word._replace(probe=word.probe._replace(agent=name))
            for word in words
        ],
    )


class TrustCase(test_base.BaseTestCase):
    def setUp(self):
        super().setUp()
        self.refused = []

    def believed(self, item, whose=TRUST):
        """Give the probes of which an envelope is believed."""
        return [
            word.probe.id for word in whose.open(item, self.refused.append)
        ]

    def assert_rejected(self, cause, item):
        error = self.assertRaises(
            exception.RejectedMessage, self.believed, item
        )
        self.assertEqual(cause, error.cause)
        self.assertTrue(str(error).isprintable())
        self.assertLess(len(str(error)), 250)

    def assert_left_out(self, cause, item, probes=()):
        self.assertEqual(list(probes), self.believed(item))
        self.assertEqual([cause], [error.cause for error in self.refused])
        self.assertLess(len(str(self.refused[0])), 250)


class OwnSecretTest(TrustCase):
    def test_each_of_its_secrets_is_believed(self):
        for secret in ('own-new', 'own-old'):
            self.assertEqual(
                ['rack7-1', 'ups'],
                self.believed(seal(secret, 'meter-7', 'rack7-1', 'ups')),
            )
        self.assertEqual([], self.refused)

    def test_its_name_is_not_believed_under_the_shared_secret(self):
        self.assert_rejected(
            'shared-secret', seal('shared', 'meter-7', 'rack7-1')
        )

    def test_its_name_is_not_believed_under_the_secret_of_another(self):
        self.assert_rejected(
            'wrong-agent', seal('other', 'meter-7', 'rack7-1')
        )

    def test_its_secret_makes_nobody_else_speak(self):
        for name in ('meter-8', 'meter-9', 'METER-7', 'meter-7x'):
            self.assert_rejected(
                'wrong-agent', seal('own-new', name, 'rack7-1', 'free')
            )

    def test_relabelled_it_does_not_even_verify(self):
        item = seal('own-new', 'meter-7', 'rack7-1')

        self.assert_rejected('bad-signature', item | {'agent_name': 'x'})

    def test_a_probe_that_is_not_bound_to_it_is_left_out(self):
        for probe in ('rack8-1', 'free', 'xrack7-1', 'RACK7-1', 'x' * 190):
            self.refused.clear()
            self.assert_left_out(
                'foreign-probe',
                seal('own-new', 'meter-7', 'rack7-1', probe, 'ups'),
                ['rack7-1', 'ups'],
            )

    def test_names_as_long_as_may_be_are_cut_in_the_log(self):
        name = 'n' * 190
        own = trust.Trust(['shared'], [trust.Agent(name, ['own'], ['x'])])

        self.believed(seal('own', name, 'y' * 190), own)

        self.assertLess(len(str(self.refused[0])), 250)

    def test_a_signature_under_a_secret_that_was_taken_away_is_unknown(self):
        self.assert_rejected(
            'unknown-key', seal('own-oldest', 'meter-7', 'rack7-1')
        )

    def test_a_body_of_its_that_is_no_good_is_rejected(self):
        item = seal('own-new', 'meter-7', 'rack7-1')

        self.assert_rejected('bad-signature', item | {'body': '{}'})


class SharedSecretTest(TrustCase):
    def test_others_are_believed_of_probes_that_are_bound_to_nobody(self):
        self.assertEqual(
            ['free', 'rack9-1'],
            self.believed(seal('shared', 'meter-9', 'free', 'rack9-1')),
        )

    def test_of_a_bound_probe_only_its_agent_is_believed(self):
        for probe in ('rack7-1', 'rack8-1', 'ups'):
            self.refused.clear()
            self.assert_left_out(
                'bound-probe',
                seal('shared', 'meter-9', probe, 'free'),
                ['free'],
            )

    def test_a_probe_that_two_agents_may_meter_is_bound_to_both(self):
        for secret, name in (('own-new', 'meter-7'), ('other', 'meter-8')):
            self.assertEqual(['ups'], self.believed(seal(secret, name, 'ups')))

    def test_without_agents_of_their_own_secrets_nothing_is_bound(self):
        self.assertEqual(
            ['rack7-1'],
            self.believed(
                seal('shared', 'meter-7', 'rack7-1'), trust.Trust(['shared'])
            ),
        )

    def test_agents_of_their_own_secrets_suffice(self):
        own = trust.Trust([], [trust.Agent('a', ['own'], ['*'])])

        self.assertEqual(['p'], self.believed(seal('own', 'a', 'p'), own))
        self.assertRaises(exception.MissingSecrets, trust.Trust, [])


class MemoryTest(TrustCase):
    """What was decided of a probe is remembered, but not without end."""

    def test_it_is_decided_alike_each_time(self):
        item = seal('own-new', 'meter-7', 'rack7-1', 'rack8-1')
        for _ in range(3):
            self.assertEqual(['rack7-1'], self.believed(item))
        self.assertEqual(3, len(self.refused))

    def test_a_flood_of_probes_is_forgotten(self):
        self.useFixture(fixtures.MockPatchObject(trust, '_MOST_KNOWN', 10))
        for number in range(100):
            self.believed(seal('shared', 'x', f'p{number}', f'q{number}'))
        self.assertLessEqual(len(TRUST._anybody._known), 10)

    @hypothesis.given(
        strategies.sampled_from(['shared', 'own-old', 'other', 'unknown']),
        strategies.sampled_from(['meter-7', 'meter-8', 'meter-9']),
        strategies.lists(
            strategies.sampled_from(['rack7-1', 'rack8-1', 'ups', 'free']),
            min_size=1,
            unique=True,
        ),
    )
    def test_no_secret_gets_beyond_what_is_its(self, secret, name, probes):
        may = {
            'shared': {'free'},
            'own-old': {'rack7-1', 'ups'},
            'other': {'rack8-1', 'ups'},
            'unknown': set(),
        }
        whose = {
            'own-old': {'meter-7'},
            'other': {'meter-8'},
            'shared': {'meter-9'},
            'unknown': set(),
        }
        try:
            found = self.believed(seal(secret, name, *probes))
        except exception.RejectedMessage:
            self.assertNotIn(name, whose[secret])
        else:
            self.assertIn(name, whose[secret])
            self.assertEqual(
                [probe for probe in probes if probe in may[secret]], found
            )


class LoadTest(test_base.BaseTestCase):
    def load(self, text):
        directory = self.useFixture(fixtures.TempDir()).path
        path = os.path.join(directory, 'energy_meter.conf')
        with open(path, 'w', encoding='utf-8') as stream:
            stream.write(text)
        return trust.load(
            energy_meter_conf.load(['--config-file', path], 'test')
        )

    def assert_refused(self, expected, text):
        error = self.assertRaises(
            exception.ConfigurationError,
            self.load,
            '[bus]\nsecrets = hunter1\n' + text,
        )
        self.assertIn(expected, str(error))
        self.assertNotIn('hunter', str(error))

    def test_sections_give_agents_their_secrets_and_probes(self):
        found = self.load(
            '[bus]\nsecrets = shared\n'
            '[agent:Büro 3]\nsecrets = new, old\n'
            'probes = desk-*, lamp\n'
        )

        item = seal('old', 'Büro 3', 'desk-1', 'lamp', 'rack')
        self.assertEqual(
            ['desk-1', 'lamp'],
            [word.probe.id for word in found.open(item, lambda _: None)],
        )

    def test_key_ids_are_logged_and_secrets_are_not(self):
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

    def test_no_secret_at_all_is_told(self):
        self.assertRaises(exception.MissingSecrets, self.load, '')

    def test_secrets_and_probes_are_both_needed(self):
        for text in (
            '',
            'secrets = hunter2',
            'probes = a-*',
            'secrets =\nprobes = a-*',
            'secrets = hunter2\nprobes =',
        ):
            self.assert_refused('[agent:a] ', f'[agent:a]\n{text}\n')

    def test_a_shared_secret_is_no_own_one(self):
        self.assert_refused(
            '[agent:a] secrets: one of them is also one of [bus] secrets',
            '[agent:a]\nsecrets = hunter2, hunter1\nprobes = a-*\n',
        )

    def test_an_unknown_option_is_told(self):
        self.assert_refused(
            '[agent:a] probe: unknown option',
            '[agent:a]\nsecrets = hunter2\nprobe = a-*\n',
        )

    def test_no_section_that_makes_no_sense_is_passed_over(self):
        # Its agent would be believed under the shared secret.
        good = 'secrets = hunter2\nprobes = a-*\n'
        for name in (
            'agents:a',
            'Agent:a',
            'agent:',
            'agent: a',
            'agent:' + 'x' * 191,
        ):
            self.assert_refused(f'[{name}] ', f'[{name}]\n{good}')
        self.assert_refused(
            'only in case', f'[agent:a]\n{good}[agent:A]\n{good}'
        )

    def test_sections_of_wattmeters_and_probes_are_none_of_its_business(self):
        self.load(
            '[bus]\nsecrets = s\n[wattmeter:a]\ndriver = x\n'
            '[wattmeter:A]\ndriver = x\n[probe:p]\nnonsense = 5\n'
        )
