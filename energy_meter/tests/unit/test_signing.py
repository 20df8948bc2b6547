# SPDX-License-Identifier: Apache-2.0

"""Tests of signatures and key ids."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import signing

TEXT = b'to be signed'


class KeyringTest(base.BaseTestCase):
    def test_first_secret_signs(self):
        keyring = signing.Keyring(['first', 'second'])

        self.assertEqual(signing.key_id('first'), keyring.signing_key_id)
        self.assertEqual(
            signing.Keyring(['first']).sign(TEXT), keyring.sign(TEXT)
        )

    def test_all_secrets_verify(self):
        # Given a reader with the new secret appended to the old one,
        reader = signing.Keyring(['old', 'new'])

        # then it accepts writers before and after they change theirs.
        for secret in ('old', 'new'):
            writer = signing.Keyring([secret])
            self.assertTrue(
                reader.verify(writer.signing_key_id, TEXT, writer.sign(TEXT))
            )

    def test_removed_secret_is_unknown(self):
        writer, reader = signing.Keyring(['old']), signing.Keyring(['new'])

        self.assertRaises(
            KeyError,
            reader.verify,
            writer.signing_key_id,
            TEXT,
            writer.sign(TEXT),
        )

    def test_key_id_of_another_secret_does_not_verify(self):
        writer = signing.Keyring(['one'])
        reader = signing.Keyring(['one', 'other'])

        self.assertFalse(
            reader.verify(signing.key_id('other'), TEXT, writer.sign(TEXT))
        )

    def test_changed_text_does_not_verify(self):
        keyring = signing.Keyring(['secret'])

        self.assertFalse(
            keyring.verify(
                keyring.signing_key_id, TEXT + b' ', keyring.sign(TEXT)
            )
        )

    @hypothesis.given(strategies.text(strategies.characters()))
    def test_other_signatures_do_not_verify(self, signature):
        keyring = signing.Keyring(['secret'])

        self.assertFalse(
            keyring.verify(keyring.signing_key_id, TEXT, signature)
        )

    def test_empty_secrets_are_missing(self):
        for secrets in ([], [''], ['', '']):
            self.assertRaises(
                exception.MissingSecrets, signing.Keyring, secrets
            )

    def test_special_characters_in_secrets_are_literal(self):
        secrets = ['a%sb', 'ü', ' ', 'a$b', "it's"]

        self.assertEqual(
            5, len({signing.key_id(secret) for secret in secrets})
        )
        for secret in secrets:
            keyring = signing.Keyring([secret])
            self.assertTrue(
                keyring.verify(
                    keyring.signing_key_id, TEXT, keyring.sign(TEXT)
                )
            )

    def test_key_id_does_not_reveal_the_secret(self):
        self.assertRegex(signing.key_id('secret'), '^[0-9a-f]{16}$')
        self.assertNotIn('secret', signing.key_id('secret'))
