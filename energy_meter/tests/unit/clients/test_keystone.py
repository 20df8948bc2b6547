# SPDX-License-Identifier: Apache-2.0

"""Tests for the arguments of registration in Keystone."""

import io

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter.clients import keystone


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ReadPasswordTest(base.BaseTestCase):
    def set_variable(self, value):
        self.useFixture(
            fixtures.EnvironmentVariable(keystone.PASSWORD_VARIABLE, value)
        )

    def type(self, *passwords):
        typed = iter(passwords)
        self.set_variable(None)
        self.useFixture(fixtures.MonkeyPatch('sys.stdin', Terminal()))
        self.useFixture(
            fixtures.MonkeyPatch('getpass.getpass', lambda prompt: next(typed))
        )

    def test_environment_takes_precedence_over_terminal(self):
        self.type('typed', 'typed')
        self.set_variable('set')

        self.assertEqual('set', keystone.read_password())

    def test_password_is_read_from_terminal(self):
        self.type('typed', 'typed')

        self.assertEqual('typed', keystone.read_password())

    def test_different_passwords_are_rejected(self):
        self.type('typed', 'tpyed')

        error = self.assertRaises(
            exception.RegistrationFailed, keystone.read_password
        )

        self.assertIn('the passwords differ', str(error))

    def test_missing_terminal_is_rejected_with_name_of_variable(self):
        self.set_variable(None)
        self.useFixture(fixtures.MonkeyPatch('sys.stdin', io.StringIO()))

        error = self.assertRaises(
            exception.RegistrationFailed, keystone.read_password
        )

        self.assertIn('set ENERGY_METER_PASSWORD to the password', str(error))


class URLTest(base.BaseTestCase):
    def test_invalid_url_is_rejected(self):
        for url in '', 'controller:8878', 'ftp://controller', 'http:///v1':
            error = self.assertRaises(
                exception.RegistrationFailed,
                keystone.register,
                None,
                {'public': url},
            )

            self.assertIn(f'"{url}" is not a URL such as', str(error))
