# SPDX-License-Identifier: Apache-2.0

"""Tests of invalid URLs and secrets."""

import pathlib

import fixtures
from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter import exception
from energy_meter import signing
from energy_meter.bus import transport


class TransportTest(base.BaseTestCase):
    def load(self, text):
        directory = self.useFixture(fixtures.TempDir()).path
        file = pathlib.Path(directory, 'energy_meter.conf')
        file.write_text(text, 'utf-8')
        return energy_meter_conf.load(['--config-file', str(file)], 'test')

    def assert_invalid(self, url):
        conf = self.load(f'[DEFAULT]\ntransport_url = {url}\n')
        error = self.assertRaises(
            exception.ConfigurationError, transport.connect, conf
        )
        self.assertIn('transport_url', str(error))
        self.assertNotIn('hunter', str(error))
        return str(error)

    def test_unknown_scheme_is_reported(self):
        self.assertIn(
            "'rabit'", self.assert_invalid('rabit://u:hunter2@host:5672/')
        )

    def test_invalid_url_is_reported_without_password(self):
        self.assert_invalid('rabbit://u:hunter2@host:port/')

    def test_dollar_in_url_is_reported_without_password(self):
        self.assertIn(
            '$$', self.assert_invalid('rabbit://u:secret$hunter2@host:5672/')
        )

    def test_secrets_are_a_list(self):
        conf = self.load('[bus]\nsecrets = current-secret, a%sb$$c\n')

        keyring = transport.keyring(conf)

        self.assertEqual(
            signing.key_id('current-secret'), keyring.signing_key_id
        )
        other = signing.Keyring(['a%sb$c'])
        self.assertTrue(
            keyring.verify(other.signing_key_id, b'', other.sign(b''))
        )

    def test_missing_secrets_are_an_error(self):
        for text in ('', '[bus]\nsecrets =\n', '[bus]\nsecrets = ,\n'):
            self.assertRaises(
                exception.MissingSecrets, transport.keyring, self.load(text)
            )

    def test_dollar_in_secret_is_reported_without_secret(self):
        conf = self.load('[bus]\nsecrets = secret$hunter2\n')

        error = self.assertRaises(
            exception.ConfigurationError, transport.keyring, conf
        )

        self.assertNotIn('hunter', str(error))
        self.assertIn('[bus] secrets', str(error))
        self.assertIn('$$', str(error))

    def test_explain_hides_credentials(self):
        for text, expected in (
            ('amqp://u:hunt/er2@h:1 is away', 'amqp://***@h:1 is away'),
            ('refused\nby u', 'refused'),
            ('', ''),
        ):
            self.assertEqual(
                f'OSError: {expected}' if expected else 'OSError',
                transport.explain(OSError(text)),
            )
