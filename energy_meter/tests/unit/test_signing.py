# SPDX-License-Identifier: Apache-2.0

"""Which secret signs, and which are believed."""

import hypothesis
from hypothesis import strategies
from oslotest import base

from energy_meter import exception
from energy_meter import signing

TEXT = b'to be signed'


class KeyringTest(base.BaseTestCase):
    def test_the_first_secret_signs(self):
        keyring = signing.Keyring(['first', 'second'])

        self.assertEqual(signing.key_id('first'), keyring.signing_key_id)
        self.assertEqual(
            signing.Keyring(['first']).sign(TEXT), keyring.sign(TEXT)
        )

    def test_all_secrets_verify(self):
        # Given a reader that already has a new secret behind the old one,
        reader = signing.Keyring(['old', 'new'])

        # then it believes writers before and after their change.
        for secret in ('old', 'new'):
            writer = signing.Keyring([secret])
            self.assertTrue(
                reader.verify(writer.signing_key_id, TEXT, writer.sign(TEXT))
            )

    def test_a_secret_that_was_removed_is_not_known(self):
        writer, reader = signing.Keyring(['old']), signing.Keyring(['new'])

        self.assertRaises(
            KeyError,
            reader.verify,
            writer.signing_key_id,
            TEXT,
            writer.sign(TEXT),
        )

    def test_one_secret_does_not_verify_under_the_name_of_another(self):
        writer = signing.Keyring(['one'])
        reader = signing.Keyring(['one', 'other'])

        self.assertFalse(
            reader.verify(signing.key_id('other'), TEXT, writer.sign(TEXT))
        )

    def test_another_text_is_not_verified(self):
        keyring = signing.Keyring(['secret'])

        self.assertFalse(
            keyring.verify(
                keyring.signing_key_id, TEXT + b' ', keyring.sign(TEXT)
            )
        )

    @hypothesis.given(strategies.text(strategies.characters()))
    def test_any_other_signature_is_refused(self, signature):
        keyring = signing.Keyring(['secret'])

        self.assertFalse(
            keyring.verify(keyring.signing_key_id, TEXT, signature)
        )

    def test_empty_secrets_are_none(self):
        for secrets in ([], [''], ['', '']):
            self.assertRaises(
                exception.MissingSecrets, signing.Keyring, secrets
            )

    def test_secrets_are_taken_as_they_are(self):
        secrets = ['a%sb', 'ü', ' ', 'a$b', "it's"]

        self.assertEqual(5, len({signing.key_id(item) for item in secrets}))
        for secret in secrets:
            keyring = signing.Keyring([secret])
            self.assertTrue(
                keyring.verify(
                    keyring.signing_key_id, TEXT, keyring.sign(TEXT)
                )
            )

    def test_the_key_id_does_not_tell_the_secret(self):
        self.assertRegex(signing.key_id('secret'), '^[0-9a-f]{16}$')
        self.assertNotIn('secret', signing.key_id('secret'))
