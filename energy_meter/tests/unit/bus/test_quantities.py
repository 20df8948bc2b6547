# SPDX-License-Identifier: Apache-2.0

"""Tests of registers with a quantity that this release does not meter."""

import json

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import authorization
from energy_meter.bus import envelope
from energy_meter.tests.unit.bus import base as bus_base
from energy_meter.tests.unit.bus import test_envelope

DESTINATION = signing.Keyring(['secret-of-the-destination'])

#: Any value that JSON can represent.
documents = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(strategies.text(), inner, max_size=4)
    ),
    max_leaves=10,
)


def cpu_register(**changes):
    """Return a register of the quantity cpu, with a column per instance."""
    return {
        'probe': 'p',
        'scope': 'node',
        'host': 'p',
        'register': 'f' * 16,
        'quantity': 'cpu',
        'after': None,
        'synced': True,
        'instances': ['vm-1', 'vm-2'],
        'measurements': [
            [1_700_000_000_000, 10_000, [5, 7], 10_000, None, None, None, 0]
        ],
    } | changes


def sign(*registers):
    """Return an envelope with an energy register and these."""
    content = json.loads(test_envelope.body())
    content['registers'] += registers
    return test_envelope.sign(json.dumps(content))


def sign_text(value):
    """Return an envelope with a CPU register that contains JSON text."""
    content = json.loads(test_envelope.body())
    content['registers'].append(cpu_register(instances='VALUE'))
    return test_envelope.sign(json.dumps(content).replace('"VALUE"', value))


def re_sign(received):
    registers = envelope.decode(received)
    return envelope.re_sign(DESTINATION, received, registers)


def registers_of(signed):
    return json.loads(signed['body'])['registers']


class QuantityCase(base.BaseTestCase):
    def assert_malformed(self, function, *args):
        error = self.assertRaises(exception.RejectedMessage, function, *args)
        self.assertEqual('malformed', error.reason)
        self.assertTrue(str(error).isprintable())


class ReservedQuantityTest(QuantityCase):
    def test_reader_skips_the_register_and_keeps_the_others(self):
        # Given an envelope with the energy and the CPU time of a probe,
        received = sign(cpu_register())

        # when this release reads it, then it sees the energy only.
        self.assertEqual(
            test_envelope.sample(), test_envelope.decode(received)
        )

    def test_fields_of_all_quantities_are_validated(self):
        for changes in (
            {'probe': ''},
            {'scope': 'rack'},
            {'host': None},
            {'register': '1'},
            {'after': 5},
            {'synced': 1},
            {'measurements': None},
        ):
            self.assert_malformed(
                test_envelope.decode, sign(cpu_register(**changes))
            )
        for name in cpu_register().keys() - {'instances'}:
            incomplete = cpu_register()
            del incomplete[name]
            self.assert_malformed(test_envelope.decode, sign(incomplete))

    def test_register_of_energy_has_no_other_fields(self):
        energy = cpu_register(quantity='energy', measurements=[])

        self.assert_malformed(test_envelope.decode, sign(energy))

    def test_register_of_an_unauthorized_probe_is_dropped(self):
        # Given a probe that is reserved for another agent,
        verifier = authorization.Verifier(
            ['current-secret'],
            [authorization.Agent('other', ['its-secret'], ['reserved'])],
        )
        rejected = []

        # when an agent reports only CPU time for it,
        registers = verifier.verify(
            sign(cpu_register(probe='reserved')), rejected.append
        )

        # then that register is dropped and counted.
        self.assertEqual(['p'], [register.probe.id for register in registers])
        self.assertEqual(
            ['reserved_probe'], [error.reason for error in rejected]
        )


class ReSignTest(QuantityCase):
    @hypothesis.given(
        strategies.lists(documents, max_size=3),
        strategies.dictionaries(strategies.text(), documents, max_size=3),
    )
    def test_registers_are_kept_as_received(self, measurements, more):
        # Given a register of a later release, whatever it contains,
        register = more | cpu_register(measurements=measurements)
        received = sign(register)

        # when a forwarder of this release signs the envelope again,
        re_signed = re_sign(received)

        # then every register still has the fields that it had.
        self.assertEqual(registers_of(received), registers_of(re_signed))
        self.assertEqual(
            test_envelope.sample(),
            bus_base.verify_and_decode(DESTINATION, re_signed),
        )

    def test_header_except_the_key_is_kept(self):
        received = sign()

        re_signed = re_sign(received)

        for name in ('version', 'agent', 'agent_name'):
            self.assertEqual(received[name], re_signed[name])
        self.assertEqual(DESTINATION.signing_key_id, re_signed['key_id'])

    def test_content_that_cannot_be_encoded_is_rejected(self):
        for value in ('"\\ud800"', '1e999'):
            # Given content that a reader skips without looking at it,
            received = sign_text(value)
            self.assertEqual(
                test_envelope.sample(), test_envelope.decode(received)
            )

            # when a forwarder has to encode it, then it rejects the envelope.
            self.assert_malformed(re_sign, received)

    def test_deep_nesting_is_encoded_or_rejected(self):
        # Given content that could just be decoded,
        received = sign_text('[' * 900 + ']' * 900)
        registers = envelope.decode(received)

        def re_sign_below(frames):
            if frames:
                return re_sign_below(frames - 1)
            return envelope.re_sign(DESTINATION, received, registers)

        # when it is encoded where fewer frames are left on the stack,
        try:
            re_signed = re_sign_below(100)
        except exception.RejectedMessage as error:
            # then it is rejected,
            self.assertEqual('malformed', error.reason)
        else:
            # or kept: Python 3.12 and newer have another limit.
            self.assertEqual(
                test_envelope.sample(),
                bus_base.verify_and_decode(DESTINATION, re_signed),
            )
