# SPDX-License-Identifier: Apache-2.0

"""Tests of which envelopes are forwarded, and whether they are re-signed."""

import json

from oslotest import base

from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.forwarder import filter as forwarder_filter
from energy_meter.tests.unit.bus import base as bus_base
from energy_meter.tests.unit.bus import test_quantities

KEYRING = bus_base.KEYRING
#: Signs with the secret of the destination.
SIGNER = signing.Keyring(['secret-of-the-destination'])
VERIFIER = authorization.Verifier(['current-secret'])


def sign(*probes, wattmeter='pdu-1', keyring=KEYRING):
    return envelope.sign(
        keyring,
        [bus_base.make_measurement(probe, wattmeter) for probe in probes],
    )


def apply(
    received,
    verifier=VERIFIER,
    wattmeters=('*',),
    probes=('*',),
    signer=None,
    on_reject=None,
):
    return forwarder_filter.EnvelopeFilter(
        verifier, signer, wattmeters, probes
    ).apply(received, on_reject)


class EnvelopeFilterTest(base.BaseTestCase):
    def test_matching_envelope_passes_unchanged(self):
        signed = sign('a', 'b')

        self.assertIs(signed, apply(signed))

    def test_unverified_envelope_is_rejected(self):
        for received in (
            None,
            {},
            sign('a') | {'agent_name': 'other'},
            sign('a', keyring=signing.Keyring(['unknown'])),
        ):
            self.assertRaises(exception.RejectedMessage, apply, received)

    def test_without_secrets_envelopes_are_not_verified(self):
        signed = sign('a', keyring=signing.Keyring(['unknown']))

        self.assertIs(signed, apply(signed, verifier=None))

    def test_without_secrets_malformed_envelopes_are_rejected(self):
        for received in (None, 5, {}, sign('a') | {'more': 1}):
            self.assertRaises(exception.RejectedMessage, apply, received, None)

    def test_unknown_versions_are_rejected(self):
        received = sign('a') | {'version': 3}

        for verifier in (VERIFIER, None):
            error = self.assertRaises(
                exception.RejectedMessage, apply, received, verifier
            )
            self.assertEqual('unknown_version', error.reason)

    def test_other_wattmeters_are_filtered_out(self):
        for wattmeter, passes in (
            ('pdu-1', True),
            ('pdu-2', True),
            ('PDU-1', False),
            ('my-pdu-1', False),
        ):
            signed = sign('a', wattmeter=wattmeter)
            filtered = apply(signed, wattmeters=['pdu-[12]', 'ups*'])
            self.assertEqual(signed if passes else None, filtered, wattmeter)

    def test_one_matching_probe_passes_the_complete_envelope(self):
        signed = sign('rack-1', 'node-1')

        self.assertIs(signed, apply(signed, probes=['node-*']))
        self.assertIsNone(apply(sign('rack-1', 'rack-2'), probes=['node-*']))

    def test_wattmeter_and_probe_must_both_match(self):
        self.assertIsNone(
            apply(sign('node-1'), wattmeters=['ups'], probes=['node-*'])
        )

    def test_re_signed_envelope_contains_only_matching_probes(self):
        re_signed = apply(
            sign('rack-1', 'node-1'), probes=['node-*'], signer=SIGNER
        )

        self.assertEqual(SIGNER.signing_key_id, re_signed['key_id'])
        self.assertEqual(
            [bus_base.make_measurement('node-1', 'pdu-1')],
            bus_base.verify_and_decode(SIGNER, re_signed),
        )

    def test_re_signed_envelope_keeps_registers_of_cpu_time(self):
        # Given the CPU time of two probes,
        selected = test_quantities.cpu_register(probe='node-1')
        received = test_quantities.sign(
            selected, test_quantities.cpu_register(probe='rack-1')
        )

        # when a forwarder selects and signs one of them,
        re_signed = apply(received, probes=['node-*'], signer=SIGNER)

        # then the register is kept as received.
        self.assertEqual(
            [selected], json.loads(re_signed['body'])['registers']
        )


class OwnSecretTest(base.BaseTestCase):
    """An agent with its own secret reports a probe it is not authorized for.

    Its envelope also contains the probe node-1, for which it is authorized.
    """

    def setUp(self):
        super().setUp()
        self.verifier = authorization.Verifier(
            ['current-secret'],
            [authorization.Agent('agent', ['own'], ['node-*'])],
        )
        self.signed = sign(
            'node-1', 'rack-1', keyring=signing.Keyring(['own'])
        )
        self.rejected = []

    def apply(self, **options):
        return apply(
            self.signed,
            self.verifier,
            on_reject=self.rejected.append,
            **options,
        )

    def test_envelope_passes_unchanged(self):
        # The next reader drops the unauthorized probe.
        self.assertIs(self.signed, self.apply())
        self.assertEqual(
            ['unauthorized_probe'], [error.reason for error in self.rejected]
        )

    def test_re_signed_envelope_contains_only_authorized_probes(self):
        re_signed = self.apply(signer=SIGNER)

        self.assertEqual(
            [bus_base.make_measurement('node-1', 'pdu-1')],
            bus_base.verify_and_decode(SIGNER, re_signed),
        )

    def test_unauthorized_probe_does_not_match(self):
        self.assertIsNone(self.apply(probes=['rack-*']))

    def test_shared_secret_is_rejected(self):
        self.signed = sign('node-1')

        error = self.assertRaises(exception.RejectedMessage, self.apply)

        self.assertEqual('shared_secret', error.reason)
