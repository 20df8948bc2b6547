# SPDX-License-Identifier: Apache-2.0

"""Which envelopes go on, and as what."""

from oslotest import base

from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import envelope
from energy_meter.bus import trust
from energy_meter.forwarder import selection
from energy_meter.tests.unit.bus import base as bus_base

KEYRING = bus_base.KEYRING
#: Signs for another part of the site.
BORDER = signing.Keyring(['secret-of-the-other-side'])
TRUST = trust.Trust(['current-secret'])


def seal(*probes, wattmeter='pdu-1', keyring=KEYRING):
    return envelope.seal(
        keyring, [bus_base.word(probe, wattmeter) for probe in probes]
    )


def select(
    item,
    trust=TRUST,
    wattmeters=('*',),
    probes=('*',),
    signer=None,
    refuse=None,
):
    return selection.Selection(trust, signer, wattmeters, probes).select(
        item, refuse
    )


class SelectionTest(base.BaseTestCase):
    def test_a_wanted_envelope_stays_what_it_was(self):
        item = seal('a', 'b')

        self.assertIs(item, select(item))

    def test_what_does_not_verify_is_rejected(self):
        for item in (
            None,
            {},
            seal('a') | {'agent_name': 'other'},
            seal('a', keyring=signing.Keyring(['unknown'])),
        ):
            self.assertRaises(exception.RejectedMessage, select, item)

    def test_without_secrets_envelopes_pass_unread(self):
        item = seal('a', keyring=signing.Keyring(['unknown']))

        self.assertIs(item, select(item, trust=None))

    def test_without_secrets_other_things_do_not_pass(self):
        for item in (None, 5, {}, seal('a') | {'more': 1}):
            self.assertRaises(exception.RejectedMessage, select, item, None)

    def test_other_wattmeters_stay(self):
        for wattmeter, wanted in (
            ('pdu-1', True),
            ('pdu-2', True),
            ('PDU-1', False),
            ('my-pdu-1', False),
        ):
            item = seal('a', wattmeter=wattmeter)
            found = select(item, wattmeters=['pdu-[12]', 'ups*'])
            self.assertEqual(item if wanted else None, found, wattmeter)

    def test_a_wanted_probe_takes_its_neighbours_with_it(self):
        item = seal('rack-1', 'node-1')

        self.assertIs(item, select(item, probes=['node-*']))
        self.assertIsNone(select(seal('rack-1', 'rack-2'), probes=['node-*']))

    def test_wattmeter_and_probe_must_both_be_wanted(self):
        self.assertIsNone(
            select(seal('node-1'), wattmeters=['ups'], probes=['node-*'])
        )

    def test_signed_anew_a_probe_goes_without_its_neighbours(self):
        found = select(
            seal('rack-1', 'node-1'), probes=['node-*'], signer=BORDER
        )

        self.assertEqual(BORDER.signing_key_id, found['key_id'])
        self.assertEqual(
            [bus_base.word('node-1', 'pdu-1')], envelope.unseal(BORDER, found)
        )


class OwnSecretTest(base.BaseTestCase):
    """An agent with a secret of its own, and one probe that is not its."""

    def setUp(self):
        super().setUp()
        self.trust = trust.Trust(
            ['current-secret'], [trust.Agent('agent', ['own'], ['node-*'])]
        )
        self.item = seal('node-1', 'rack-1', keyring=signing.Keyring(['own']))
        self.refused = []

    def select(self, **options):
        return select(
            self.item, self.trust, refuse=self.refused.append, **options
        )

    def test_it_passes_unchanged_for_the_next_reader_to_judge(self):
        self.assertIs(self.item, self.select())
        self.assertEqual(
            ['foreign-probe'], [error.cause for error in self.refused]
        )

    def test_signed_anew_only_what_is_believed_goes_on(self):
        found = self.select(signer=BORDER)

        self.assertEqual(
            [bus_base.word('node-1', 'pdu-1')], envelope.unseal(BORDER, found)
        )

    def test_what_is_not_believed_makes_nothing_wanted(self):
        self.assertIsNone(self.select(probes=['rack-*']))

    def test_its_name_under_the_shared_secret_does_not_pass(self):
        self.item = seal('node-1')

        error = self.assertRaises(exception.RejectedMessage, self.select)

        self.assertEqual('shared-secret', error.cause)
