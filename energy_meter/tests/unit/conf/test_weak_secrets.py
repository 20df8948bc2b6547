# SPDX-License-Identifier: Apache-2.0

"""Tests for warnings about weak secrets."""

from oslotest import base

from energy_meter import conf as energy_meter_conf
from energy_meter.conf import weak_secrets

STRONG = '5f1d7a90c3be4826'
OTHER = 'a3c9e17b40d85f62'


class WeakSecretsTest(base.BaseTestCase):
    def find(self, *texts: str) -> list[str]:
        """Return the errors of files, without the names of the files."""
        paths = self.create_tempfiles(
            [(f'test{number}', text) for number, text in enumerate(texts)]
        )
        arguments = [f'--config-file={path}' for path in paths]
        return [
            str(error).partition('.conf')[2]
            for error in weak_secrets.find(
                energy_meter_conf.load(arguments, 'test')
            )
        ]

    def assert_weak(self, reason: str, secrets: str) -> None:
        (error,) = self.find(f'[bus]\nsecrets = {secrets}\n')
        self.assertEqual(
            f':2: [bus] secrets: {reason}; generate one with: openssl rand '
            '-hex 32',
            error,
        )

    def test_long_and_different_secrets_are_not_weak(self):
        self.assertEqual(
            [],
            self.find(
                f'[bus]\nsecrets = {STRONG}\n'
                f'[agent:a]\nsecrets = {OTHER}\nprobes = a-*\n'
            ),
        )

    def test_short_secret_is_weak(self):
        self.assert_weak('secret 1 has fewer than 16 characters', STRONG[:15])

    def test_repeated_characters_are_weak(self):
        self.assert_weak(
            'secret 2 has fewer than 8 different characters',
            f'{STRONG}, {"abcdefg" * 3}',
        )

    def test_secret_of_the_documentation_is_weak(self):
        for secret in ('SECRET', 'SECRET-OF-METER-7', 'current-secret'):
            self.assert_weak(
                'secret 1 is published in the documentation', secret
            )

    def test_secret_in_a_continuation_line_is_checked(self):
        self.assert_weak(
            'secret 2 has fewer than 16 characters', f'{STRONG},\n  short'
        )

    def test_secret_of_two_agents_is_weak(self):
        self.assertEqual(
            [
                ':5: [agent:b] secrets: secret 1 is also in [agent:a]; '
                'generate one with: openssl rand -hex 32'
            ],
            self.find(
                f'[agent:a]\nsecrets = {STRONG}\nprobes = a\n'
                f'[agent:b]\nsecrets = {STRONG}\nprobes = b\n'
            ),
        )

    def test_secret_that_a_later_file_replaces_is_not_checked(self):
        self.assertEqual(
            [],
            self.find(
                '[bus]\nsecrets = short\n', f'[bus]\nsecrets = {STRONG}\n'
            ),
        )

    def test_password_of_the_documentation_is_weak(self):
        self.assertEqual(
            [
                ':2: [DEFAULT] transport_url: contains PASSWORD of the '
                'documentation; replace it',
                ':4: [wattmeter:a] password: contains PASSWORD of the '
                'documentation; replace it',
            ],
            self.find(
                '[DEFAULT]\ntransport_url = rabbit://u:PASSWORD@h/\n'
                '[wattmeter:a]\npassword = PASSWORD\n'
            ),
        )

    def test_default_password_of_rabbitmq_is_weak_in_a_network(self):
        (error,) = self.find(
            '[DEFAULT]\ntransport_url = rabbit://guest:guest@h/\n'
        )
        self.assertIn('contains the default password of RabbitMQ', error)
        self.assertEqual(
            [],
            self.find(
                '[DEFAULT]\ntransport_url = rabbit://guest:guest@127.0.0.1/\n'
            ),
        )

    def test_warning_does_not_contain_the_secret(self):
        for secret in ('hunter2', 'z' * 20, 'current-secret'):
            (error,) = self.find(f'[bus]\nsecrets = {secret}\n')
            self.assertNotIn(secret, error)
