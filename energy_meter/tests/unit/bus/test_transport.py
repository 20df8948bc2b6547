# SPDX-License-Identifier: Apache-2.0

"""Mistakes in what says where the bus is, and who may speak on it."""

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

    def assert_refused(self, url):
        conf = self.load(f'[DEFAULT]\ntransport_url = {url}\n')
        error = self.assertRaises(
            exception.ConfigurationError, transport.connect, conf
        )
        self.assertIn('transport_url', str(error))
        self.assertNotIn('hunter', str(error))
        return str(error)

    def test_an_unknown_kind_of_bus_is_named(self):
        self.assertIn(
            "'rabit'", self.assert_refused('rabit://u:hunter2@host:5672/')
        )

    def test_a_url_that_makes_no_sense_does_not_tell_its_password(self):
        self.assert_refused('rabbit://u:hunter2@host:port/')

    def test_a_dollar_in_a_url_does_not_tell_the_password(self):
        self.assertIn(
            '$$', self.assert_refused('rabbit://u:secret$hunter2@host:5672/')
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

    def test_no_secrets_are_refused(self):
        for text in ('', '[bus]\nsecrets =\n', '[bus]\nsecrets = ,\n'):
            self.assertRaises(
                exception.MissingSecrets, transport.keyring, self.load(text)
            )

    def test_a_dollar_in_a_secret_does_not_tell_the_secret(self):
        conf = self.load('[bus]\nsecrets = secret$hunter2\n')

        error = self.assertRaises(
            exception.ConfigurationError, transport.keyring, conf
        )

        self.assertNotIn('hunter', str(error))
        self.assertIn('[bus] secrets', str(error))
        self.assertIn('$$', str(error))

    def test_who_logs_in_is_not_told(self):
        for text, said in (
            ('amqp://u:hunt/er2@h:1 is away', 'amqp://***@h:1 is away'),
            ('refused\nby u', 'refused'),
            ('', ''),
        ):
            self.assertEqual(
                f'OSError: {said}' if said else 'OSError',
                transport.explain(OSError(text)),
            )
