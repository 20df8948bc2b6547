# SPDX-License-Identifier: Apache-2.0

"""What registration asks before it talks to Keystone."""

import io

import fixtures
from oslotest import base

from energy_meter import exception
from energy_meter import keystone


class Terminal(io.StringIO):
    def isatty(self):
        return True


class ReadPasswordTest(base.BaseTestCase):
    def set_variable(self, value):
        self.useFixture(
            fixtures.EnvironmentVariable(keystone.PASSWORD_VARIABLE, value)
        )

    def type(self, *passwords):
        answers = iter(passwords)
        self.set_variable(None)
        self.useFixture(fixtures.MonkeyPatch('sys.stdin', Terminal()))
        self.useFixture(
            fixtures.MonkeyPatch(
                'getpass.getpass', lambda prompt: next(answers)
            )
        )

    def test_takes_the_environment_first(self):
        self.type('typed', 'typed')
        self.set_variable('set')

        self.assertEqual('set', keystone.read_password())

    def test_asks_twice(self):
        self.type('typed', 'typed')

        self.assertEqual('typed', keystone.read_password())

    def test_refuses_what_was_typed_differently(self):
        self.type('typed', 'tpyed')

        error = self.assertRaises(
            exception.RegistrationFailed, keystone.read_password
        )

        self.assertIn('the passwords differ', str(error))

    def test_without_a_terminal_it_names_the_variable(self):
        self.set_variable(None)
        self.useFixture(fixtures.MonkeyPatch('sys.stdin', io.StringIO()))

        error = self.assertRaises(
            exception.RegistrationFailed, keystone.read_password
        )

        self.assertIn('ENERGY_METER_PASSWORD must hold', str(error))


class URLTest(base.BaseTestCase):
    def test_refuses_what_is_no_url(self):
        for url in '', 'controller:8878', 'ftp://controller', 'http:///v1':
            error = self.assertRaises(
                exception.RegistrationFailed,
                keystone.register,
                None,
                {'public': url},
            )

            self.assertIn(f'"{url}" is no URL such as', str(error))
